// SPDX-License-Identifier: Apache-2.0
// Globs and literals: what they match, and what is said where a glob is wrong.
#include <gtest/gtest.h>

#include "policy/pattern/glob.h"
#include "policy/pattern/literal.h"
#include "policy/patterns.h"

namespace sockwarden {
namespace {

using namespace std::string_view_literals;
using pattern::parse_glob;
using test::ErrorRow;
using test::Row;

TEST(Glob, Matches) {
    for (const Row &row : std::vector<Row>{
             {"", {""}, {"a"}},
             {"/run/x.sock", {"/run/x.sock"}, {"/run/xysock", "/run/x.sock2", "x/run/x.sock", ""}},
             {"/run/*", {"/run/", "/run/a", "/run/\n\xff"}, {"/run", "/run/a/b", "/run/a/"}},
             {"/run/**", {"/run/", "/run/a", "/run/a/b"}, {"/run", "/ru/n"}},
             {"**/x", {"/x", "a/b/x"}, {"x", "/xy"}},
             {"a**b*c", {"abc", "a/b/bxc", "abbc"}, {"ab/c", "ac"}},
             {"a***b", {"ab", "a/b"}, {"a"}},
             {"?", {"a", "\n", "\xff"}, {"/", "", "ab"}},
             {"[a-c]", {"a", "b", "c"}, {"d", "[", ""}},
             {"[!a-c]", {"d", "\n"}, {"a", "/", ""}},
             {"[^a-c]", {"d", "^"}, {"c", "/"}},
             {"[a^!]", {"a", "^", "!"}, {"b"}},
             {"[]x]", {"]", "x"}, {"["}},
             {"[!]x]", {"[", "y"}, {"]", "x"}},
             {"[a-]", {"a", "-"}, {"b"}},
             {"[\\]-a]", {"]", "^", "a"}, {"\\", "b"}},
             {"[+-9]", {"+", ".", "0"}, {"/"}},
             {"[/]", {}, {"/", ""}},
             {"[[:digit:]x]", {"0", "x"}, {":", "d"}},
             {"\\*\\?\\[\\\\", {"*?[\\"}, {"a?[\\"}},
             {"\\n", {"n"}, {"\n"}},
             {"a.b+(c)^$|{d}", {"a.b+(c)^$|{d}"}, {"axb+(c)^$|{d}"}},
         }) {
        const auto node = parse_glob(row.pattern);
        ASSERT_TRUE(node) << row.pattern << ": " << node.error().message;
        test::expect_row(row, *node);
    }
}

TEST(Glob, SaysWhatIsWrong) {
    for (const ErrorRow &row : std::vector<ErrorRow>{
             {"a\\", 2, "after the backslash"},
             {"a[b", 3, "'[' at byte 1"},
             {"[", 1, "']'"},
             {"[!]", 3, "']'"},
             {"x[b-a]", 2, "range that rises"},
             {"[\\", 2, "after the backslash"},
             {"[a-\\", 4, "after the backslash"},
             {"[[:nope:]]", 1, "name of a class"},
         }) {
        test::expect_error(row, parse_glob(row.pattern));
    }
}

TEST(Literal, Matches) {
    test::expect_row({"equals", {"a.b"}, {"", "axb", "a.bc", "xa.b", "a."}}, pattern::equals("a.b"));
    test::expect_row({"equals nothing", {""}, {"a"}}, pattern::equals(""));
    test::expect_row({"starts", {"ab", "abc"}, {"a", "xab", ""}}, pattern::starts_with("ab"));
    test::expect_row({"ends", {"ab", "xab", "aab"}, {"abx", "b", ""}}, pattern::ends_with("ab"));
    test::expect_row({"contains", {"ab", "xaaby"}, {"a", "axb", ""}}, pattern::contains("ab"));
    test::expect_row({"NUL", {"a\0b"sv}, {"a", "ab", "a\0"sv}}, pattern::equals("a\0b"sv));
    for (const auto &node : {pattern::starts_with(""), pattern::ends_with(""), pattern::contains("")}) {
        test::expect_row({"empty", {"", "a"}, {}}, node);
    }
}

}  // namespace
}  // namespace sockwarden
