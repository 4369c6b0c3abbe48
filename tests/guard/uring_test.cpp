// SPDX-License-Identifier: Apache-2.0
// Under a guard, io_uring: each request goes by its own name, whoever does it and when.
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/socket.h>

#include <fstream>
#include <string>

#include "actor.h"
#include "cases.h"
#include "guarding.h"
#include "names.h"
#include "traffic/uring.h"

namespace guard {
namespace {

using enforced::MakePair;
using enforced::Pair;

struct Request {
    const char *event;
    std::uint8_t opcode;
    bool has_header;
    bool sends;
};
constexpr Request kRequests[] = {
    {"io_uring_recv", IORING_OP_RECV, false, false},     {"io_uring_recvmsg", IORING_OP_RECVMSG, true, false},
    {"io_uring_read", IORING_OP_READ, false, false},     {"io_uring_send", IORING_OP_SEND, false, true},
    {"io_uring_sendmsg", IORING_OP_SENDMSG, true, true}, {"io_uring_write", IORING_OP_WRITE, false, true},
    {"io_uring_send", IORING_OP_SEND_ZC, false, true},   {"io_uring_sendmsg", IORING_OP_SENDMSG_ZC, true, true},
};

long Done(const io_uring_sqe &request) {
    traffic::Uring ring;
    ring.Submit(request);
    return ring.Await().res;
}

// What it came to. It is done at once, or by a thread of the kernel's.
long Do(const Request &asked, int socket, unsigned flags) {
    char byte = 'x';
    iovec part{&byte, 1};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    io_uring_sqe request{};
    request.opcode = asked.opcode;
    request.flags = static_cast<std::uint8_t>(flags);
    request.fd = socket;
    request.addr =
        asked.has_header ? reinterpret_cast<std::uintptr_t>(&header) : reinterpret_cast<std::uintptr_t>(&byte);
    request.len = 1;
    return Done(request);
}

// On sockets that can do it: zero-copy sends are of IP alone.
Pair PairFor(const Request &asked) {
    const Pair pair = MakePair(SOCK_STREAM, AF_INET);
    if (!asked.sends) {
        EXPECT_EQ(enforced::Send(pair.near, "x"), 1);
    }
    return pair;
}

bool IsZeroCopy(const Request &one) { return one.opcode == IORING_OP_SEND_ZC || one.opcode == IORING_OP_SENDMSG_ZC; }

// Newer kernels serve both by one function, and which it is stays in doubt.
bool AreZeroCopiesKnown() {
    std::ifstream symbols("/proc/kallsyms");
    for (std::string address, type, name; symbols >> address >> type >> name;) {
        if (name == "io_send_zc") {
            return true;
        }
    }
    return false;
}

TEST(GuardUring, KnowsEachRequest) {
    const bool are_known = AreZeroCopiesKnown();
    std::string rules, expected;
    for (const Request &one : kRequests) {
        if (one.opcode < IORING_OP_SEND_ZC) {
            rules += std::string("  - {name: ") + one.event + ", when: 'event == \"" + one.event +
                     "\" && socket.family == \"AF_INET\" && process.comm == \"uring-test\"', action: deny}\n";
        }
    }
    Guarding guarding(rules);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    ::pthread_setname_np(::pthread_self(), "uring-test");
    for (const unsigned flags : {0U, static_cast<unsigned>(IOSQE_ASYNC)}) {
        for (const Request &one : kRequests) {
            const Pair pair = PairFor(one);
            EXPECT_EQ(Do(one, one.sends ? pair.near : pair.far, flags), -EACCES) << one.event << " " << flags;
            if (one.opcode == IORING_OP_SENDMSG_ZC && !are_known) {
                expected += "*2";  // like the one before
                continue;
            }
            expected += expected.empty() ? "" : " ";
            expected += one.opcode == IORING_OP_SEND_ZC && !are_known ? "io_uring_out:deny:io_uring_send?"
                                                                      : std::string(one.event) + ":deny:" + one.event;
        }
    }
    ::pthread_setname_np(::pthread_self(), "test");
    EXPECT_EQ(enforced::Told(guarding.End()), expected);
}

TEST(GuardUring, LeavesTheOthersAlone) {
    Guarding guarding(R"(
  - {name: receives, when: 'event == "io_uring_recv" && socket.family == "AF_INET"', action: deny}
  - {name: sends, when: 'event == "io_uring_sendmsg" && socket.family == "AF_INET"', action: deny}
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(guarding.Said().find("kptr_restrict"), std::string::npos) << guarding.Said();
    for (const Request &one : kRequests) {
        const std::string event = one.event;
        const bool is_refused =
            event == "io_uring_recv" || event == "io_uring_sendmsg" || (IsZeroCopy(one) && !AreZeroCopiesKnown());
        const Pair pair = PairFor(one);
        EXPECT_EQ(Do(one, one.sends ? pair.near : pair.far, 0), is_refused ? -EACCES : 1) << event;
    }
    EXPECT_EQ(enforced::Told(guarding.End()),
              AreZeroCopiesKnown()
                  ? "io_uring_recv:deny:receives io_uring_sendmsg:deny:sends*2"
                  : "io_uring_recv:deny:receives io_uring_sendmsg:deny:sends io_uring_out:deny:sends?*2");
}

// Where the kernel has looked up whom a datagram goes to it asks the same as for a connection.
TEST(GuardUring, ASendToANameIsNoConnection) {
    Guarding guarding(R"(
  - {name: connects, when: 'event in ["connect", "io_uring_connect"] && socket.remote.abstract == "uring-name"', action: deny}
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const enforced::Name name = enforced::Abstract("uring-name");
    const int there = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(there, name.get(), name.size), 0);
    char byte = 'x';
    iovec part{&byte, 1};
    msghdr header{};
    header.msg_name = const_cast<sockaddr *>(name.get());
    header.msg_namelen = name.size;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    io_uring_sqe send{}, connect{};
    send.opcode = IORING_OP_SENDMSG;
    connect.opcode = IORING_OP_CONNECT;
    send.fd = connect.fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    send.addr = reinterpret_cast<std::uintptr_t>(&header);
    send.len = 1;
    connect.addr = reinterpret_cast<std::uintptr_t>(name.get());
    connect.off = name.size;
    EXPECT_EQ(Done(send), 1);
    EXPECT_EQ(Done(connect), -EACCES);
    EXPECT_EQ(enforced::Told(guarding.End()), "io_uring_connect:deny:connects");
}

// It waits for the message, and is tried again while the process does something else.
TEST(GuardUring, KnowsOneThatWaited) {
    Guarding guarding(R"(
  - {name: receives, when: 'event == "io_uring_recv" && socket.type == "SOCK_SEQPACKET"', action: alert}
  - {name: others, when: 'event in ["io_uring_recvmsg", "io_uring_read"] && socket.type == "SOCK_SEQPACKET"', action: alert}
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Pair pair = MakePair(SOCK_SEQPACKET);
    char byte = 0;
    io_uring_sqe request{};
    request.opcode = IORING_OP_RECV;
    request.fd = pair.far;
    request.addr = reinterpret_cast<std::uintptr_t>(&byte);
    request.len = 1;
    traffic::Uring ring;
    ring.Submit(request);
    EXPECT_EQ(enforced::Send(pair.near, "x"), 1);
    EXPECT_EQ(ring.Await().res, 1);
    const std::vector<Json> told = guarding.End();
    EXPECT_GE(told.size(), 2U) << "asked about at first, and when the message was there";
    for (const Json &one : told) {
        EXPECT_EQ(one.at("event"), "io_uring_recv");
        EXPECT_EQ(one.at("verdict").at("alerts").size(), 1U) << one.dump();
        EXPECT_EQ(live::At(one, "/verdict/alerts/0/certain"), Json(true)) << one.dump();
    }
}

// Where nothing tells which request it is, a rule about one refuses all, and the guard says why.
TEST(GuardUring, SaysWhatTheKernelHides) {
    const HiddenAddresses hidden;
    Guarding guarding(R"(
  - {name: receives, when: 'event == "io_uring_recv" && socket.family == "AF_INET"', action: deny}
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_NE(guarding.Said().find("kptr_restrict"), std::string::npos) << guarding.Said();
    const Pair pair = PairFor(kRequests[1]);
    EXPECT_EQ(Do(kRequests[1], pair.far, 0), -EACCES);
    EXPECT_EQ(enforced::Told(guarding.End()), "io_uring:deny:receives?");
}

}  // namespace
}  // namespace guard
