// SPDX-License-Identifier: Apache-2.0
// Policies out of YAML: what is taken, and what is said where and why it is not.
#include "policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace sockwarden::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> mistakes_of(std::string text) {
    const Result<Policy, Mistakes> policy = read_policy(std::move(text));
    std::vector<std::string> texts;
    for (const Mistake &mistake : policy ? Mistakes{} : policy.error()) {
        texts.push_back(mistake_text("f", mistake));
    }
    return texts;
}

constexpr std::string_view kHead = "version: 1\nname: p\n";

struct Row {
    std::string_view text, mistake;  // the text stands from line 3 on
};
void PrintTo(const Row &row, std::ostream *to) { *to << row.text; }

class RefusedPolicy : public testing::TestWithParam<Row> {};
TEST_P(RefusedPolicy, WithItsPlaceAndAHint) {
    EXPECT_THAT(mistakes_of(std::string(kHead) + std::string(GetParam().text)), ElementsAre(GetParam().mistake));
}

constexpr Row kShape[] = {
    {"rules: x", "f:3:8: expected rules as a list, and this is a single value"},
    {"rules:", "f:3:1: expected rules as a list, and this is nothing"},
    {"rules: [x]", "f:3:9: expected a rule as a map, and this is a single value"},
    {"mode: audot\nrules: []", "f:3:7: expected a mode, and this is audot; it is one of enforce, audit"},
    {"default: drop\nrules: []", "f:3:10: expected a default, and this is drop; it is one of allow, deny"},
    {"mod: audit\nrules: []", "f:3:1: a policy has no key mod; did you mean mode?"},
    {"comment: x\nrules: []",
     "f:3:1: a policy has no key comment; it has version, name, mode, default, lists, rules, tests"},
    {"rules: []\nlists: []", "f:4:8: expected lists as a map of names"},
    {"rules: []\nlists: {a-b: [1]}",
     "f:4:9: \"a-b\" is not the name of a list; names of lists are of letters, digits and _"},
    {"rules: []\nlists: {a: 1}", "f:4:12: expected the items of a list, and this is a single value"},
    {"rules: []\nlists: {a: []}", "f:4:12: the list a is empty"},
    {"rules: []\nlists: {a: [[1]]}", "f:4:13: expected a number or a string in a list"},
};
INSTANTIATE_TEST_SUITE_P(Shape, RefusedPolicy, testing::ValuesIn(kShape));

constexpr Row kRules[] = {
    {"rules: [{name: a}]", "f:3:9: a rule needs the key action"},
    {"rules: [{action: deny}]", "f:3:9: a rule needs the key name"},
    {"rules: [{name: a, action: deny, whn: x}]", "f:3:33: a rule has no key whn; did you mean when?"},
    {"rules: [{name: a b, action: deny}]",
     "f:3:16: \"a b\" is not a name; names are of letters, digits, _ - and ., at most 64"},
    {"rules: [{name: a, action: denny}]", "f:3:27: there is no action denny; did you mean deny?"},
    {"rules: [{name: a, action: zzzzzz}]",
     "f:3:27: there is no action zzzzzz; it is one of alert, allow, deny-fds, drop, deny, kill"},
    {"rules: [{name: a, action: deny, errno: EFOO}]",
     "f:3:40: there is no error EFOO; errors are called as in errno(3): EACCES"},
    {"rules: [{name: a, action: drop, errno: EACCES}]",
     "f:3:40: an errno makes no sense with the action drop; only a call that is denied has one"},
    {"rules: [{name: a, action: deny, when: [x]}]", "f:3:39: expected an expression, and this is a list"},
    {"rules: [{name: a, action: deny, when: }]", "f:3:39: expected an expression, and this is nothing"},
    {"rules: [{name: a, when: peeked, action: deny}, {name: a, action: deny}]",
     "f:3:48: there are two rules a; rename one of them"},
    {"rules: [{name: a, action: deny}, {name: b, action: deny}]",
     "f:3:34: the rule b is never reached; the rule a before it always matches"},
};
INSTANTIATE_TEST_SUITE_P(Rules, RefusedPolicy, testing::ValuesIn(kRules));

// The column is that of the expression's own text, however it is written in YAML.
constexpr Row kExpressions[] = {
    {"rules:\n- name: a\n  when: peeked && proces.uid == 0\n  action: deny",
     "f:5:19: there is no fact proces.uid; did you mean process.uid?"},
    {"rules:\n- name: a\n  when: 'process.comm == ''x'' && proces.uid == 0'\n  action: deny",
     "f:5:35: there is no fact proces.uid; did you mean process.uid?"},
    {"rules:\n- name: a\n  when: \"process.comm == \\\"x\\\" && proces.uid == 0\"\n  action: deny",
     "f:5:35: there is no fact proces.uid; did you mean process.uid?"},
    {"rules:\n- name: a\n  when: |\n    peeked &&\n      proces.uid == 0\n  action: deny",
     "f:7:7: there is no fact proces.uid; did you mean process.uid?"},
    {"rules:\n- name: a\n  when: >-\n    peeked &&\n    proces.uid == 0\n  action: deny",
     "f:7:5: there is no fact proces.uid; did you mean process.uid?"},
    {"rules:\n- name: a\n  when: process.uid in lists.b\n  action: deny\nlists: {c: [1]}",
     "f:5:24: there is no list \"b\""},
};
INSTANTIATE_TEST_SUITE_P(Expressions, RefusedPolicy, testing::ValuesIn(kExpressions));

constexpr Row kTests[] = {
    {"rules: []\ntests: x", "f:4:8: expected tests as a list, and this is a single value"},
    {"rules: []\ntests: [{given: {}}]", "f:4:9: a test needs the key expect"},
    {"rules: []\ntests: [{expect: allow}]", "f:4:9: a test needs the key given"},
    {"rules: []\ntests: [{given: 1, expect: allow}]", "f:4:17: expected facts as a map"},
    {"rules: []\ntests: [{given: {}, expect: allw}]", "f:4:29: there is no action allw; did you mean allow?"},
    {"rules: []\ntests: [{given: {}, expect: allow, rule: a}]", "f:4:42: there is no rule a"},
    {"rules: []\ntests: [{given: {}, expect: allow, certain: maybe}]",
     "f:4:45: expected true or false, and this is maybe; it is one of false, true"},
    {"rules: []\ntests: [{given: {process: {exee: /a}}, expect: allow}]",
     "f:4:28: there is no fact process.exee; did you mean process.exe?"},
    {"rules: []\ntests: [{given: {event: recvmgs}, expect: allow}]",
     "f:4:25: event is never \"recvmgs\"; did you mean recvmsg?"},
    {"rules: []\ntests: [{given: {process.uid: root}, expect: allow}]",
     "f:4:31: expected a number for process.uid, and this is root"},
    {"rules: []\ntests: [{given: {peeked: yes}, expect: allow}]",
     "f:4:26: expected true or false for peeked, and this is yes"},
    {"rules: []\ntests: [{given: {socket.remote.port: 70000}, expect: allow}]",
     "f:4:38: socket.remote.port is never 70000; it is a whole number from 0 to 65535"},
    {"rules: []\ntests: [{given: {process.exe: docker}, expect: allow}]",
     "f:4:31: \"docker\" is not the path of a file from the root; begin it with /"},
    {"rules: []\ntests: [{given: {fds: {}}, expect: allow}]", "f:4:23: expected a list of fds, and this is a map"},
    {"rules: []\ntests: [{given: {fds: [{typ: block}]}, expect: allow}]",
     "f:4:25: there is no fact fds.typ; did you mean fds.type?"},
    {"rules: []\ntests: [{given: {fds.type: block}, expect: allow}]", "f:4:18: there is no fact fds.type"},
    {"rules: []\ntests: [{given: {args.flags: [MSG_PEKE]}, expect: allow}]",
     "f:4:31: args.flags is never \"MSG_PEKE\"; did you mean MSG_PEEK?"},
    {"rules: []\ntests: [{given: {}, unknown: [proces.uid], expect: allow}]",
     "f:4:31: there is no fact proces.uid; did you mean process.uid?"},
};
INSTANTIATE_TEST_SUITE_P(Tests, RefusedPolicy, testing::ValuesIn(kTests));

TEST(Policy, NeedsVersionNameAndRules) {
    EXPECT_THAT(mistakes_of("mode: audit"),
                ElementsAre("f:1:1: a policy needs the key version", "f:1:1: a policy needs the key name",
                            "f:1:1: a policy needs the key rules"));
    EXPECT_THAT(mistakes_of("version: 2\nname: p\nrules: []"),
                ElementsAre("f:1:10: expected version 1, and this is 2; this sockwarden reads policies of version 1"));
    EXPECT_THAT(mistakes_of("- x"), ElementsAre("f:1:1: expected a policy as a map, and this is a list"));
}

TEST(Policy, AllMistakesAreSaidInOrder) {
    EXPECT_THAT(mistakes_of("name: p\nversion: 3\nmode: x\nrules:\n- {name: a, action: x}\n- {name: a, when: x.y, "
                            "action: y}\n"),
                ElementsAre(HasSubstr("f:2:10"), HasSubstr("f:3:7"), HasSubstr("f:5:"), HasSubstr("f:6:3"),
                            HasSubstr("f:6:19"), HasSubstr("f:6:32")));
}

TEST(Policy, SizesAreLimited) {
    std::string rules = std::string(kHead) + "rules:\n", list = std::string(kHead) + "rules: []\nlists:\n  a:\n";
    for (std::size_t i = 0; i <= kMostRules; ++i) {
        rules += "- {name: r" + std::to_string(i) + ", when: peeked, action: deny}\n";
        list += "  - " + std::to_string(i) + "\n";
    }
    EXPECT_THAT(mistakes_of(rules), ElementsAre("f:4:1: a policy has at most 1024 rules, and this has 1025"));
    EXPECT_THAT(mistakes_of(list), ElementsAre("f:6:3: a list has at most 1024 items, and this has 1025"));
}

TEST(Policy, IsReadWhole) {
    const auto policy = read_policy(R"(
version: 1
name: p
mode: audit
default: deny
lists: {users: [0, '1', x]}
rules:
  - {name: a, when: process.uid == 0, action: deny, errno: ECONNREFUSED, message: no}
  - {name: b, action: alert}
  - {name: c, action: kill}
tests:
  - {name: t, given: {process: {uid: 0x10, exe: /a}, payload: abc, fds: [{type: pipe}, {}], senders: [],
     args.flags: [MSG_PEEK], socket.remote.address: "::1", process.unit: }, unknown: [senders, fds.path, peeked],
     expect: deny, rule: a, certain: false}
)");
    ASSERT_TRUE(policy) << mistake_text("f", policy.error()[0]);
    EXPECT_EQ(policy->name, "p");
    EXPECT_EQ(policy->mode, Mode::audit);
    EXPECT_EQ(policy->otherwise, ActionId::deny);
    const auto &users = policy->lists.find("users")->second;
    EXPECT_EQ(std::get<std::int64_t>(users[0].value), 0);
    EXPECT_EQ(std::get<std::string>(users[1].value), "1");
    EXPECT_EQ(std::get<std::string>(users[2].value), "x");
    ASSERT_EQ(policy->rules.size(), 3U);
    EXPECT_TRUE(policy->rules[0].when);
    EXPECT_EQ(policy->rules[0].error, ECONNREFUSED);
    EXPECT_EQ(policy->rules[0].message, "no");
    EXPECT_FALSE(policy->rules[1].when);
    const PolicyTest &test = policy->tests.at(0);
    EXPECT_EQ(test.expect, ActionId::deny);
    EXPECT_EQ(test.rule, "a");
    EXPECT_EQ(test.certain, false);
    const FactMap &given = test.given.values;
    EXPECT_EQ(value_of(given, FactId::process_uid), Value(std::int64_t{16}));
    EXPECT_EQ(value_of(given, FactId::process_exe_path), Value(Text{"/a"}));
    EXPECT_TRUE(std::holds_alternative<File>(value_of(given, FactId::process_exe)));
    EXPECT_EQ(value_of(given, FactId::payload_length), Value(std::int64_t{3}));
    EXPECT_EQ(value_of(given, FactId::args_flags), Value(Flags{{"MSG_PEEK"}}));
    EXPECT_EQ(value_of(given, FactId::process_unit), Value(Absent{}));
    EXPECT_EQ(value_of(given, FactId::peeked), Value(Unknown{}));
    const Elements &fds = test.given.lists.at(FactId::fds);
    ASSERT_EQ(fds.items.size(), 2U);
    EXPECT_TRUE(fds.complete);
    EXPECT_EQ(value_of(fds.items[0], FactId::fds_type), Value(Text{"pipe"}));
    EXPECT_EQ(value_of(fds.items[1], FactId::fds_path), Value(Unknown{}));
    EXPECT_FALSE(test.given.lists.at(FactId::senders).complete);
}

}  // namespace
}  // namespace sockwarden::policy
