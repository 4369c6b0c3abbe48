// SPDX-License-Identifier: Apache-2.0
// Scenarios about buffers: many, none, empty, too small, peeked at, and the flags that go with
// them.
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "blocked.h"
#include "receive.h"

namespace traffic {
namespace {

// One message over `count` buffers of three bytes each.
void ManyBuffers(Context &context, size_t count) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    const std::string bytes = Pattern(3 * count - 1);
    Send(pair.far, bytes);
    Receive(context, pair.near).Buffers(std::vector<size_t>(count, 3)).Gets(bytes);
}

void Buffers2(Context &context) { ManyBuffers(context, 2); }
void Buffers8(Context &context) { ManyBuffers(context, 8); }
void Buffers64(Context &context) { ManyBuffers(context, 64); }
void Buffers65(Context &context) { ManyBuffers(context, 65); }
void Buffers200(Context &context) { ManyBuffers(context, 200); }

void BuffersOfUdp(Context &context) {
    const Pair pair = UdpPair(AF_INET);
    Send(pair.far, "one two three");
    Receive(context, pair.near).Buffers({3, 5, 5, 100}).Gets("one two three");
}

void TooManyBuffers(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    std::vector<iovec> iov(1025, {nullptr, 0});  // UIO_MAXIOV is 1024
    Receive(context, pair.near).Vector(iov.data(), iov.size()).BeforeSocket().Fails(EMSGSIZE);
}

void EmptyDatagram(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "");
    Receive(context, pair.near).Gets("");
}

void EmptyUdpDatagram(Context &context) {
    const Pair pair = UdpPair(AF_INET);
    Send(pair.far, "");
    Receive(context, pair.near).Name().Gets("");
}

void EmptyBuffer(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "around it");
    Receive(context, pair.near).Buffers({0, 4, 0, 40}).Gets("around it");
}

void OnlyEmptyBuffer(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "no room");
    Receive(context, pair.near).Buffers({0}).Gets("");
}

void NoBuffer(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "nowhere");
    Receive(context, pair.near).Buffers({}).Gets("");
}

void Truncated(Context &context, const Pair &pair) {
    Send(pair.far, "0123456789");
    const Outcome outcome = Receive(context, pair.near).Buffers({4}).Gets("0123");
    if ((outcome.flags & MSG_TRUNC) == 0)
        throw Failure("MSG_TRUNC is not set");
    Send(pair.far, "0123456789");
    Receive(context, pair.near).Buffers({4}).Flags(MSG_TRUNC).Returns(10);
}

void TruncatedUnix(Context &context) { Truncated(context, UnixPair(SOCK_DGRAM)); }
void TruncatedSeqPacket(Context &context) { Truncated(context, UnixPair(SOCK_SEQPACKET)); }
void TruncatedUdp(Context &context) { Truncated(context, UdpPair(AF_INET)); }

void Peeked(Context &context, const Pair &pair) {
    Send(pair.far, "look first");
    Receive(context, pair.near).Flags(MSG_PEEK).Gets("look first");
    Receive(context, pair.near).Flags(MSG_PEEK).Buffers({4}).Gets("look");
    Receive(context, pair.near).Gets("look first");
}

void PeekUnixDatagram(Context &context) { Peeked(context, UnixPair(SOCK_DGRAM)); }
void PeekUnixStream(Context &context) { Peeked(context, UnixPair(SOCK_STREAM)); }
void PeekUdp(Context &context) { Peeked(context, UdpPair(AF_INET)); }
void PeekTcp(Context &context) { Peeked(context, TcpPair(AF_INET)); }

void PeekWithOffset(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Option(pair.near, SOL_SOCKET, SO_PEEK_OFF, 0);
    Send(pair.far, "abcdefgh");
    Receive(context, pair.near).Flags(MSG_PEEK).Buffers({3}).Gets("abc");
    Receive(context, pair.near).Flags(MSG_PEEK).Buffers({3}).Gets("def");
    Receive(context, pair.near).Gets("abcdefgh");
}

void WaitAll(Context &context, const Pair &pair) {
    const pid_t reader = gettid();
    std::atomic<pid_t> thread = 0;
    std::thread writer([&] {
        thread = gettid();
        AwaitBlocked(reader);
        Send(pair.far, "part one, ");
        AwaitBlocked(reader);
        Send(pair.far, "part two");
    });
    Receive call(context, pair.near);
    call.Buffers({18}).Flags(MSG_WAITALL).WriterThread(thread);
    const Outcome outcome = call.Make();
    writer.join();
    if (outcome.bytes != "part one, part two")
        throw Failure("MSG_WAITALL did not wait");
}

void WaitAllUnix(Context &context) { WaitAll(context, UnixPair(SOCK_STREAM)); }
void WaitAllTcp(Context &context) { WaitAll(context, TcpPair(AF_INET)); }

void OtherFlags(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "flags");
    Receive(context, pair.near).Flags(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITFORONE).Gets("flags");
    Send(pair.far, "bits without a name");
    Receive(context, pair.near).Flags(0x1000000 | MSG_WAITALL).Gets("bits without a name");
}

void HighDescriptor(Context &context) {
    Pair pair = UnixPair(SOCK_DGRAM);
    const Fd high(dup2(pair.near.get(), 777));
    Check(high.get() == 777, "dup2");
    Send(pair.far, "777");
    Receive(context, high).Gets("777");
}

constexpr Scenario kScenarios[] = {
    {"buffers-2", Buffers2, ""},
    {"buffers-8", Buffers8, ""},
    {"buffers-64", Buffers64, ""},
    {"buffers-65", Buffers65, ""},
    {"buffers-200", Buffers200, ""},
    {"buffers-udp", BuffersOfUdp, ""},
    {"buffers-too-many", TooManyBuffers, ""},
    {"empty-datagram", EmptyDatagram, ""},
    {"empty-datagram-udp", EmptyUdpDatagram, ""},
    {"empty-buffer", EmptyBuffer, ""},
    {"empty-buffer-only", OnlyEmptyBuffer, ""},
    {"no-buffer", NoBuffer, ""},
    {"truncated-unix", TruncatedUnix, ""},
    {"truncated-seqpacket", TruncatedSeqPacket, ""},
    {"truncated-udp", TruncatedUdp, ""},
    {"peek-unix-datagram", PeekUnixDatagram, ""},
    {"peek-unix-stream", PeekUnixStream, ""},
    {"peek-udp", PeekUdp, ""},
    {"peek-tcp", PeekTcp, ""},
    {"peek-offset", PeekWithOffset, ""},
    {"waitall-unix", WaitAllUnix, ""},
    {"waitall-tcp", WaitAllTcp, ""},
    {"other-flags", OtherFlags, ""},
    {"high-descriptor", HighDescriptor, ""},
};

}  // namespace

std::span<const Scenario> BufferScenarios() { return kScenarios; }

}  // namespace traffic
