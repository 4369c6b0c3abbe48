// SPDX-License-Identifier: Apache-2.0
// Where rules can be enforced.
#include "policy/placement.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/catalog.h"
#include "policy/advice.h"

namespace sockwarden::policy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

// "POINT: EVENTS" or "REASON: EVENTS" of each placement.
std::vector<std::string> placed(std::string_view when, ActionId action, ActionId otherwise = ActionId::allow,
                                Enforcer by = Enforcer::guard) {
    Policy policy;
    policy.otherwise = otherwise;
    Rule &rule = policy.rules.emplace_back();
    rule.action = action;
    if (!when.empty()) {
        auto node = read_expression(plain_source(std::string(when)), {});
        if (!node) {
            ADD_FAILURE() << mistake_text(when, node.error()[0]);
            return {};
        }
        rule.when = std::move(*node);
    }
    std::vector<std::string> texts;
    for (const Placement &placement : placements_of(policy, rule, by)) {
        std::string text(placement.point == nullptr ? placement.reason : placement.point->name);
        for (const std::string_view event : placement.events) {
            text += (event == placement.events.front() ? ": " : " ") + std::string(event);
        }
        texts.push_back(std::move(text));
    }
    return texts;
}

TEST(Placement, IsAtTheEarliestPointWhereAllIsCertain) {
    EXPECT_THAT(placed("event == 'connect' && socket.remote.path == '/run/docker.sock'", ActionId::deny),
                ElementsAre("connect: connect"));
    EXPECT_THAT(placed("event in ['recvmsg', 'read'] && process.uid == 1", ActionId::deny),
                ElementsAre("the receive call: recvmsg read"));
    EXPECT_THAT(placed("event == 'sendto' && payload.length > 9", ActionId::kill), ElementsAre("send: sendto"));
    EXPECT_THAT(placed("event == 'fd_received' && fds.exists(f, f.type == 'block')", ActionId::deny_fds),
                ElementsAre("a passed descriptor: fd_received"));
    EXPECT_THAT(placed("event == 'splice'", ActionId::deny), ElementsAre("splice: splice"));
    EXPECT_THAT(placed("event == 'zerocopy'", ActionId::kill), ElementsAre("zero-copy: zerocopy"));
    EXPECT_THAT(placed("event == 'recvmsg' && payload.startsWith('x')", ActionId::kill),
                ElementsAre("delivery: recvmsg"));
}

// Programs of cgroups see some sockets only: a rule has to ask for these.
TEST(Placement, InACgroupARuleAsksForTheSocketsThatAreSeen) {
    const auto in_cgroup = [](std::string_view when, ActionId action) {
        return placed(when, action, ActionId::allow, Enforcer::cgroup);
    };
    for (const char *when :
         {"socket.remote.path == '/run/docker.sock'", "socket.remote.abstract == 'x'", "socket.remote.port == 80",
          "socket.family == 'AF_INET' && process.uid == 7", "socket.family in ['AF_UNIX', 'AF_INET6']",
          "socket.family in ['AF_UNIX', 'AF_NETLINK'] && socket.family in ['AF_UNIX', 'AF_INET6']"}) {
        EXPECT_THAT(in_cgroup("event == 'connect' && " + std::string(when), ActionId::deny),
                    ElementsAre("connect in a cgroup: connect"))
            << when;
    }
    for (const char *when : {"process.uid == 7", "socket.family != 'AF_UNIX'", "!(socket.remote.port == 80)",
                             "socket.family in ['AF_UNIX', 'AF_NETLINK']"}) {
        EXPECT_THAT(in_cgroup("event == 'connect' && " + std::string(when), ActionId::deny),
                    ElementsAre("other sockets do not pass connect in a cgroup: ask socket.family for one of AF_UNIX "
                                "AF_INET AF_INET6: connect"))
            << when;
    }
    EXPECT_THAT(in_cgroup("event == 'sendto' && socket.remote.port == 53", ActionId::deny),
                ElementsAre("other sockets do not pass a send to a name in a cgroup: ask socket.type for one of "
                            "SOCK_DGRAM: sendto"));
    EXPECT_THAT(
        in_cgroup("payload.contains('x')", ActionId::drop),
        Contains(testing::StartsWith("other sockets do not pass queueing in a cgroup: ask socket.family for one "
                                     "of AF_INET AF_INET6 and socket.type for one of SOCK_DGRAM: recvmsg")));
    EXPECT_THAT(in_cgroup("event == 'connect' && socket.remote.port == 80", ActionId::kill),
                ElementsAre("kill is not possible there, only deny or alert: connect"));
}

// Who makes the call itself knows what it asks about.
TEST(Placement, ASupervisorKnowsWhatItReceives) {
    const auto supervised = [](std::string_view when, ActionId action) {
        return placed(when, action, ActionId::allow, Enforcer::supervisor);
    };
    EXPECT_THAT(supervised("event == 'recvmsg' && payload.startsWith('x') && process.uid == 1", ActionId::deny),
                ElementsAre("receiving: recvmsg"));
    EXPECT_THAT(supervised("fds.exists(f, f.type == 'block')", ActionId::deny_fds),
                Contains("receiving: recvmsg recvmmsg recvfrom read readv"));
    EXPECT_THAT(supervised("payload.contains('x')", ActionId::drop),
                Contains("receiving: recvmsg recvmmsg recvfrom read readv"));
    EXPECT_THAT(supervised("event == 'sendto' && payload.contains('x')", ActionId::deny),
                ElementsAre("payload is not certain at sending: sendto"));
    EXPECT_THAT(supervised("event == 'recvmsg' && senders.exists(s, s.uid == 0)", ActionId::deny),
                ElementsAre("senders.uid is not certain at receiving: recvmsg"));
    EXPECT_THAT(supervised("event == 'splice'", ActionId::deny),
                ElementsAre("deny is not possible there, only alert: splice"));
}

TEST(Placement, OfADroppedMessageIsItsQueue) {
    EXPECT_THAT(placed("socket.local.path == '/run/log' && payload.contains('x')", ActionId::drop),
                Contains("queueing: recvmsg recvmmsg recvfrom read readv io_uring_recv io_uring_recvmsg io_uring_read "
                         "io_uring"));
}

TEST(Placement, SaysWhatIsNotCertain) {
    EXPECT_THAT(placed("event == 'recvmsg' && payload.startsWith('x')", ActionId::deny),
                ElementsAre("payload is not certain at the receive call: recvmsg"));
    EXPECT_THAT(placed("event == 'recvmsg' && payload.startsWith('x')", ActionId::drop),
                ElementsAre("event is not certain at queueing: recvmsg"));
    EXPECT_THAT(placed("event == 'recvmsg' && process.uid == 1 && senders.exists(s, s.uid == 2)", ActionId::drop),
                ElementsAre("event, process.uid and senders.uid are not certain at queueing: recvmsg"));
    EXPECT_THAT(placed("event == 'fd_received' && senders.exists(s, s.cgroup != process.cgroup)", ActionId::deny_fds),
                ElementsAre("senders.cgroup is not certain at a passed descriptor: fd_received"));
}

TEST(Placement, SaysWhatIsPossibleInstead) {
    EXPECT_THAT(placed("event == 'accept'", ActionId::deny),
                ElementsAre("deny is not possible there, only alert: accept"));
    EXPECT_THAT(placed("event == 'connect'", ActionId::drop),
                ElementsAre("drop is not possible there, only deny, kill or alert: connect"));
    EXPECT_THAT(placed("event == 'fd_received'", ActionId::kill),
                ElementsAre("kill is not possible there, only deny-fds or alert: fd_received"));
}

TEST(Placement, IsOfEachClause) {
    EXPECT_THAT(placed("event == 'connect' && process.uid == 1 || event == 'sendto' && payload == 'x'", ActionId::deny),
                ElementsAre("connect: connect", "payload is not certain at send: sendto"));
    EXPECT_THAT(placed("!(event != 'connect' && event != 'splice')", ActionId::deny),
                ElementsAre("connect: connect", "splice: splice"));
}

TEST(Placement, WithoutAConditionItIsEverywhere) {
    const std::vector<std::string> everywhere = placed("", ActionId::deny);
    EXPECT_THAT(everywhere, Contains("connect: connect io_uring_connect"));
    EXPECT_THAT(everywhere, Contains(testing::HasSubstr("deny is not possible there: ")));
    EXPECT_THAT(placed("", ActionId::alert),
                Contains("send: sendmsg sendmmsg sendto write writev sendfile io_uring_send "
                         "io_uring_sendmsg io_uring_write io_uring_out"));
    EXPECT_THAT(placed("", ActionId::drop), Not(Contains(testing::HasSubstr("not certain"))));
}

TEST(Placement, OfWhatAllowsIsWhereItKeepsFromBeingRefused) {
    EXPECT_THAT(placed("event == 'recvmsg' && process.uid == 1", ActionId::allow), ElementsAre());
    EXPECT_THAT(placed("event == 'recvmsg' && process.uid == 1", ActionId::allow, ActionId::deny),
                ElementsAre("the receive call: recvmsg"));
    EXPECT_THAT(placed("event == 'recvmsg' && has(senders)", ActionId::allow, ActionId::deny),
                ElementsAre("senders is not certain at the receive call: recvmsg"));
}

TEST(Placement, WhatAMessageHasNotIsCertain) {
    EXPECT_THAT(placed("event == 'connect' && payload.length > 1", ActionId::deny), ElementsAre());
    EXPECT_THAT(placed("event == 'connect' && !(payload.length > 1)", ActionId::deny), ElementsAre("connect: connect"));
}

TEST(Placement, OfABatchOnlyTheFirstMessageIsJudged) {
    EXPECT_THAT(placed("event == 'sendmmsg' && process.uid == 1", ActionId::deny), ElementsAre("send: sendmmsg"));
    EXPECT_THAT(placed("event == 'sendmmsg' && payload.length > 9", ActionId::deny),
                ElementsAre("payload.length is not certain at send: sendmmsg"));
}

TEST(Placement, SendersAreCertainWhileAMessageIsQueuedOverUnixSocketsAlone) {
    EXPECT_THAT(placed("senders.exists(s, s.uid == 1) && socket.family == 'AF_UNIX'", ActionId::drop),
                Contains(testing::StartsWith("queueing: ")));
    EXPECT_THAT(placed("senders.exists(s, s.uid == 1) && socket.local.abstract == 'x'", ActionId::drop),
                Contains(testing::StartsWith("queueing: ")));
    EXPECT_THAT(placed("senders.exists(s, s.uid == 1)", ActionId::drop),
                Contains(testing::StartsWith("senders.uid is not certain at queueing: ")));
}

TEST(Placement, WhatNoProgramTellsIsCertainNowhere) {
    EXPECT_THAT(placed("event == 'connect' && process.unit == 'a.service'", ActionId::deny),
                ElementsAre("process.unit is not certain at connect: connect"));
}

std::vector<std::string> advised(std::string_view when, ActionId action) {
    auto node = read_expression(plain_source(std::string(when)), {});
    Rule rule;
    rule.action = action;
    if (node) {
        rule.when = std::move(*node);
    }
    return advice_on(rule);
}

TEST(Advice, NamesWhatTheJudgedChoose) {
    EXPECT_THAT(advised("process.comm == 'x' && process.exe != '/bin/x'", ActionId::deny),
                ElementsAre("process.comm is chosen by who is judged; process.exe is not"));
    EXPECT_THAT(
        advised("senders.exists(s, s.exe.path == '/bin/x') || socket.remote.path.text == '/run/x'", ActionId::drop),
        ElementsAre("senders.exe.path is chosen by who is judged; senders.exe is not",
                    "socket.remote.path.text is chosen by who is judged; socket.remote.path is not"));
    EXPECT_THAT(advised("process.comm == 'x'", ActionId::alert), ElementsAre());
    EXPECT_THAT(advised("fds.exists(f, f.path == '/dev/kvm')", ActionId::deny_fds), ElementsAre());
}

// The rows name events, actions and facts that there are.
TEST(Placement, RowsAreMadeOfKnownWords) {
    const auto each_word = [](std::string_view words, auto take) {
        for (std::size_t at = 0; at < words.size();) {
            const std::size_t end = std::min(words.find(' ', at), words.size());
            take(words.substr(at, end - at));
            at = end + 1;
        }
    };
    for (const PointRow &row : points()) {
        each_word(row.events, [](std::string_view word) {
            EXPECT_TRUE(std::ranges::any_of(events(), [&](const EventRow &event) { return event.name == word; }))
                << word;
        });
        each_word(row.actions, [](std::string_view word) { EXPECT_NE(find_action(word), nullptr) << word; });
        each_word(row.facts, [](std::string_view word) {
            EXPECT_TRUE(std::ranges::any_of(facts(), [&](const FactRow &fact) {
                return fact.path == word || fact.path.starts_with(std::string(word) + ".");
            })) << word;
        });
        for (const FactId asked : {FactId::socket_family, FactId::socket_type}) {
            each_word(only_values(row, asked), [&](std::string_view word) {
                const std::string text = fmt::format("{} == '{}'", fact(asked).path, word);
                EXPECT_TRUE(read_expression(plain_source(text), {})) << text;
            });
        }
    }
}

}  // namespace
}  // namespace sockwarden::policy
