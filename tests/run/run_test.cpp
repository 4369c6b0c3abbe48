// SPDX-License-Identifier: Apache-2.0
// What each action of a policy does under `sockwarden run`, and what is told of it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "actor.h"
#include "options.h"
#include "supervised.h"

namespace run {
namespace {

constexpr int kKinds[][2] = {{AF_UNIX, SOCK_STREAM},
                             {AF_UNIX, SOCK_DGRAM},
                             {AF_UNIX, SOCK_SEQPACKET},
                             {AF_INET, SOCK_STREAM},
                             {AF_INET, SOCK_DGRAM}};

std::string RuleOn(const std::string &action, const std::string &more = "") {
    return "\n  - name: bad\n    when: event in [\"recvmsg\", \"recvmmsg\", \"recvfrom\", \"read\", \"readv\"] && "
           "payload.contains(\"bad\")\n    action: " +
           action + "\n" + more;
}

ACTOR(denied_content) {
    for (const auto &[family, type] : kKinds) {
        const Pair pair = MakePair(type, family);
        Send(pair.near, "good");
        IS(Receive(pair.far), "good");
        Send(pair.near, "a bad one");
        IS(Receive(pair.far), "-EPERM");
        IS(Receive(pair.far, MSG_DONTWAIT), "-EPERM");
        IS(Receive(pair.far, MSG_PEEK), "-EPERM");
        int queued = 0;
        ::ioctl(pair.far, FIONREAD, &queued);
        IS(queued, 9);
        char byte[16];
        IS(Got(::read(pair.far, byte, sizeof(byte))), -EPERM);
        const Pair other = MakePair(type, family);
        Send(other.near, "other");
        IS(Receive(other.far), "other");
    }
}
TEST(Run, DenyLeavesTheMessageQueued) {
    const Result result = RunUnder(RuleOn("deny", "    errno: EPERM\n"), "denied_content");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(result.told.size(), 20U);
    ASSERT_FALSE(result.told.empty());
    const Json &record = result.told.front();
    EXPECT_EQ(live::TextAt(record, "/event"), "recvfrom");
    EXPECT_EQ(record.at("return"), -1);
    EXPECT_EQ(record.at("errno"), "EPERM");
    EXPECT_EQ(live::TextAt(record, "/engine"), "supervisor");
    EXPECT_EQ(live::TextAt(record, "/verdict/rule"), "bad");
    EXPECT_EQ(live::TextAt(record, "/verdict/point"), "receive");
    EXPECT_EQ(record.at("verdict").at("enforced"), true);
    EXPECT_EQ(record.at("verdict").at("certain"), true);
}
// What is not told of a reader that asks again and again is counted, and said.
TEST(Run, SaysWhoGoesOnAsking) {
    const Result result = RunUnder(R"(
  - name: spins
    when: event == "recvfrom" && socket.type == "SOCK_SEQPACKET"
    action: deny
)",
                                   "case_spins");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(result.told.size(), 102U);
    EXPECT_EQ(live::StopCount(result.stream, "filtered"), 150);
    EXPECT_NE(result.ended.err.find(" has been refused the same message 100 times by "), std::string::npos)
        << result.ended.err;
}

TEST(Run, AuditRefusesNothing) {
    const Result result = RunUnder(RuleOn("deny"), "dropped", {"--audit"});
    EXPECT_TRUE(result.ended.Exited(8)) << result.Text();  // one check of a stream, two of other sockets
    ASSERT_EQ(result.told.size(), 5U);
    EXPECT_EQ(result.told.front().at("verdict").at("enforced"), false);
    EXPECT_EQ(live::TextAt(result.told.front(), "/payload/text"), "bad");
}

ACTOR(dropped) {
    for (const auto &[family, type] : kKinds) {
        const Pair pair = MakePair(type, family);
        Send(pair.near, "bad");
        if (type == SOCK_STREAM) {
            IS(Receive(pair.far, MSG_DONTWAIT), "-EAGAIN");
        }
        Send(pair.near, "good");
        IS(Receive(pair.far), "good");
        if (type != SOCK_STREAM) {
            IS(Receive(pair.far, MSG_DONTWAIT), "-EAGAIN");
        }
    }
}
TEST(Run, DropLetsTheNextOneCome) {
    const Result result = RunUnder(RuleOn("drop"), "dropped");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Verdicts(result), "refused:drop refused:drop refused:drop refused:drop refused:drop ");
    ASSERT_FALSE(result.told.empty());
    EXPECT_EQ(live::TextAt(result.told.front(), "/payload/text"), "bad");
}

ACTOR(killed) {
    const Pair pair = MakePair(SOCK_STREAM);
    if (::fork() == 0) {
        Send(pair.near, "bad");
        Receive(pair.far);
        ::_exit(0);
    }
    int status = 0;
    ::wait(&status);
    IS(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL);
}
TEST(Run, KillEndsTheProcess) {
    const Result result = RunUnder(RuleOn("kill"), "killed");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Verdicts(result), "recvfrom:kill ");
}

ACTOR(alerted) {
    const Pair pair = MakePair(SOCK_STREAM);
    Send(pair.near, "bad");
    IS(Receive(pair.far), "bad");
}
TEST(Run, AlertOnlyTells) {
    const Result result = RunUnder(RuleOn("alert"), "alerted");
    EXPECT_TRUE(result.Passed()) << result.Text();
    ASSERT_EQ(result.told.size(), 1U);
    EXPECT_EQ(live::TextAt(result.told[0], "/verdict/alerts/0/rule"), "bad") << result.told[0];
}

ACTOR(filtered_fds) {
    const int file = ::open("/dev/null", O_RDONLY);
    int ends[2];
    IS(::pipe(ends), 0);
    const int all[] = {file, ends[0], file, ends[1]};
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        const Pair pair = MakePair(type);
        SendFds(pair.near, "data", all, 4);
        alignas(cmsghdr) char control[256];
        char bytes[100];
        iovec part{bytes, sizeof(bytes)};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        IS(Got(::recvmsg(pair.far, &message, MSG_CMSG_CLOEXEC)), 4);
        const cmsghdr *head = CMSG_FIRSTHDR(&message);
        IS(head != nullptr && head->cmsg_len == CMSG_LEN(2 * sizeof(int)), 1);
        int got[2] = {-1, -1};
        std::memcpy(got, CMSG_DATA(head), sizeof(got));
        for (const int one : got) {
            IS(::fcntl(one, F_GETFD), FD_CLOEXEC);
            char path[64] = {};
            IS(::readlink(("/proc/self/fd/" + std::to_string(one)).c_str(), path, sizeof(path)), 9);
            IS(path, std::string("/dev/null"));
            ::close(one);
        }
        IS(message.msg_flags & MSG_CTRUNC, 0);
    }
}
TEST(Run, DenyFdsHandsOverTheOthers) {
    const Result result = RunUnder(R"(
  - name: no-pipes
    when: fds.exists(f, f.type == "pipe")
    action: deny-fds
)",
                                   "filtered_fds");
    EXPECT_TRUE(result.Passed()) << result.Text();
    ASSERT_EQ(result.told.size(), 3U);
    EXPECT_EQ(result.told[0].at("fds").at("sent"), 4);
    EXPECT_EQ(result.told[0].at("fds").at("delivered"), 2);
    EXPECT_EQ(result.told[0].at("fds").at("denied"), 2);
}

// A rule that needs no message to decide answers before there is one.
ACTOR(refused_at_once) {
    const Pair bad = MakePair(SOCK_SEQPACKET), good = MakePair(SOCK_STREAM);
    IS(Receive(bad.far), "-EACCES");
    Send(good.near, "x");
    IS(Receive(good.far), "x");
}
TEST(Run, WhatNeedsNoMessageIsRefusedWithoutOne) {
    const Result result = RunUnder(R"(
  - name: no-seqpackets
    when: event == "recvfrom" && socket.type == "SOCK_SEQPACKET"
    action: deny
)",
                                   "refused_at_once");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Verdicts(result), "recvfrom:deny ");
}

TEST(Run, WithoutAPolicyItTraces) {
    const Result result = RunUnder("", "filtered_fds");
    EXPECT_EQ(result.told.size(), 3U);
    EXPECT_EQ(live::Joined(live::CheckStream(result.stream)), "");
    ASSERT_FALSE(result.told.empty());
    const Json &record = result.told[0];
    EXPECT_EQ(record.at("return"), 4);
    EXPECT_EQ(live::TextAt(record, "/payload/text"), "data");
    EXPECT_EQ(live::TextAt(record, "/payload/origin"), "K");
    EXPECT_EQ(record.at("fds").at("delivered"), 4);
    EXPECT_EQ(live::TextAt(record, "/args/msg/control/0/fds/0/path"), "/dev/null");
    EXPECT_EQ(live::TextAt(record, "/args/msg/control/0/fds/1/type"), "pipe");
    EXPECT_EQ(record.at("process").at("uid"), ::geteuid() == 0 ? 65534U : ::geteuid());
}

// What the command sends is told before the kernel sends it.
ACTOR(traced_sends) {
    const Pair pair = MakePair(SOCK_STREAM), tcp = MakePair(SOCK_STREAM, AF_INET);
    IS(Send(pair.near, "hello"), 5);
    IS(Got(::write(tcp.near, "world", 5)), 5);
    const int null = ::open("/dev/null", O_RDWR);
    IS(SendFds(pair.near, "fd", &null, 1), 2);
    off_t at = 1;
    const int file = ::open("/proc/self/exe", O_RDONLY);
    IS(Got(::sendfile(tcp.near, file, &at, 3)), 3);
    IS(Got(::write(null, "no socket", 9)), 9);
    IS(Receive(pair.far, 0, 5), "hello");
    IS(Receive(tcp.far), "worldELF");
    iovec parts[2] = {{const_cast<char *>("ab"), 2}, {const_cast<char *>("cd"), 2}};
    mmsghdr batch[2] = {};
    batch[0].msg_hdr.msg_iov = parts;
    batch[0].msg_hdr.msg_iovlen = 2;
    batch[1].msg_hdr.msg_iov = parts;
    batch[1].msg_hdr.msg_iovlen = 1;
    IS(Got(::sendmmsg(pair.near, batch, 2, 0)), 2);
}
TEST(Run, SendsAreTracedBeforeTheyAreMade) {
    const Result result = RunUnder("", "traced_sends", {"--events", "send,connect"});
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(live::Joined(live::CheckStream(result.stream)), "");
    std::string seen;
    for (const Json &record : result.stream.records) {
        if (record.contains("args")) {
            EXPECT_TRUE(record.at("return").is_null()) << record;
            EXPECT_EQ(live::TextAt(record, "/missing/return"), "before") << record;
            seen += live::TextAt(record, "/event") + ":" + live::TextAt(record, "/payload/text") + " ";
        }
    }
    EXPECT_EQ(seen, "connect: sendto:hello write:world sendmsg:fd sendfile: sendmmsg:abcd sendmmsg:ab ");
    const Result refused = RunUnder("", "traced_sends", {"--events", "fds"});
    EXPECT_TRUE(refused.ended.Exited(2)) << refused.Text();
}

// Each transfer is one event, whoever makes it in the end.
ACTOR(traced_transfers) {
    const int file = ::open("/proc/self/exe", O_RDONLY), null = ::open("/dev/null", O_WRONLY);
    const Pair tcp = MakePair(SOCK_STREAM, AF_INET);
    const auto transfer = [&] {
        off_t at = 1;
        IS(Got(::sendfile(tcp.near, file, &at, 3)), 3);
        IS(Got(::sendfile(null, file, &at, 3)), 3);
        IS(Receive(tcp.far), "ELF");
    };
    transfer();
    std::thread(transfer).join();
    // Tracing keeps nobody from a send that connects.
    const int fast = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in nowhere{};
    nowhere.sin_family = AF_INET;
    nowhere.sin_port = htons(1);
    nowhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    IS(Got(::sendto(fast, "x", 1, MSG_FASTOPEN, reinterpret_cast<sockaddr *>(&nowhere), sizeof(nowhere))),
       -ECONNREFUSED);
}
TEST(Run, ATransferIsTracedOnce) {
    const std::string judged =
        "\n  - name: bad\n    when: event == \"sendfile\" && socket.family == \"AF_UNIX\"\n    action: deny\n";
    for (const std::string &rules : {std::string(), RuleOn("deny"), judged}) {  // besides what a policy is asked
        const Result result = RunUnder(rules, "traced_transfers", {"--events", "sendfile"});
        EXPECT_TRUE(result.Passed()) << result.Text();
        std::size_t seen = 0;
        for (const Json &record : result.stream.records) {
            seen += live::TextAt(record, "/event") == "sendfile" ? 1 : 0;
        }
        EXPECT_EQ(seen, 2U) << rules;
        EXPECT_EQ(live::Joined(live::CheckStream(result.stream)), "");
    }
}

TEST(Run, TraceAndGuardHaveItToo) {
    const Supervised traced("");
    for (const std::vector<std::string> &way :
         {std::vector<std::string>{"trace", "--engine", "supervisor"}, {"trace"}}) {
        if (::geteuid() == 0 || way.size() > 1) {  // by itself where there is no privilege
            const live::Ended ended = live::RunCommand(traced.CommandBy(way, "alerted"));
            EXPECT_TRUE(ended.Exited(0)) << ended.Text() << ended.err;
            EXPECT_NE(ended.err.find("tracing with the supervisor engine"), std::string::npos) << ended.err;
            EXPECT_NE(ended.out.find("\"text\":\"bad\""), std::string::npos) << ended.out;
        }
    }
    const live::Ended filtered =
        live::RunCommand(traced.CommandBy({"trace", "--engine", "supervisor", "payload.length > 3"}, "alerted"));
    EXPECT_EQ(filtered.out.find("\"text\":\"bad\""), std::string::npos) << filtered.out;
    const Supervised guarded(RuleOn("deny"));
    const live::Ended refused = live::RunCommand(guarded.CommandBy({"guard", "--engine", "supervisor"}, "alerted"));
    EXPECT_TRUE(refused.Exited(1)) << refused.Text() << refused.err;
    EXPECT_TRUE(live::RunCommand(guarded.CommandBy({"guard"}, "alerted")).Exited(1)) << "by itself for a command";
    EXPECT_TRUE(live::RunCommand(guarded.CommandBy({"guard", "--engine", "lsm"}, "alerted")).Exited(2));
    EXPECT_TRUE(live::RunCommand(traced.CommandBy({"trace", "--engine", "supervisor", "--events", "fds"}, "alerted"))
                    .Exited(2));
}

TEST(Run, MistakesAreSaidAndNothingIsRun) {
    for (const char *rules :
         {"  - name: x\n    when: nothing == 1\n    action: deny\n",
          "  - name: x\n    when: event == 'recvmsg' && senders.exists(s, s.uid == 0)\n    action: deny\n"}) {
        const Result result = RunUnder(rules, "alerted");
        EXPECT_TRUE(result.ended.Exited(2)) << result.Text();
        EXPECT_NE(result.ended.err.find("nothing is run"), std::string::npos) << result.Text();
    }
}

}  // namespace
}  // namespace run
