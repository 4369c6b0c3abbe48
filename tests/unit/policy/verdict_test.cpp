// SPDX-License-Identifier: Apache-2.0
// What policies decide: the order of rules, what is unknown, several policies, audit.
#include "policy/verdict.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "policy/compile/compile.h"
#include "policy/compile/judge.h"
#include "policy/test_run.h"

namespace sockwarden::policy {
namespace {

// A policy whose rules each match where peeked, always, or where credentials is.
Policy policy_of(std::string_view name, std::string_view more) {
    auto policy = read_policy("version: 1\nname: " + std::string(name) + "\n" + std::string(more));
    if (!policy) {
        ADD_FAILURE() << mistake_text(name, policy.error()[0]);
        return {};
    }
    return *std::move(policy);
}

std::string rule(std::string_view name, std::string_view when, std::string_view action) {
    return "  - {name: " + std::string(name) + ", when: " + std::string(when) + ", action: " + std::string(action) +
           "}\n";
}

Facts facts_of(Value peeked, Value credentials = false) {
    return {{{FactId::peeked, std::move(peeked)}, {FactId::credentials, std::move(credentials)}}, {}};
}

// What the plain evaluator decides, once the image has decided the same.
Verdict judged(std::span<const Policy *const> policies, const Facts &facts) {
    const FileLookup files = [](std::string_view) { return std::optional<File>(); };
    Verdict verdict = judge(policies, facts, files);
    const Result<Image, PolicyMistake> image = compile_policies(policies, files);
    if (!image) {
        ADD_FAILURE() << image.error().mistake.message;
    } else {
        EXPECT_EQ(judge(*image, policies, facts), verdict);
    }
    return verdict;
}
Verdict judged(const Policy &policy, const Facts &facts) {
    const Policy *only = &policy;
    return judged(std::span(&only, 1), facts);
}
Verdict judged(const std::vector<Policy> &policies, const Facts &facts) {
    std::vector<const Policy *> all;
    for (const Policy &policy : policies) {
        all.push_back(&policy);
    }
    return judged(all, facts);
}

TEST(Verdict, TheFirstMatchDecides) {
    const Policy policy = policy_of("p", "rules:\n" + rule("a", "peeked", "allow") + rule("b", "peeked", "deny") +
                                             rule("c", "credentials", "drop"));
    EXPECT_EQ(judged(policy, facts_of(true, true)).rule, "a");
    EXPECT_EQ(judged(policy, facts_of(true, true)).action, ActionId::allow);
    EXPECT_EQ(judged(policy, facts_of(false, true)).rule, "c");
    EXPECT_EQ(judged(policy, facts_of(false, true)).action, ActionId::drop);
    EXPECT_EQ(judged(policy, facts_of(false, false)).rule, "");
}

TEST(Verdict, WithoutAMatchTheDefaultDecides) {
    const Policy denying = policy_of("p", "default: deny\nrules:\n" + rule("a", "peeked", "allow"));
    const Verdict denied = judged(denying, facts_of(false));
    EXPECT_EQ(denied.action, ActionId::deny);
    EXPECT_EQ(denied.policy, "p");
    EXPECT_EQ(denied.rule, "");
    EXPECT_TRUE(denied.enforced);
    EXPECT_TRUE(denied.certain);
    const Policy allowing = policy_of("p", "rules: []");
    const Verdict allowed = judged(allowing, facts_of(false));
    EXPECT_EQ(allowed.action, ActionId::allow);
    EXPECT_FALSE(allowed.enforced);
}

TEST(Verdict, ARuleWithoutWhenAlwaysMatches) {
    EXPECT_EQ(judged(policy_of("p", "rules:\n  - {name: a, action: deny, errno: EPIPE}"), {}).error, EPIPE);
}

TEST(Verdict, AlertsGoOn) {
    const Policy policy = policy_of("p", "rules:\n" + rule("a", "peeked", "alert") + rule("b", "peeked", "alert") +
                                             rule("c", "peeked", "deny") + rule("d", "peeked", "alert"));
    const Verdict verdict = judged(policy, facts_of(true));
    EXPECT_EQ(verdict.action, ActionId::deny);
    ASSERT_EQ(verdict.alerts.size(), 2U) << "what decides ends the search";
    EXPECT_EQ(verdict.alerts[0].rule, "a");
    EXPECT_EQ(verdict.alerts[1].rule, "b");
    EXPECT_TRUE(verdict.alerts[0].certain);
    const Verdict unknown = judged(policy, facts_of(Unknown{}));
    ASSERT_EQ(unknown.alerts.size(), 2U);
    EXPECT_FALSE(unknown.alerts[0].certain);
}

// What an unknown `when` does, for each action of the catalogue.
TEST(Verdict, UnknownTakesTheSafeSide) {
    const std::map<ActionId, ActionId> wanted{
        {ActionId::alert, ActionId::allow},       {ActionId::allow, ActionId::allow},
        {ActionId::deny_fds, ActionId::deny_fds}, {ActionId::drop, ActionId::drop},
        {ActionId::deny, ActionId::deny},         {ActionId::kill, ActionId::deny}};
    for (const ActionRow &row : actions()) {
        const Policy policy = policy_of("p", "rules:\n" + rule("a", "peeked", row.name));
        const Verdict verdict = judged(policy, facts_of(Unknown{}));
        ASSERT_TRUE(wanted.contains(row.id)) << "no test of the action " << row.name;
        EXPECT_EQ(verdict.action, wanted.at(row.id)) << row.name;
        EXPECT_EQ(verdict.certain, verdict.action == ActionId::allow) << row.name;
        const bool matched = row.id != ActionId::allow && row.id != ActionId::alert;
        EXPECT_EQ(verdict.rule, matched ? "a" : "") << row.name;
        EXPECT_EQ(judged(policy, facts_of(true)).action, row.id == ActionId::alert ? ActionId::allow : row.id);
        EXPECT_TRUE(judged(policy, facts_of(true)).certain);
    }
}

TEST(Verdict, AnUnknownAllowIsPassedAndSaid) {
    const std::string allow = rule("a", "peeked", "allow");
    const Verdict by_default = judged(policy_of("p", "default: deny\nrules:\n" + allow), facts_of(Unknown{}));
    EXPECT_EQ(by_default.action, ActionId::deny);
    EXPECT_FALSE(by_default.certain) << "with the fact it might have been allowed";
    const Verdict by_rule =
        judged(policy_of("p", "rules:\n" + allow + rule("b", "credentials", "deny")), facts_of(Unknown{}, true));
    EXPECT_EQ(by_rule.action, ActionId::deny);
    EXPECT_FALSE(by_rule.certain);
    EXPECT_TRUE(judged(policy_of("p", "rules:\n" + allow), facts_of(Unknown{})).certain) << "allowed either way";
}

TEST(Verdict, TheStrictestPolicyWins) {
    const std::vector<ActionId> order{ActionId::allow, ActionId::deny_fds, ActionId::drop, ActionId::deny,
                                      ActionId::kill};
    for (std::size_t mild = 0; mild < order.size(); ++mild) {
        for (std::size_t strict = mild + 1; strict < order.size(); ++strict) {
            for (const bool strict_first : {false, true}) {
                std::vector<Policy> policies;
                for (const bool first : {true, false}) {
                    const ActionId id = first == strict_first ? order[strict] : order[mild];
                    policies.push_back(policy_of(first ? "p" : "q", "rules:\n" + rule("r", "peeked", action(id).name)));
                }
                const Verdict verdict = judged(policies, facts_of(true));
                EXPECT_EQ(verdict.action, order[strict]) << mild << strict << strict_first;
                EXPECT_EQ(verdict.policy, strict_first ? "p" : "q");
            }
        }
    }
}

TEST(Verdict, OfTwoAlikeTheFirstIsNamed) {
    std::vector<Policy> policies;
    for (const std::string_view name : {"p", "q"}) {
        policies.push_back(policy_of(name, "rules:\n" + rule("a", "peeked", "alert") + rule("r", "peeked", "deny")));
    }
    const Verdict verdict = judged(policies, facts_of(true));
    EXPECT_EQ(verdict.policy, "p");
    EXPECT_EQ(verdict.alerts.size(), 2U) << "alerts of all are kept";
}

TEST(Verdict, AuditOnlyReports) {
    const std::string kill = "rules:\n" + rule("k", "peeked", "kill"),
                      fds = "rules:\n" + rule("f", "credentials", "deny-fds");
    std::vector<Policy> policies;
    policies.push_back(policy_of("audited", "mode: audit\n" + kill));
    const Verdict alone = judged(policies, facts_of(true, true));
    EXPECT_EQ(alone.action, ActionId::kill);
    EXPECT_FALSE(alone.enforced);
    policies.push_back(policy_of("enforced", fds));
    const Verdict both = judged(policies, facts_of(true, true));
    EXPECT_EQ(both.action, ActionId::deny_fds) << "what is really done is not hidden by what would be";
    EXPECT_EQ(both.policy, "enforced");
    EXPECT_TRUE(both.enforced);
    const Verdict would = judged(policies, facts_of(true, false));
    EXPECT_EQ(would.action, ActionId::kill);
    EXPECT_FALSE(would.enforced);
}

TEST(TestRun, SaysWhatWasDecidedInstead) {
    Policy policy = policy_of("p", "rules:\n" + rule("a", "peeked", "alert") + rule("b", "peeked", "deny") +
                                       "tests:\n"
                                       "  - {given: {peeked: true}, expect: deny, rule: b, certain: true}\n"
                                       "  - {given: {peeked: true}, expect: alert, rule: a}\n"
                                       "  - {given: {}, expect: allow}\n"
                                       "  - {given: {}, unknown: [peeked], expect: deny, certain: false}\n"
                                       "  - {name: wrong, given: {peeked: true}, expect: allow}\n"
                                       "  - {given: {peeked: true}, expect: deny, rule: a}\n"
                                       "  - {given: {}, expect: alert}\n"
                                       "  - {given: {}, unknown: [peeked], expect: deny, certain: true}\n");
    const std::vector<TestFailure> failures = run_tests(policy);
    ASSERT_EQ(failures.size(), 4U);
    EXPECT_EQ(failures[0].place, (Place{11, 5}));
    EXPECT_EQ(failures[0].message, "test wrong: expected allow, and it is deny by the rule b; alert by the rule a");
    EXPECT_EQ(failures[1].message,
              "test: expected deny by the rule a, and it is deny by the rule b; alert by the rule a");
    EXPECT_EQ(failures[2].message, "test: expected alert, and it is allow by no rule");
    EXPECT_EQ(failures[3].message,
              "test: expected deny, certain, and it is deny by the rule b, uncertain; alert by the "
              "rule a, uncertain");
}

// (payload.length == 0 || …) && (args.msg.iovlen == 0 || …): `a` times `b` clauses.
std::string product(unsigned a, unsigned b) {
    const auto sum = [](std::string_view fact, unsigned count) {
        std::string text;
        for (unsigned i = 0; i < count; ++i) {
            text += (i == 0 ? "" : " || ") + std::string(fact) + " == " + std::to_string(i);
        }
        return text;
    };
    return "(" + sum("payload.length", a) + ") && (" + sum("args.msg.iovlen", b) + ")";
}

// What is wrong with the last of them.
Mistake mistake_of(const std::vector<const Policy *> &policies) {
    const Result<Image, PolicyMistake> image =
        compile_policies(policies, [](std::string_view) { return std::optional<File>(); });
    if (image) {
        return {};
    }
    EXPECT_EQ(image.error().policy, policies.size() - 1);
    return image.error().mistake;
}

TEST(Image, TakesAsManyClausesAsItSays) {
    const Policy full =
        policy_of("full", "rules:\n" + rule("a", product(16, 32), "deny") + rule("b", product(32, 16), "drop"));
    EXPECT_EQ(mistake_of({&full}).message, "");
    Facts facts{{{FactId::payload_length, std::int64_t{31}}, {FactId::iovlen, std::int64_t{15}}}, {}};
    EXPECT_EQ(judged(full, facts).rule, "b");

    const Policy more = policy_of("more", "rules:\n" + rule("c", "peeked", "deny"));
    const Mistake shared = mistake_of({&full, &more});
    EXPECT_EQ(shared.message, "the rule c comes to 1 clauses, which makes 1025 of at most 1024");
    EXPECT_EQ(shared.place, more.rules[0].place);

    const Policy wide = policy_of("wide", "rules:\n" + rule("d", product(33, 32), "deny"));
    EXPECT_EQ(mistake_of({&wide}).message, "the rule d: it comes to 1056 clauses, of at most 1024");
}

}  // namespace
}  // namespace sockwarden::policy
