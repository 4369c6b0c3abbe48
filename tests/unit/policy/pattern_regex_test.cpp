// SPDX-License-Identifier: Apache-2.0
// The syntax of regular expressions: what is taken, what it matches, and what is said where it is wrong.
#include <gtest/gtest.h>

#include "policy/pattern/regex.h"
#include "policy/patterns.h"

namespace sockwarden {
namespace {

using namespace std::string_view_literals;
using pattern::parse_regex;
using test::ErrorRow;
using test::Row;

void expect_rows(const std::vector<Row> &rows) {
    for (const Row &row : rows) {
        const auto node = parse_regex(row.pattern);
        ASSERT_TRUE(node) << row.pattern << ": " << node.error().message;
        test::expect_row(row, *node);
    }
}

TEST(Regex, Literals) {
    expect_rows({
        {"", {"", "x"}, {}},
        {"abc", {"abc", "xabcx", "aabc"}, {"", "ab", "abxc"}},
        {"a\\.b", {"a.b"}, {"axb"}},
        {"\\_\\-\\\\", {"_-\\"}, {"-"}},
        {"\\a\\f\\n\\r\\t\\v", {"\a\f\n\r\t\v"}, {"afnrtv"}},
        {"\\x41\\x{42}\\x{0043}", {"ABC"}, {"x41"}},
        {"\\0\\12\\101", {"\0\nA"sv}, {"0", "\n"}},
        {"\\x00a", {"\0a"sv}, {"a"}},
        {"\\Qa.*\\Eb", {"a.*b"}, {"aab"}},
        {"\\Qab\\E+c", {"abbc"}, {"abab"}},
        {"\\Qa", {"a"}, {"\\Qb"}},
        {"\xc3\xa9", {"\xc3\xa9"}, {"\xc3", "\xe9"}},
        {"\\C", {"\n", "\xff"}, {""}},
    });
}

TEST(Regex, Classes) {
    expect_rows({
        {"^[b-d]$", {"b", "c", "d"}, {"a", "e", "", "bb"}},
        {"^[^b-d]$", {"a", "e", "\n", "\xff"}, {"b", "d", ""}},
        {"^[]a]$", {"]", "a"}, {"[", "b"}},
        {"^[^]a]$", {"b", "["}, {"]", "a"}},
        {"^[a-]$", {"a", "-"}, {"b"}},
        {"^[-a]$", {"a", "-"}, {"b"}},
        {"^[a\\-c]$", {"a", "-", "c"}, {"b"}},
        {"^[\\]\\x41-\\x43]$", {"]", "A", "B", "C"}, {"@", "D"}},
        {"^[\\d-z]$", {"5", "-", "z"}, {"y"}},
        {"^[[:alpha:]]$", {"a", "z", "A", "Z"}, {"@", "[", "`", "{", "0", "\xe9"}},
        {"^[[:^alpha:]x]$", {"0", "x"}, {"a"}},
        {"^[[:digit:]_]$", {"0", "9", "_"}, {"/", ":", "a"}},
        {"^[[:punct:]]$", {"!", "/", ":", "@", "[", "`", "{", "~"}, {" ", "0", "A", "a", "\x7f"}},
        {"^[[:cntrl:]]$", {"\0"sv, "\x1f", "\x7f"}, {" ", "\x80"}},
        {"^[[:space:]]$", {" ", "\t", "\n", "\v", "\f", "\r"}, {"\b", "\x0e"}},
        {"^[[:blank:]]$", {" ", "\t"}, {"\n"}},
        {"^[[:graph:]]$", {"!", "~"}, {" ", "\x7f"}},
        {"^[[:print:]]$", {" ", "~"}, {"\x1f", "\x7f"}},
        {"^[[:ascii:]]$", {"\0"sv, "\x7f"}, {"\x80"}},
        {"^[[:alnum:]]$", {"0", "A", "z"}, {"_"}},
        {"^[[:word:]]$", {"0", "A", "z", "_"}, {"-"}},
        {"^[[:lower:]]$", {"a", "z"}, {"A"}},
        {"^[[:upper:]]$", {"A", "Z"}, {"a"}},
        {"^[[:xdigit:]]$", {"0", "9", "a", "f", "A", "F"}, {"g", "G"}},
        {"^[[:]$", {"[", ":"}, {"]"}},
        {"^\\d\\D$", {"0a", "9\n"}, {"00", "aa"}},
        {"^\\s\\S$", {" a", "\n\v"}, {"\va", "  "}},
        {"^\\w\\W$", {"a-", "_\xe9", "0\n"}, {"-a", "aa"}},
        {"[^\\x00-\\xff]", {}, {"", "a", "\xff"}},
        {"^.$", {"a", "\0"sv, "\xff"}, {"\n", "", "ab"}},
    });
}

TEST(Regex, Repetitions) {
    expect_rows({
        {"^a*$", {"", "a", "aaa"}, {"b", "ab"}},
        {"^a+$", {"a", "aaa"}, {"", "b"}},
        {"^a?$", {"", "a"}, {"aa"}},
        {"^a{2}$", {"aa"}, {"a", "aaa"}},
        {"^a{2,}$", {"aa", "aaaa"}, {"a", ""}},
        {"^a{2,3}$", {"aa", "aaa"}, {"a", "aaaa"}},
        {"^a{0}$", {""}, {"a"}},
        {"^a{0,1}$", {"", "a"}, {"aa"}},
        {"^a*?b+?c??d{1,2}?$", {"abbcd", "bdd"}, {"d"}},
        {"^(ab)+$", {"ab", "abab"}, {"", "aba"}},
        {"^(a*)*$", {"", "aaa"}, {"b"}},
        {"^(a|b*){2}$", {"", "ab", "bba"}, {"aba"}},
        {"^(?:){5}(\\b)*$", {""}, {"a"}},
        {"^a{,2}$", {"a{,2}"}, {"aa"}},
        {"^a{02}$", {"a{02}"}, {"aa"}},
        {"^a{x}{$", {"a{x}{"}, {"a"}},
        {"^{$", {"{"}, {""}},
    });
}

TEST(Regex, RepeatsAsOftenAsTheLimit) {
    const std::string text(1001, 'x');
    const std::string_view view = text;
    expect_rows({{"^x{1000}$", {view.substr(1)}, {view.substr(2), view}}});
}

TEST(Regex, GroupsAndChoices) {
    expect_rows({
        {"a|b", {"a", "b"}, {"c"}},
        {"^(a|bc)d$", {"ad", "bcd"}, {"abd", "d"}},
        {"^(?:a||b)c$", {"ac", "bc", "c"}, {"abc"}},
        {"^(|a)$", {"", "a"}, {"aa"}},
        {"^a|b$", {"ax", "xb"}, {"xa", "bx"}},
        {"^(?P<name>a)(?<other>b)$", {"ab"}, {"a"}},
        {"()", {""}, {}},
    });
}

TEST(Regex, Flags) {
    expect_rows({
        {"(?i)aB[x-z]", {"Aby", "abZ"}, {"a"}},
        {"a(?i)b", {"ab", "aB"}, {"Ab"}},
        {"a((?i)b)c", {"aBc"}, {"aBC"}},
        {"(?i:a)b", {"Ab"}, {"AB"}},
        {"(?i)a(?-i)b", {"Ab"}, {"aB"}},
        {"(?i)[^k]", {"s"}, {"k", "K"}},
        {"(?i)[[:upper:]]", {"a"}, {"0"}},
        {"(?i)[[:^upper:]]", {"0"}, {"a", "A"}},
        {"^(?i)\xe9\xd7\xff$", {"\xe9\xd7\xff", "\xc9\xd7\xff"}, {"\xe9\xf7\xff", "\xe9\xd7\xdf"}},
        {"(?s)^.$", {"\n"}, {""}},
        {"(?s-s)^.$", {"a"}, {"\n"}},
        {"(?U)a+", {"a"}, {""}},
        {"(?)(?:)a", {"a"}, {""}},
    });
}

TEST(Regex, Assertions) {
    expect_rows({
        {"^a", {"a", "ab"}, {"ba", "\na"}},
        {"a$", {"a", "ba"}, {"ab", "a\n"}},
        {"\\Aa\\z", {"a"}, {"a\n", "ba"}},
        {"(?m)^a$", {"a", "b\na", "a\nb", "b\na\nc"}, {"ba", "ab", "b\nac"}},
        {"(?m)\\Aa\\z", {"a"}, {"b\na", "a\nb"}},
        {"(?m)^$", {"", "a\n", "\na", "a\n\nb"}, {"a", "a\nb"}},
        {"(?m)a$^\n", {}, {"a\n", "a\n\n"}},
        {"(?m)a\n^$", {"a\n", "a\n\nb"}, {"a\nb"}},
        {"\\ba\\b",
         {"a", "-a-", "b a",
          "\xe9"
          "a"},
         {"ab", "ba", "_a", "a0", "bab"}},
        {"a\\b", {"a", "ba", "a "}, {"ab"}},
        {"\\ba", {"a", " a"}, {"ba"}},
        {"a\\B", {"ab"}, {"a", "a-"}},
        {"\\Ba", {"ba"}, {"a", "-a"}},
        {"\\B", {"", "-", "ab"}, {"a", "a b"}},
        {"\\b", {"a", "-a"}, {"", "-"}},
        {"^\\B-\\B$", {"-"}, {"a"}},
        {"a(?:\\b|$)b", {}, {"ab"}},
        {"(a$|^b)c?$", {"a", "b", "bc", "xa"}, {"ac", "xb"}},
        {"$a", {}, {"a", ""}},
        {"a^", {}, {"a"}},
        {"(^)*(\\b)+x", {"x", "-x"}, {"ax"}},
    });
}

TEST(Regex, SaysWhatIsWrong) {
    for (const ErrorRow &row : std::vector<ErrorRow>{
             {"a)b", 1, "no ')'"},
             {"(ab", 3, "'(' at byte 0"},
             {"a(b(c)", 6, "'(' at byte 1"},
             {"a[bc", 4, "']' for the '[' at byte 1"},
             {"a[]", 3, "']'"},
             {"[", 1, "']'"},
             {"[^", 2, "']'"},
             {"x[b-a]", 2, "range that rises: \\x62 is after \\x61"},
             {"[a-\\d]", 4, "escape"},
             {"[[:alpa:]]", 1, "name of a class"},
             {"[\\b]", 2, "escape"},
             {"*a", 0, "something to repeat"},
             {"a|*", 2, "something to repeat"},
             {"(+)", 1, "something to repeat"},
             {"{2}", 0, "something to repeat"},
             {"a**", 2, "one repetition"},
             {"a+?*", 3, "one repetition"},
             {"a{2}{3}", 4, "one repetition"},
             {"a{3,2}", 1, "bounds that rise"},
             {"a{1001}", 1, "at most 1000"},
             {"a{2,99999999999}", 1, "at most 1000"},
             {"a\\", 2, "after the backslash"},
             {"a\\q", 2, "escape"},
             {"\\Z", 1, "escape"},
             {"a\\E", 2, "escape"},
             {"\\\xe9", 1, "escape"},
             {"\\1", 1, "group"},
             {"\\8", 1, "escape"},
             {"\\777", 1, "at most"},
             {"\\pL", 1, "Unicode"},
             {"[\\PN]", 2, "Unicode"},
             {"\\x", 2, "hex"},
             {"\\x4", 3, "hex"},
             {"\\x4g", 3, "hex"},
             {"\\x{}", 3, "hex"},
             {"\\x{41", 5, "'}'"},
             {"\\x{100}", 3, "a byte"},
             {"(?=a)", 2, "condition"},
             {"(?<!a)", 2, "condition"},
             {"(?P<>a)", 4, "name"},
             {"(?P<a", 4, "name"},
             {"(?P<a-b>c)", 4, "name"},
             {"(?P<a>b)(?P<a>c)", 12, "no other group has: a"},
             {"(?x)a", 2, "flags"},
             {"(?i", 3, "flags"},
             {"(?i-)a", 4, "flags"},
             {"(?i-s-m)a", 5, "flags"},
             {"(?", 2, "flags"},
         }) {
        test::expect_error(row, parse_regex(row.pattern));
    }
}

TEST(Regex, BoundsDepth) {
    const auto nested = [](unsigned depth) { return std::string(depth, '(') + "a" + std::string(depth, ')'); };
    EXPECT_TRUE(parse_regex(nested(pattern::kMostDepth)));
    const std::string deep = nested(pattern::kMostDepth + 1);
    test::expect_error({deep, pattern::kMostDepth, "inside each other"}, parse_regex(deep));
    EXPECT_FALSE(parse_regex(std::string(1'000'000, '(')));
    EXPECT_TRUE(parse_regex("(a)(?i)" + nested(pattern::kMostDepth)));
}

}  // namespace
}  // namespace sockwarden
