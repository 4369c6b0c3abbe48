// SPDX-License-Identifier: Apache-2.0
// Scenarios of calls that fail, or return nothing because there is nothing more to come.
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include "receive.h"

namespace traffic {
namespace {

// Addresses that no process can have mapped: the first page, and past the end of user space.
msghdr *const kBadHeader = reinterpret_cast<msghdr *>(8);
msghdr *const kKernelHeader = reinterpret_cast<msghdr *>(0xffff800000000000);
iovec *const kBadVector = reinterpret_cast<iovec *>(16);
void *const kBadBuffer = reinterpret_cast<void *>(24);

void DontWait(Context &context) {
    const Pair unix_pair = UnixPair(SOCK_DGRAM);
    Receive(context, unix_pair.near).Flags(MSG_DONTWAIT).Fails(EAGAIN);
    const Pair stream_pair = UnixPair(SOCK_STREAM);
    Receive(context, stream_pair.near).Flags(MSG_DONTWAIT).Fails(EAGAIN);
    const Pair udp_pair = UdpPair(AF_INET);
    Receive(context, udp_pair.near).Flags(MSG_DONTWAIT).Fails(EAGAIN);
    const Pair tcp_pair = TcpPair(AF_INET);
    Receive(context, tcp_pair.near).Flags(MSG_DONTWAIT).Fails(EAGAIN);
}

void NonBlocking(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Check(fcntl(pair.near.get(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
    Receive(context, pair.near).Fails(EAGAIN);
    Send(pair.far, "now there is one");
    Receive(context, pair.near).Gets("now there is one");
}

void BadDescriptor(Context &context) {
    Receive(context, -1).BeforeSocket().Fails(EBADF);
    Receive(context, 9999).BeforeSocket().Flags(MSG_DONTWAIT).Fails(EBADF);
}

void NotASocket(Context &context) {
    int ends[2];
    Check(pipe(ends) == 0, "pipe");
    const Fd read_end(ends[0]);
    const Fd write_end(ends[1]);
    Receive(context, read_end).BeforeSocket().Fails(ENOTSOCK);
}

void BadHeader(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "stays in its queue");
    Receive(context, pair.near).Header(kBadHeader).BeforeSocket().Fails(EFAULT);
    Receive(context, pair.near).Header(kKernelHeader).BeforeSocket().Fails(EFAULT);
    Receive(context, pair.near).Header(nullptr).BeforeSocket().Fails(EFAULT);
    Receive(context, pair.near).Gets("stays in its queue");
}

void BadVector(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "stays in its queue");
    Receive(context, pair.near).Vector(kBadVector, 2).BeforeSocket().Fails(EFAULT);
    Receive(context, pair.near).Gets("stays in its queue");
}

// The message is taken from its queue, the copy fails: it is gone.
void BadBuffer(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "gone");
    iovec bad{kBadBuffer, 16};
    Receive(context, pair.near).Vector(&bad, 1).Unknown("/payload").Fails(EFAULT);
    Receive(context, pair.near).Flags(MSG_DONTWAIT).Fails(EAGAIN);
}

void EndOfStream(Context &context) {
    Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "the end");
    pair.far.Close();
    Receive(context, pair.near).Gets("the end");
    Receive(context, pair.near).Unknown("/senders").Gets("");
}

void ShutDown(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Check(shutdown(pair.near.get(), SHUT_RD) == 0, "shutdown");
    Receive(context, pair.near).Unknown("/senders").Gets("");
    const Pair tcp = TcpPair(AF_INET);
    Check(shutdown(tcp.far.get(), SHUT_WR) == 0, "shutdown");
    Receive(context, tcp.near).Unknown("/senders").Gets("");
}

void NotConnected(Context &context) {
    const Fd stream = Open(AF_UNIX, SOCK_STREAM);
    Receive(context, stream).Fails(EINVAL);
    const Fd packets = Open(AF_UNIX, SOCK_SEQPACKET);
    Receive(context, packets).Fails(ENOTCONN);
}

void TimeOut(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    const timeval soon{0, 20000};
    setsockopt(pair.near.get(), SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
    Receive(context, pair.near).Fails(EAGAIN);
}

void NegativeNameLength(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Receive call(context, pair.near);
    call.Name().NameLength(-1).BeforeSocket().Fails(EINVAL);
}

constexpr Scenario kScenarios[] = {
    {"eagain", DontWait, ""},         {"nonblocking", NonBlocking, ""},
    {"ebadf", BadDescriptor, ""},     {"enotsock", NotASocket, ""},
    {"efault-header", BadHeader, ""}, {"efault-vector", BadVector, ""},
    {"efault-buffer", BadBuffer, ""}, {"end-of-stream", EndOfStream, ""},
    {"shutdown", ShutDown, ""},       {"not-connected", NotConnected, ""},
    {"timeout", TimeOut, ""},         {"einval-name-length", NegativeNameLength, ""},
};

}  // namespace

std::span<const Scenario> ErrorScenarios() { return kScenarios; }

}  // namespace traffic
