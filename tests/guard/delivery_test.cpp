// SPDX-License-Identifier: Apache-2.0
// What the guard does about messages that have been delivered: it kills before the call returns, reports, and finds
// what escaped a refusal.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "actor.h"
#include "cases.h"
#include "delivered.h"
#include "guarding.h"
#include "names.h"
#include "options.h"
#include "traffic/uring.h"

namespace guard {
namespace {

using enforced::MakePair;
using enforced::Pair;
using live::Chosen;

TEST(Delivery, KillsBeforeTheCallReturns) {
    Guarding guarding(KillsFor("delivery-secret"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    // What io_uring receives over UDP passes no tracepoint with its bytes.
    const bool by_tracepoints = guarding.Said().find("by the tracepoint engine") != std::string::npos;
    const auto is_doubtful = [&](const Kind &kind, const Way &way) {
        return by_tracepoints && std::string_view(way.name) == "io_uring" && std::string_view(kind.name) == "UDP";
    };
    int killed = 0, doubtful = 0;
    for (const Kind &kind : kKinds) {
        for (const Way &way : Ways()) {
            const Pair harmless = Sent(kind, "harmless"), secret = Sent(kind, "a delivery-secret");
            const Outcome passed = InChild(harmless, way), died = InChild(secret, way);
            EXPECT_TRUE(passed.Lived()) << kind.name << " by " << way.name << " " << passed.status;
            if (is_doubtful(kind, way)) {
                EXPECT_TRUE(died.Lived()) << died.status;
                doubtful += 2;  // nor is it known that the other is harmless
            } else {
                EXPECT_TRUE(died.Died() && !died.returned) << kind.name << " by " << way.name << " " << died.status;
                ++killed;
            }
            Close(harmless);
            Close(secret);
        }
    }
    for (const Json &one : guarding.End()) {
        EXPECT_EQ(live::TextAt(one, "/verdict/point"), "after");
        if (one["verdict"].contains("alerts")) {  // in doubt, a kill is only reported
            EXPECT_EQ(live::At(one, "/verdict/alerts/0/certain"), Json(false)) << one;
            --doubtful;
            continue;
        }
        --killed;
        EXPECT_EQ(live::TextAt(one, "/verdict/action"), "kill");
        EXPECT_EQ(live::At(one, "/verdict/enforced"), Json(true)) << one;
        EXPECT_EQ(live::At(one, "/verdict/certain"), Json(true)) << one;
    }
    EXPECT_EQ(killed, 0);
    EXPECT_EQ(doubtful, 0);
}

// Nothing is delivered by a call that fails, nor at the end of a stream, whatever a rule says of it.
TEST(Delivery, JudgesOnlyWhatIsDelivered) {
    Guarding guarding(
        Rule("short", "process.pid != 1 && socket.local.abstract == \"delivery-empty\" && payload.length < 4", "kill") +
        Rule("not", "socket.local.abstract == \"delivery-empty\" && !payload.contains(\"x\")", "kill"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const enforced::Name name = enforced::Abstract("delivery-empty");
    const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(server, name.get(), name.size), 0);
    ASSERT_EQ(::listen(server, 4), 0);
    const auto connected = [&] {
        const int near = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::connect(near, name.get(), name.size), 0);
        return Pair{near, ::accept(server, nullptr, nullptr)};
    };
    const Way in_vain{"in vain", [](int socket, void *room, std::size_t size) {
                          const ssize_t got = ::recv(socket, room, size, MSG_DONTWAIT);
                          return got < 0 && errno == EAGAIN ? 1 : -1;
                      }};
    const Way at_end{"at its end", [](int socket, void *room, std::size_t size) {
                         return ::read(socket, room, size) == 0 ? ssize_t{1} : ssize_t{-1};
                     }};
    const Pair empty = connected(), ended = connected(), some = connected();
    EXPECT_TRUE(InChild(empty, in_vain).Lived());
    ::shutdown(ended.near, SHUT_WR);
    EXPECT_TRUE(InChild(ended, at_end).Lived());
    ASSERT_EQ(enforced::Send(some.near, "abc"), 3);
    EXPECT_TRUE(InChild(some, Ways().front()).Died());
    EXPECT_EQ(enforced::Told(guarding.End()), "recvfrom:kill:short");
    for (const Pair &pair : {empty, ended, some}) {
        Close(pair);
    }
    ::close(server);
}

// What is copied up to an address that faults has been delivered, too.
TEST(Delivery, AFaultIsNoWayRound) {
    Guarding guarding(KillsFor("delivery-secret"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    auto *pages =
        static_cast<char *>(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ::mprotect(pages + 4096, 4096, PROT_NONE);
    const Way faulting{"a fault", [&](int socket, void *, std::size_t) {
                           return ::recv(socket, pages + 4096 - 16, 4096, 0) < 0 ? ssize_t{1} : ssize_t{-1};
                       }};
    for (const Kind &kind : {kKinds[0], kKinds[3]}) {
        const Pair pair = Sent(kind, "delivery-secret and the rest of it");
        const Outcome died = InChild(pair, faulting);
        EXPECT_TRUE(died.Died() && !died.returned) << kind.name << " " << died.status;
        Close(pair);
    }
    EXPECT_EQ(enforced::Told(guarding.End()), "recvfrom:kill:word*2");
}

// 32-bit programs make their calls by numbers of their own, and some by socketcall.
TEST(Delivery, AnI386ProgramIsNoWayRound) {
    const std::string program = enforced::CompatProgram();
    if (program.empty()) {
        GTEST_SKIP() << "it was not built, or this kernel runs no 32-bit programs";
    }
    Guarding guarding(KillsFor("delivery-secret"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    for (const char *way : {"recv", "read", "socketcall"}) {
        const live::Ended ended = live::RunCommand({program, "receive", way});
        EXPECT_TRUE(ended.Killed(SIGKILL)) << way << ": " << ended.Text() << ended.err;
    }
    EXPECT_EQ(guarding.End().size(), 3U);
}

// One rule in doubt does not keep another that is certain from killing.
TEST(Delivery, DoubtHidesNothing) {
    Guarding guarding(KillsFor("delivery-one") + Rule("long", "payload.length == 5000", "kill"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Pair pair = Sent(kKinds[0], std::string(5000, 'x'));
    const Outcome died = InChild(pair, Ways().front());
    EXPECT_TRUE(died.Died() && !died.returned) << died.status;
    Close(pair);
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(enforced::Told(told), "recvfrom:kill:long");
    EXPECT_EQ(live::TextAt(told[0], "/verdict/alerts/0/rule"), "word");
    EXPECT_EQ(live::At(told[0], "/verdict/alerts/0/certain"), Json(false));
}

// Nobody is locked out of the guard, nor is sockwarden itself killed, not even by a rule for everything.
TEST(Delivery, CannotLockItselfOut) {
    Guarding guarding(Rule("everything", "process.comm == \"sockwarden\"", "kill"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    for (const char *request : {"status", "reload", "release"}) {
        const live::Ended ended = live::RunCommand({Chosen().sockwarden, request}, live::Seconds(120));
        EXPECT_TRUE(ended.Exited(0)) << request << " " << ended.Text() << ended.err;
    }
    EXPECT_EQ(guarding.ExitCode(), 0);
}

// It goes on killing though nobody reads what it tells.
TEST(Delivery, KillsThoughNobodyReads) {
    const live::TemporaryFile policy;
    std::ofstream(policy.path()) << "version: 1\nname: trial\nrules:\n"
                                 << Rule("loud", "payload.contains(\"delivery-loud\")", "alert")
                                 << KillsFor("delivery-secret");
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    live::Process process({Chosen().sockwarden, "guard", "-o", "json", "--policy", policy.path()}, {.out = ends[1]});
    ASSERT_TRUE(
        process.ReadUntil([&] { return process.err().find("hooks proven") != std::string::npos; }, live::Seconds(60)))
        << process.err();
    const Pair noise = MakePair(SOCK_DGRAM);
    for (int i = 0; i < 6000; ++i) {
        ASSERT_GT(enforced::Send(noise.near, "delivery-loud"), 0);
        enforced::Receive(noise.far);
    }
    Close(noise);
    const Pair late = Sent(kKinds[0], std::string(3000, 'x') + "delivery-secret");
    EXPECT_TRUE(InChild(late, Ways().front(), 5).Died());
    Close(late);
    process.Signal(SIGINT);
    process.Signal(SIGINT);
    ::close(ends[0]);
    process.Wait();
    ::close(ends[1]);
    EXPECT_NE(process.err().find("unread"), std::string::npos) << process.err();
}

// What a stream delivers in one call it may have been sent in several.
TEST(Delivery, MatchesOverTheBoundsOfBuffers) {
    Guarding guarding(KillsFor("delivery-secret"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    for (const Kind &kind : kKinds) {
        if (!kind.is_stream()) {
            continue;
        }
        const Pair pair = Sent(kind, "a delivery-");
        enforced::Send(pair.near, "secret");
        ::usleep(50'000);
        const Outcome died = InChild(pair, Ways().front());
        EXPECT_TRUE(died.Died() && !died.returned) << kind.name;
        Close(pair);
    }
    EXPECT_EQ(enforced::Told(guarding.End()), "recvfrom:kill:word*2");
}

// What only the reader of the records knows kills a moment later.
TEST(Delivery, KillsByWhatOnlyTheReaderKnows) {
    Guarding guarding(
        KillsFor("delivery-secret") +
        Rule("sender", "payload.contains(\"who\") && senders.exists(s, s.pid == " + std::to_string(::getpid()) + ")",
             "kill"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Kind stream = kKinds[0];
    const Pair late = Sent(stream, std::string(3000, 'x') + "delivery-secret");
    const Outcome died = InChild(late, Ways().front(), 5);
    EXPECT_TRUE(died.Died() && died.returned) << died.status;
    const Pair other = Sent(stream, std::string(3000, 'x') + "delivery-other");
    EXPECT_TRUE(InChild(other, Ways().front()).Lived());
    const Pair who = Sent(stream, "who");
    const Outcome by_sender = InChild(who, Ways().front(), 5);
    const bool is_known = live::TextAt(guarding.End().back(), "/engine") != "tracepoint";  // which guesses
    EXPECT_EQ(by_sender.Died(), is_known) << by_sender.status;
    for (const Pair &pair : {late, other, who}) {
        Close(pair);
    }
}

// Nor is anything refused there, so whatever action a rule has can be reported.
TEST(Delivery, ReportsAndKillsNobodyWhereItIsTold) {
    Guarding guarding(Rule("loud", "payload.contains(\"delivery-loud\")", "alert") + KillsFor("delivery-secret") +
                          Rule("denied", "payload.contains(\"delivery-denied\")", "deny"),
                      "", {"--audit"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    for (const char *bytes : {"delivery-loud", "delivery-secret", "delivery-denied", "neither"}) {
        const Pair pair = Sent(kKinds[3], bytes);
        EXPECT_TRUE(InChild(pair, Ways().front()).Lived());
        Close(pair);
    }
    const std::vector<Json> told = guarding.End();
    EXPECT_EQ(enforced::Told(told), "recvfrom:allow:- recvfrom:kill:word recvfrom:deny:denied");
    ASSERT_EQ(told.size(), 3U);
    EXPECT_EQ(live::TextAt(told[0], "/verdict/alerts/0/rule"), "loud");
    for (const Json &one : told) {
        EXPECT_EQ(live::At(one, "/verdict/enforced"), Json(false));
        EXPECT_FALSE(one["verdict"].contains("escaped"));
    }
    EXPECT_EQ(live::At(told[1], "/return"), Json(15)) << told[1];
}

// What was let pass before the guard was there is found when it is delivered all the same.
TEST(Delivery, FindsWhatEscaped) {
    const Kind udp = kKinds[4];
    const Pair early = Sent(udp, "delivery-dropped"), harmless = Sent(udp, "harmless");
    const std::string dropped =
        "  - {name: dropped, when: 'socket.family == \"AF_INET\" && socket.type == \"SOCK_DGRAM\" && "
        "payload.contains(\"delivery-dropped\")', action: drop}\n";
    Guarding guarding(dropped, "", {"--recheck"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(enforced::Receive(harmless.far), "harmless");
    EXPECT_EQ(enforced::Receive(early.far), "delivery-dropped");
    enforced::Send(early.near, "delivery-dropped");
    EXPECT_EQ(enforced::Receive(early.far, MSG_DONTWAIT), "-EAGAIN");
    std::vector<Json> told = guarding.End();
    ASSERT_EQ(told.size(), 2U);
    std::ranges::sort(told, {}, [](const Json &one) { return live::TextAt(one, "/time"); });
    ASSERT_EQ(enforced::Told(told), "recvfrom:drop:dropped refused:drop:dropped");
    EXPECT_EQ(live::At(told[0], "/verdict/escaped"), Json(true));
    EXPECT_EQ(live::At(told[0], "/verdict/enforced"), Json(false));
    EXPECT_EQ(live::At(told[0], "/return"), Json(16));
    EXPECT_FALSE(told[1]["verdict"].contains("escaped"));
    Close(early);
    Close(harmless);
}

// Each message is told once, by the old policies or by the new.
TEST(Delivery, ReloadsWithoutTellingTwiceOrNotAtAll) {
    Guarding guarding(Rule("loud", "payload.contains(\"delivery-loud\")", "alert"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    std::atomic<bool> done = false;
    std::size_t received = 0;
    std::thread load([&] {
        const Pair pair = MakePair(SOCK_DGRAM);
        while (!done) {
            enforced::Send(pair.near, "delivery-loud");
            received += enforced::Receive(pair.far) == "delivery-loud" ? 1 : 0;
            ::usleep(10'000);
        }
        Close(pair);
    });
    for (int i = 0; i < 2; ++i) {
        const live::Ended reloaded = live::Process({Chosen().sockwarden, "reload"}).Wait();
        EXPECT_TRUE(reloaded.Exited(0)) << reloaded.err;
    }
    done = true;
    load.join();
    const live::Ended status = live::Process({Chosen().sockwarden, "status", "-o", "json"}).Wait();
    EXPECT_EQ(live::TextAt(Json::parse(status.out), "/hooks/0/point"), "after") << status.out;
    const std::vector<Json> told = guarding.End();
    EXPECT_EQ(told.size(), received);
    EXPECT_GT(received, 50U);
}

TEST(Delivery, IsReleased) {
    Guarding guarding(KillsFor("delivery-secret"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const auto dies = [] {
        const Pair pair = Sent(kKinds[0], "delivery-secret");
        const bool died = InChild(pair, Ways().front()).Died();
        Close(pair);
        return died;
    };
    EXPECT_TRUE(dies());
    guarding.Signal(SIGKILL);
    guarding.ExitCode();
    EXPECT_FALSE(dies());
}

// Beside other processes only what the command receives is judged.
TEST(Delivery, JudgesOneCommand) {
    const live::TemporaryFile policy;
    std::ofstream(policy.path()) << "version: 1\nname: trial\nrules:\n" << KillsFor("delivery-secret");
    const std::string me = "/proc/" + std::to_string(::getpid()) + "/exe";
    live::Process process({Chosen().sockwarden, "guard", "--engine", "cgroup", "-w", "/dev/null", "--policy",
                           policy.path(), "--", "/bin/sh", "-c",
                           "echo ready; sleep 1; " + me + " --actor receives_secret; echo $?"});
    ASSERT_TRUE(process.ReadUntil([&] { return process.out().find("ready") != std::string::npos; }, live::Seconds(30)))
        << process.err();
    const Pair pair = Sent(kKinds[0], "delivery-secret");
    EXPECT_TRUE(InChild(pair, Ways().front()).Lived());
    Close(pair);
    EXPECT_NE(process.Wait().out.find("137"), std::string::npos) << process.err();
}

TEST(Delivery, SaysWhatItCannotKeep) {
    for (const auto &[more, why] :
         {std::pair<std::vector<std::string>, const char *>({"--on-exit", "keep"}, "cannot go with --on-exit keep"),
          {{"--cgroup", "/system.slice"}, "not for a cgroup: leave --cgroup out"}}) {
        Guarding guarding(KillsFor("x"), "", more);
        EXPECT_FALSE(guarding.Works());
        EXPECT_EQ(guarding.ExitCode(), 2);
        EXPECT_NE(guarding.Said().find(why), std::string::npos) << guarding.Said();
    }
}

TEST(Delivery, DoctorProvesIt) {
    const std::string said = live::RunCommand({Chosen().sockwarden, "doctor"}, live::Seconds(120)).out;
    EXPECT_NE(said.find("guard after delivery: kills and reports here"), std::string::npos) << said;
}

ACTOR(receives_secret) {
    const Pair pair = Sent(kKinds[0], "delivery-secret");
    enforced::Receive(pair.far);
}

}  // namespace
}  // namespace guard
