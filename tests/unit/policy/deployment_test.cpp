// SPDX-License-Identifier: Apache-2.0
// Which rules are judged where, and which policies no guard takes.
#include "policy/deployment.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sockwarden::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// "send: large, rest", a line a point, with (default) where the default refuses there; or what is wrong.
std::vector<std::string> deployed(const std::string &rules, const std::string &otherwise = "allow",
                                  bool recheck = false) {
    const auto policy = read_policy(fmt::format("version: 1\nname: trial\ndefault: {}\nrules:\n{}", otherwise, rules));
    if (!policy) {
        return {"bad policy: " + policy.error().front().message};
    }
    const Policy *const policies[] = {&*policy};
    const auto points = deploy(policies, Enforcer::guard, recheck);
    std::vector<std::string> lines;
    if (!points) {
        for (const PolicyMistake &mistake : points.error()) {
            lines.push_back(mistake.mistake.message);
        }
        return lines;
    }
    for (const Deployed &one : *points) {
        std::string line = std::string(point(one.point).word) + ":";
        for (const Excerpt &excerpt : one.policies) {
            for (const Rule *rule : excerpt.rules) {
                line += " " + rule->name;
            }
            line += excerpt.otherwise != ActionId::allow ? " (default)" : "";
        }
        lines.push_back(line);
    }
    return lines;
}

std::string rule(const std::string &name, const std::string &when, const std::string &action) {
    return fmt::format("- name: {}\n  when: >-\n    {}\n  action: {}\n", name, when, action);
}

TEST(Deployment, EachRuleStandsWhereItIsCertain) {
    EXPECT_THAT(deployed(rule("a", "event == 'connect' && process.uid == 1", "deny") +
                         rule("b", "event == 'sendmsg' && payload.length > 9", "deny") +
                         rule("c", "socket.local.abstract == 'x' && payload.contains('y')", "drop")),
                ElementsAre("connect: a", "send: b", "queue: c"));
}

TEST(Deployment, WhatAllowsStandsWithWhatItKeepsFromRefusing) {
    EXPECT_THAT(deployed(rule("friends", "process.uid == 1", "allow") + rule("rest", "event == 'connect'", "deny")),
                ElementsAre("connect: friends rest"));
    EXPECT_THAT(deployed(rule("rest", "event == 'connect'", "deny") + rule("friends", "process.uid == 1", "allow")),
                ElementsAre("connect: rest"));
    EXPECT_THAT(deployed(rule("friends", "event == 'connect' && process.uid == 1", "allow"), "deny"),
                ElementsAre("connect: friends (default)", "send: (default)", "receive: (default)", "splice: (default)",
                            "zerocopy: (default)"));
}

TEST(Deployment, WhatAllowsMustKnowWhatItAsks) {
    EXPECT_THAT(deployed(rule("content", "payload.startsWith('ok')", "allow") +
                         rule("rest", "event == 'recvmsg' && process.uid == 1", "deny")),
                ElementsAre(HasSubstr("the rule content cannot keep recvmsg from being refused at the receive call: "
                                      "payload is not certain there")));
}

TEST(Deployment, ARuleThatIsCertainNowhereIsAMistake) {
    EXPECT_THAT(deployed(rule("a", "event == 'connect' && process.unit == 'x.service'", "deny")),
                ElementsAre(HasSubstr("the rule a cannot be enforced for connect: process.unit is not certain")));
    EXPECT_THAT(deployed(rule("a", "event == 'accept'", "deny")), ElementsAre(HasSubstr("deny is not possible there")));
    EXPECT_THAT(deployed(rule("a", "event == 'connect' && socket.local.port == 5", "deny")),
                ElementsAre(HasSubstr("socket.local.port is not certain at connect")));
}

TEST(Deployment, WhatIsReceivedIsCertainOnceItIsDelivered) {
    for (const char *action : {"kill", "alert"}) {
        EXPECT_THAT(deployed(rule("a", "event == 'recvmsg' && payload.contains('x')", action)), ElementsAre("after: a"))
            << action;
    }
    EXPECT_THAT(deployed(rule("friends", "event == 'recvmsg' && process.uid == 1", "allow") +
                         rule("a", "event == 'recvmsg' && payload.contains('x')", "kill")),
                ElementsAre("after: friends a"));
    EXPECT_THAT(
        deployed(rule("a", "event == 'recvmsg' && process.unit == 'x.service' && payload.contains('x')", "kill")),
        ElementsAre("after: a"));
    EXPECT_THAT(deployed(rule("a", "event == 'recvmsg' && senders.exists(s, s.cgroup != process.cgroup)", "kill")),
                ElementsAre("after: a"));
    EXPECT_THAT(deployed(rule("a", "event == 'recvmsg' && process.parent.exe.path == '/x'", "kill")),
                ElementsAre(HasSubstr("process.parent.exe.path is not certain")));
}

// What only reports can do so of anything.
TEST(Deployment, AnAuditJudgesWhatCannotBeRefusedOnceItIsDelivered) {
    const std::string rules = rule("a", "event == 'recvmsg' && payload.contains('x')", "deny") +
                              rule("b", "event == 'recvmsg' && process.uid == 1", "deny");
    EXPECT_THAT(deployed(rules), ElementsAre(HasSubstr("payload is not certain at the receive call")));
    EXPECT_THAT(deployed(rules, "allow\nmode: audit"), ElementsAre("receive: b", "after: a"));
}

// Not what only reports, nor what never keeps a message from coming.
TEST(Deployment, WhatRefusesIsJudgedOnceMoreWhereThatIsWanted) {
    const std::string rules = rule("a", "event == 'connect' && process.uid == 1", "deny") +
                              rule("b", "event == 'recvmsg' && process.uid == 1", "deny") +
                              rule("c", "event == 'recvmsg' && process.uid == 2", "alert") +
                              rule("d", "event == 'recvmsg' && fds.exists(f, f.type == 'regular')", "deny-fds") +
                              rule("e", "socket.local.abstract == 'x' && payload.contains('y')", "drop");
    EXPECT_THAT(deployed(rules), ElementsAre("connect: a", "queue: e", "receive: b c", "fd: d"));
    EXPECT_THAT(deployed(rules, "allow", true),
                ElementsAre("connect: a", "queue: e", "receive: b c", "fd: d", "after: b e"));
    EXPECT_THAT(
        deployed(rules + rule("f", "event == 'recvmsg' && payload.contains('z')", "kill"), "allow", true).back(),
        "after: f b e");  // two policies, of which the stricter verdict wins
    EXPECT_THAT(deployed(rules, "allow\nmode: audit", true),
                ElementsAre("connect: a", "queue: e", "receive: b c", "fd: d"));
    EXPECT_THAT(deployed(rule("friends", "process.uid == 1", "allow"), "deny", true).back(),
                "after: friends (default)");
}

TEST(Deployment, FactsAreComparedWhereTheCatalogueSays) {
    EXPECT_THAT(deployed(rule("a", "event == 'connect' && process.exe == process.parent.exe", "deny")),
                ElementsAre(HasSubstr("process.exe and process.parent.exe are not compared at connect")));
    const auto passed = [](const char *fact) {
        const std::string when = fmt::format("event == 'recvmsg' && senders.exists(s, process.{0} != s.{0})", fact);
        return deployed(rule("a", when, "deny-fds"));
    };
    for (const char *fact : {"pid", "uid", "gid", "cgroup"}) {
        EXPECT_THAT(passed(fact), ElementsAre("fd: a")) << fact;
    }
    EXPECT_THAT(passed("comm"), ElementsAre(HasSubstr("process.comm and senders.comm are not compared at a passed")));
    EXPECT_THAT(deployed(rule("a", "event == 'fd_received' && senders.exists(s, s.uid == 0)", "deny-fds")),
                ElementsAre(HasSubstr("senders.uid is not certain at a passed descriptor")));
}

TEST(Deployment, PartsThatBelongAtDifferentPointsAreRulesOfTheirOwn) {
    EXPECT_THAT(deployed(rule("a", "event == 'recvmsg' && (process.uid == 1 || payload.contains('x'))", "kill")),
                ElementsAre(HasSubstr("certain at different points for recvmsg: the receive call and delivery")));
}

}  // namespace
}  // namespace sockwarden::policy
