// SPDX-License-Identifier: Apache-2.0
// The plain evaluator: a table of every fact and operator with a match, no match and an unknown, and what is special.
#include "policy/walk.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "expressions.h"
#include "policy/network.h"
#include "policy/text_pattern.h"

namespace sockwarden::policy {
namespace {

NamedFiles &files() {
    static NamedFiles files;
    return files;
}

Truth truth(std::string_view expression, const Facts &facts, const Lists &lists = {}) {
    return test::truth_of(expression, facts, files().lookup(), lists);
}

// ---- Every fact and operator. A cell that nobody filled fails by the name of its fact and operator.

// What is asked of the sample value of a type: %s stands for the fact.
struct Asked {
    std::string match, no_match;
};
struct Sample {
    Value value;
    std::map<OperatorId, Asked> asked;
};

Asked values(std::string_view op, std::string_view match, std::string_view no_match) {
    return {fmt::format("{{}} {} {}", op, match), fmt::format("{{}} {} {}", op, no_match)};
}
Asked method(std::string_view op, std::string_view match, std::string_view no_match) {
    return {fmt::format("{{}}{}('{}')", op.substr(0, op.size() - 2), match),
            fmt::format("{{}}{}('{}')", op.substr(0, op.size() - 2), no_match)};
}

using enum OperatorId;

Sample number_sample() {
    return {std::int64_t{5},
            {{equal, values("==", "5", "4")},
             {not_equal, values("!=", "4", "5")},
             {in, values("in", "[4, 5]", "[4, 6]")},
             {less, values("<", "6", "5")},
             {less_equal, values("<=", "5", "4")},
             {greater, values(">", "4", "5")},
             {greater_equal, values(">=", "5", "6")}}};
}

Sample text_sample() {
    return {Text{"a/bcd"},
            {{equal, values("==", "'a/bcd'", "'a/bc'")},
             {not_equal, values("!=", "'A/bcd'", "'a/bcd'")},
             {in, values("in", "['x', 'a/bcd']", "['a', 'd']")},
             {starts_with, method(".startsWith()", "a/", "/")},
             {ends_with, method(".endsWith()", "cd", "bc")},
             {contains, method(".contains()", "/b", "ab")},
             {matches, method(".matches()", "b.d$", "^b")},
             {glob, method(".glob()", "a/*", "a*")}}};
}

Sample word_sample(const FactRow &row) {
    const auto words = values_of(row);
    const auto quoted = [&](std::size_t i) { return fmt::format("'{}'", words[i]); };
    if (row.type == FactType::flags) {
        return {Flags{{std::string(words[0])}}, {{holds, {quoted(0) + " in {}", quoted(1) + " in {}"}}}};
    }
    return {Text{std::string(words[0])},
            {{equal, values("==", quoted(0), quoted(1))},
             {not_equal, values("!=", quoted(1), quoted(0))},
             {in, values("in", "[" + quoted(1) + "," + quoted(0) + "]", "[" + quoted(1) + "]")}}};
}

Sample sample_of(const FactRow &row) {
    switch (row.type) {
        case FactType::boolean:
            return {true,
                    {{equal, values("==", "true", "false")},
                     {not_equal, values("!=", "false", "true")},
                     {in, values("in", "[true]", "[false]")}}};
        case FactType::u16:
        case FactType::u32:
        case FactType::u64:
            return number_sample();
        case FactType::text:
        case FactType::bytes:
            return text_sample();
        case FactType::file:
            return {files()("/a"),
                    {{equal, values("==", "'/a'", "'/b'")},
                     {not_equal, values("!=", "'/b'", "'/a'")},
                     {in, values("in", "['/b', '/a']", "['/b', '/c']")}}};
        case FactType::address:
            return {*parse_address("10.1.2.3"),
                    {{equal, values("==", "'10.1.2.3'", "'10.1.2.4'")},
                     {not_equal, values("!=", "'::1'", "'::ffff:10.1.2.3'")},
                     {in, values("in", "['::1', '10.1.2.3']", "['::1']")},
                     {in_cidr, method(".inCidr()", "10.0.0.0/8", "11.0.0.0/8")}}};
        case FactType::name:
        case FactType::flags:
            return word_sample(row);
        case FactType::list:
            return {Absent{},
                    {{exists, {"{}.exists(x, true)", "{}.exists(x, false)"}},
                     {all, {"{}.all(x, true)", "{}.all(x, false)"}}}};
    }
    return {};
}

// The message in which `row` has a value, and the expression that asks for it there.
Facts with(const FactRow &row, const Value &value) {
    Facts facts;
    if (const FactRow *list = list_of(row)) {
        facts.lists[list->id].items.push_back({{row.id, value}});
    } else if (row.type != FactType::list) {
        facts.values[row.id] = value;
    } else if (!std::holds_alternative<Absent>(value)) {
        facts.lists[row.id] = unknown_elements();
    }
    return facts;
}
std::string asked_of(const FactRow &row, std::string_view question) {
    const FactRow *list = list_of(row);
    const std::string name =
        list == nullptr ? std::string(row.path) : "x" + std::string(row.path.substr(list->path.size()));
    const std::string test = fmt::format(fmt::runtime(question), name);
    return list == nullptr ? test : fmt::format("{}.exists(x, {})", list->path, test);
}

struct Cell {
    FactRow fact;
    OperatorRow op;
};
void PrintTo(const Cell &cell, std::ostream *to) { *to << cell.fact.path << ' ' << cell.op.spelling; }

std::vector<Cell> cells() {
    std::vector<Cell> all;
    for (const FactRow &fact : facts()) {
        for (const OperatorRow &op : operators()) {
            if ((fact.operators & op.set) != 0) {
                all.push_back({fact, op});
            }
        }
    }
    return all;
}

class EachTest : public testing::TestWithParam<Cell> {};

TEST_P(EachTest, MatchesOrNotOrIsUnknown) {
    const auto &[row, op] = GetParam();
    const Sample sample = sample_of(row);
    const auto asked = sample.asked.find(op.id);
    ASSERT_NE(asked, sample.asked.end()) << "no test of " << row.path << " " << op.spelling;
    const std::string match = asked_of(row, asked->second.match), no_match = asked_of(row, asked->second.no_match);
    Facts known = with(row, sample.value);
    if (row.type == FactType::list) {
        known.lists[row.id].items.emplace_back();
    }
    EXPECT_EQ(truth(match, known), Truth::yes) << match;
    EXPECT_EQ(truth(no_match, known), Truth::no) << no_match;
    EXPECT_EQ(truth("!(" + match + ")", known), Truth::no) << match;
    EXPECT_EQ(truth("!(" + no_match + ")", known), Truth::yes) << no_match;
    const bool decided = op.id == exists || op.id == all;  // by the constant that is asked of elements
    const Facts unknown = with(row, Unknown{});
    EXPECT_EQ(truth(match, unknown), Truth::unknown) << match;
    const bool never = op.id == exists;  // what is asked of elements, false, holds of none that may be there
    EXPECT_EQ(truth(no_match, unknown), never ? Truth::no : Truth::unknown) << no_match;
    EXPECT_EQ(truth("!(" + match + ")", unknown), Truth::unknown) << match;
    const Facts absent = with(row, Absent{});
    EXPECT_EQ(truth(match, absent), Truth::no) << match;
    EXPECT_EQ(truth(no_match, absent), Truth::no) << no_match;
    EXPECT_EQ(truth(match, Facts{}), Truth::no) << match << (decided ? ", no list" : "");
}

TEST_P(EachTest, HasTellsKnownAbsentAndUnknown) {
    const FactRow &row = GetParam().fact;
    const std::string has = asked_of(row, "has({})");
    Facts known = with(row, sample_of(row).value);
    if (row.type == FactType::list) {
        known.lists[row.id] = {};
    }
    EXPECT_EQ(truth(has, known), Truth::yes);
    EXPECT_EQ(truth(has, with(row, Unknown{})), Truth::unknown);
    EXPECT_EQ(truth(has, with(row, Absent{})), Truth::no);
}

INSTANTIATE_TEST_SUITE_P(Cells, EachTest, testing::ValuesIn(cells()), [](const auto &row) {
    return std::string(row.param.fact.name) + "_" + std::string(row.param.op.name);
});

// ---- Logic.

// A boolean fact stands for each value: peeked, credentials.
Facts logic(Truth a, Truth b) {
    const auto value = [](Truth t) { return t == Truth::unknown ? Value(Unknown{}) : Value(t == Truth::yes); };
    return {{{FactId::peeked, value(a)}, {FactId::credentials, value(b)}}, {}};
}

TEST(Walk, LogicIsKleenes) {
    using enum Truth;
    struct Row {
        Truth a, b, both, either;
    };
    constexpr Row kRows[] = {
        {no, no, no, no},           {no, unknown, no, unknown},           {no, yes, no, yes},
        {unknown, no, no, unknown}, {unknown, unknown, unknown, unknown}, {unknown, yes, unknown, yes},
        {yes, no, no, yes},         {yes, unknown, unknown, yes},         {yes, yes, yes, yes}};
    for (const Row &row : kRows) {
        const Facts facts = logic(row.a, row.b);
        EXPECT_EQ(truth("peeked && credentials", facts), row.both) << test::name_of(row.a) << test::name_of(row.b);
        EXPECT_EQ(truth("peeked || credentials", facts), row.either) << test::name_of(row.a) << test::name_of(row.b);
    }
    EXPECT_EQ(truth("!peeked", logic(yes, yes)), no);
    EXPECT_EQ(truth("!peeked", logic(no, yes)), yes);
    EXPECT_EQ(truth("!peeked", logic(unknown, yes)), unknown);
    EXPECT_EQ(truth("true", {}), yes);
    EXPECT_EQ(truth("false || false", {}), no);
    EXPECT_EQ(truth("peeked || credentials && false", logic(yes, no)), yes) << "&& binds more tightly";
}

// ---- Elements.

Facts sent_by(std::vector<Value> uids, bool complete) {
    Facts facts;
    Elements &senders = facts.lists[FactId::senders];
    senders.complete = complete;
    for (Value &uid : uids) {
        senders.items.push_back({{FactId::senders_uid, std::move(uid)}});
    }
    return facts;
}

TEST(Walk, ElementsKnownAndUnknown) {
    const Value zero = std::int64_t{0}, one = std::int64_t{1}, unknown = Unknown{}, absent = Absent{};
    struct Row {
        std::vector<Value> uids;
        bool complete;
        Truth exists, all;
    };
    const Row rows[] = {
        {{}, true, Truth::no, Truth::yes},
        {{zero}, true, Truth::yes, Truth::yes},
        {{one}, true, Truth::no, Truth::no},
        {{one, zero}, true, Truth::yes, Truth::no},
        {{unknown}, true, Truth::unknown, Truth::unknown},
        {{unknown, zero}, true, Truth::yes, Truth::unknown},
        {{unknown, one}, true, Truth::unknown, Truth::no},
        {{absent}, true, Truth::no, Truth::no},
        {{}, false, Truth::unknown, Truth::unknown},
        {{zero}, false, Truth::yes, Truth::unknown},
        {{one}, false, Truth::unknown, Truth::no},
    };
    for (const Row &row : rows) {
        const Facts facts = sent_by(row.uids, row.complete);
        EXPECT_EQ(truth("senders.exists(s, s.uid == 0)", facts), row.exists) << &row - rows;
        EXPECT_EQ(truth("senders.all(s, s.uid == 0)", facts), row.all) << &row - rows;
    }
    EXPECT_EQ(truth("senders.exists(s, s.uid == 0)", {}), Truth::no) << "an absent list";
    EXPECT_EQ(truth("senders.all(s, s.uid == 0)", {}), Truth::no) << "an absent list";
}

TEST(Walk, NestedElementsAreTheirOwn) {
    Facts facts = sent_by({Value(std::int64_t{1}), Value(std::int64_t{2})}, true);
    facts.values[FactId::process_uid] = std::int64_t{2};
    EXPECT_EQ(truth("senders.exists(s, senders.exists(t, s.uid == 1 && t.uid == 2))", facts), Truth::yes);
    EXPECT_EQ(truth("senders.exists(s, senders.all(t, s.uid == t.uid))", facts), Truth::no);
    EXPECT_EQ(truth("senders.exists(s, s.uid == process.uid)", facts), Truth::yes);
    EXPECT_EQ(truth("senders.all(s, s.uid != process.uid)", facts), Truth::no);
}

// ---- Two facts.

TEST(Walk, TwoFactsAreCompared) {
    const auto uids = [](Value a, Value b) {
        return Facts{{{FactId::process_uid, std::move(a)}, {FactId::process_gid, std::move(b)}}, {}};
    };
    const Value zero = std::int64_t{0}, one = std::int64_t{1};
    struct Row {
        Facts facts;
        Truth equal, not_equal;
    };
    const Row rows[] = {{uids(zero, zero), Truth::yes, Truth::no},
                        {uids(zero, one), Truth::no, Truth::yes},
                        {uids(zero, Unknown{}), Truth::unknown, Truth::unknown},
                        {uids(Unknown{}, one), Truth::unknown, Truth::unknown},
                        {uids(zero, Absent{}), Truth::no, Truth::no},
                        {uids(Absent{}, zero), Truth::no, Truth::no},
                        {uids(Unknown{}, Absent{}), Truth::no, Truth::no},
                        {uids(Absent{}, Unknown{}), Truth::no, Truth::no}};
    for (const Row &row : rows) {
        EXPECT_EQ(truth("process.uid == process.gid", row.facts), row.equal) << &row - rows;
        EXPECT_EQ(truth("process.uid != process.gid", row.facts), row.not_equal) << &row - rows;
    }
}

// ---- Texts that are cut.

struct CutRow {
    std::string_view question;
    Truth truth;
};
void PrintTo(const CutRow &row, std::ostream *to) { *to << row.question; }

class CutText : public testing::TestWithParam<CutRow> {};

// "abc" and at least one byte more.
TEST_P(CutText, DecidesWhereItCan) {
    const Facts facts{{{FactId::payload, Text{"abc", true}}}, {}};
    EXPECT_EQ(truth("payload" + std::string(GetParam().question), facts), GetParam().truth);
}

constexpr CutRow kCut[] = {
    {" == 'abc'", Truth::no},
    {" == 'ab'", Truth::no},
    {" == 'abcd'", Truth::unknown},
    {" == 'abd'", Truth::no},
    {" != 'abc'", Truth::yes},
    {" != 'abcd'", Truth::unknown},
    {" in ['x', 'abcd']", Truth::unknown},
    {" in ['x', 'abc']", Truth::no},
    {".startsWith('ab')", Truth::yes},
    {".startsWith('abc')", Truth::yes},
    {".startsWith('abcd')", Truth::unknown},
    {".startsWith('b')", Truth::no},
    {".startsWith('xbcd')", Truth::no},
    {".endsWith('c')", Truth::unknown},
    {".contains('bc')", Truth::yes},
    {".contains('x')", Truth::unknown},
    {".matches('bc')", Truth::yes},
    {".matches('b.')", Truth::yes},
    {".matches('c$')", Truth::unknown},
    {".matches('(?m)c$')", Truth::unknown},
    {".matches('c\\\\b')", Truth::unknown},
    {".matches('c\\\\B')", Truth::unknown},
    {".matches('b\\\\B')", Truth::yes},
    {".matches('c.')", Truth::unknown},
    {".matches('^x')", Truth::unknown},
    {".matches('\\\\Qb')", Truth::yes},
    {".matches('b|x')", Truth::yes},
    {".glob('a*')", Truth::unknown},
};
INSTANTIATE_TEST_SUITE_P(Rows, CutText, testing::ValuesIn(kCut));

TEST(Walk, CutFactsAreCompared) {
    const auto names = [](Text a, Text b) {
        return Facts{{{FactId::process_comm, std::move(a)}, {FactId::process_unit, std::move(b)}}, {}};
    };
    const auto same = [&](Text a, Text b) {
        return truth("process.comm == process.unit", names(std::move(a), std::move(b)));
    };
    EXPECT_EQ(same({"ab", true}, {"abc", false}), Truth::unknown);
    EXPECT_EQ(same({"abc", false}, {"ab", true}), Truth::unknown);
    EXPECT_EQ(same({"ab", true}, {"ab", false}), Truth::no);
    EXPECT_EQ(same({"ab", true}, {"ac", true}), Truth::no);
    EXPECT_EQ(same({"ab", true}, {"abc", true}), Truth::unknown);
}

// ---- Files, networks, globs.

TEST(Walk, AFileThatIsNotThereIsNoFile) {
    const Facts facts{{{FactId::process_exe, File{8, 99}}}, {}};
    const FileLookup none = [](std::string_view) { return std::optional<File>(); };
    const FileLookup other_name = [](std::string_view) { return std::optional(File{8, 99}); };
    EXPECT_EQ(test::truth_of("process.exe == '/gone'", facts, none), Truth::no);
    EXPECT_EQ(test::truth_of("process.exe != '/gone'", facts, none), Truth::yes);
    EXPECT_EQ(test::truth_of("process.exe == '/other/name'", facts, other_name), Truth::yes);
    EXPECT_EQ(test::truth_of("process.exe in ['/other/name']", facts, other_name), Truth::yes);
}

TEST(Network, HoldsItsAddresses) {
    struct Row {
        std::string_view network, address;
        bool inside;
    };
    constexpr Row kRows[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.1.2.3/32", "10.1.2.3", true},
        {"10.1.2.3/32", "10.1.2.2", false},
        {"0.0.0.0/0", "255.1.1.1", true},
        {"0.0.0.0/0", "::1", false},
        {"192.168.1.128/25", "192.168.1.127", false},
        {"192.168.1.128/25", "192.168.1.129", true},
        {"fe80::/10", "febf::1", true},
        {"fe80::/10", "fec0::1", false},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"::/0", "10.0.0.1", true},
        {"::1/128", "::1", true},
    };
    for (const Row &row : kRows) {
        EXPECT_EQ(policy::contains(*parse_network(row.network), *parse_address(row.address)), row.inside)
            << row.network << ' ' << row.address;
    }
    for (const std::string_view bad :
         {"", "/8", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/8 "}) {
        EXPECT_FALSE(parse_network(bad)) << bad;
    }
}

TEST(Glob, MatchesWholeTexts) {
    struct Row {
        std::string_view glob, text;
        bool matches;
    };
    using namespace std::string_view_literals;
    constexpr Row kRows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "a/b", false},
        {"**", "a/b\n", true},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"a?c", "ac", false},
        {"/usr/*/x", "/usr/a/x", true},
        {"/usr/*/x", "/usr/a/b/x", false},
        {"/usr/**/x", "/usr/a/b/x", true},
        {"[a-c]", "b", true},
        {"[a-c]", "d", false},
        {"[!a-c]", "d", true},
        {"[^a-c]", "a", false},
        {"[!a]", "/", false},
        {"[]a]", "]", true},
        {"[a-]", "-", true},
        {"[[:digit:]]x", "7x", true},
        {"[[:digit:]]", "a", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"a.c", "abc", false},
        {"(a|b)", "(a|b)", true},
        {"[/]", "/", false},
        {"\xff", "\xff", true},
        {"\0"sv, "\0"sv, true},
    };
    for (const Row &row : kRows) {
        ASSERT_EQ(pattern_mistake(glob, row.glob), "") << row.glob;
        EXPECT_EQ(match_pattern(glob, row.glob, Text{std::string(row.text)}), truth_of(row.matches))
            << row.glob << " of " << row.text;
    }
}

TEST(Matches, WorksOverBytes) {
    EXPECT_EQ(match_pattern(matches, "^.$", Text{"\xff"}), Truth::yes);
    EXPECT_EQ(match_pattern(matches, "^..$", Text{"\xc3\xbc"}), Truth::yes) << "two bytes, not one character";
    EXPECT_EQ(match_pattern(matches, "\\x00", Text{std::string("a\0b", 3)}), Truth::yes);
}

}  // namespace
}  // namespace sockwarden::policy
