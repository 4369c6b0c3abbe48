// SPDX-License-Identifier: Apache-2.0
// Scenarios over io_uring, which receives without any system call of receiving.
#include "uring.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "receive.h"

namespace traffic {
namespace {

// Waits, and is done on the way out of another call.
void Every(Context &context, Operation operation) {
    for (const Pair &pair : {UnixPair(SOCK_STREAM), UnixPair(SOCK_DGRAM), UdpPair(AF_INET), TcpPair(AF_INET)}) {
        Receive waits(context, pair.near);
        waits.By(operation).Between([&] { Send(pair.far, "waited for"); }).Gets("waited for");
    }
}

void Recv(Context &context) { Every(context, Operation::uring_recv); }
void RecvMsg(Context &context) { Every(context, Operation::uring_recvmsg); }
void Read(Context &context) { Every(context, Operation::uring_read); }

void Descriptors(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    SendDescriptors(pair.far, "with fds", {pair.near.get(), pair.far.get()});
    const Outcome outcome =
        Receive(context, pair.near).By(Operation::uring_recvmsg).Control(64).Sent(2).Gets("with fds");
    if (outcome.descriptors.size() != 2)
        throw Failure("two descriptors were to arrive");
    CloseAll(outcome.descriptors);
    SendDescriptors(pair.far, "lost", {pair.near.get()});
    Receive(context, pair.near).By(Operation::uring_recv).Sent(1).Gets("lost");
}

void Name(Context &context) {
    const Pair pair = UdpPair(AF_INET);
    Send(pair.far, "from where");
    Receive(context, pair.near).By(Operation::uring_recvmsg).Name().Buffers({4, 40}).Gets("from where");
}

// Nothing is there and nobody waits: an event of its own, and not the try before a wait.
void Empty(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Receive(context, pair.near).By(Operation::uring_recv).Flags(MSG_DONTWAIT).Fails(EAGAIN);
    Receive(context, pair.near).By(Operation::uring_recvmsg).Flags(MSG_DONTWAIT).Fails(EAGAIN);
}

// The request is made by a worker thread of the kernel's.
void Worker(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "by a worker");
    Receive(context, pair.near).By(Operation::uring_recv).Async().Gets("by a worker");
}

void NoSocket(Context &context) {
    const Fd file(open("/dev/null", O_RDWR | O_CLOEXEC));
    Receive(context, file).By(Operation::uring_recv).BeforeSocket().Fails(ENOTSOCK);
}

constexpr Scenario kScenarios[] = {
    {"uring-recv", Recv, "io_uring"},     {"uring-recvmsg", RecvMsg, "io_uring"},
    {"uring-read", Read, "io_uring"},     {"uring-fds", Descriptors, "io_uring"},
    {"uring-name", Name, "io_uring"},     {"uring-empty", Empty, "io_uring"},
    {"uring-worker", Worker, "io_uring"}, {"uring-no-socket", NoSocket, "io_uring"},
};

}  // namespace

std::span<const Scenario> UringScenarios() { return kScenarios; }

}  // namespace traffic
