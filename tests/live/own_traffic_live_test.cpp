// SPDX-License-Identifier: Apache-2.0
// sockwarden's own output over a socket, read by recvmsg while everything is traced, must not trace
// itself.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "options.h"
#include "process.h"
#include "receiver.h"
#include "stream.h"

namespace live {
namespace {

using Ends = std::array<int, 2>;  // the reader's, the tool's

Ends UnixEnds() {
    Ends ends{-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    return ends;
}

Ends TcpEnds() {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    EXPECT_EQ(bind(listener, generic, size), 0);
    EXPECT_EQ(listen(listener, 1), 0);
    getsockname(listener, generic, &size);
    const int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(far, generic, size), 0);
    const int near = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    close(listener);
    return {near, far};
}

// Reads by recvmsg until the other end closes; what it read is the tool's output.
std::string ReadAll(int fd, std::atomic<long> &calls) {
    std::string text;
    std::array<char, 512> buffer;  // small: many calls, each of which would be a record
    for (;;) {
        iovec iov{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_iov = &iov;
        message.msg_iovlen = 1;
        const ssize_t size = recvmsg(fd, &message, 0);
        ++calls;
        if (size <= 0 || text.size() > 50'000'000)
            return text;
        text.append(buffer.data(), static_cast<size_t>(size));
    }
}

void OwnOutputIsLeftOut(const Ends &ends) {
    constexpr int kReceives = 50;
    Process::Streams streams;
    streams.out = ends[1];
    Process trace(TraceCommand(Chosen()), streams);
    close(ends[1]);
    std::atomic<long> calls{0};
    std::string text;
    std::thread reader([&] { text = ReadAll(ends[0], calls); });
    const bool attached = trace.AwaitAttached();
    const Receiver receiver({.comm = "not-the-reader"});
    for (int i = 0; i < kReceives; ++i)
        EXPECT_TRUE(receiver.Receive("to be seen"));
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    trace.Signal(SIGTERM);
    const Ended ended = trace.Wait(Seconds(10));
    reader.join();
    close(ends[0]);
    ASSERT_TRUE(attached) << ended.err;
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;

    const Stream stream = ParseStream(text);
    EXPECT_EQ(Joined(CheckStream(stream)), "");
    long own = 0;
    long seen = 0;
    for (const Json &call : stream.calls) {
        own += call["process"]["pid"] == getpid();
        seen += call["process"]["pid"] == receiver.pid();
    }
    EXPECT_EQ(own, 0) << "of the reader's " << calls << " calls";
    EXPECT_EQ(seen, kReceives);
    EXPECT_GE(StopCount(stream, "filtered"), 1) << "left out, but not counted";
}

TEST(OwnTraffic, OverAUnixSocketPair) { OwnOutputIsLeftOut(UnixEnds()); }
TEST(OwnTraffic, OverTcpOnLoopback) { OwnOutputIsLeftOut(TcpEnds()); }

}  // namespace
}  // namespace live
