// SPDX-License-Identifier: Apache-2.0
// Scenarios over UDP and TCP, all on the loopback interface.
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "receive.h"

namespace traffic {
namespace {

void UdpSmall(Context &context, int family) {
    const Pair pair = UdpPair(family);
    Send(pair.far, "a datagram");
    Receive(context, pair.near).Name().Gets("a datagram");
}

void Udp4(Context &context) { UdpSmall(context, AF_INET); }
void Udp6(Context &context) { UdpSmall(context, AF_INET6); }

void UdpUnconnected(Context &context, int family) {
    if (family == AF_INET6)
        NeedIpv6();
    const Fd near = Open(family, SOCK_DGRAM);
    const Fd far = Open(family, SOCK_DGRAM);
    Bind(near, Loopback(family));
    SendTo(far, "who are you", NameOf(near));
    Receive(context, near).Name().Gets("who are you");
}

void Udp4Unconnected(Context &context) { UdpUnconnected(context, AF_INET); }
void Udp6Unconnected(Context &context) { UdpUnconnected(context, AF_INET6); }

void UdpMapped(Context &context) {
    NeedIpv6();
    const Fd near = Open(AF_INET6, SOCK_DGRAM);
    SocketAddress any = Loopback(AF_INET6);
    reinterpret_cast<sockaddr_in6 *>(any.get())->sin6_addr = in6addr_any;
    Bind(near, any);
    SocketAddress target = Loopback(AF_INET);
    SocketAddress bound = NameOf(near);
    reinterpret_cast<sockaddr_in *>(target.get())->sin_port = reinterpret_cast<sockaddr_in6 *>(bound.get())->sin6_port;
    const Fd far = Open(AF_INET, SOCK_DGRAM);
    SendTo(far, "mapped", target);
    Receive(context, near).Name().Gets("mapped");
}

void UdpSized(Context &context, int family, size_t size) {
    const Pair pair = UdpPair(family);
    const std::string bytes = Pattern(size);
    Send(pair.far, bytes);
    Receive(context, pair.near).Name().Buffers({65535}).Gets(bytes);
}

void Udp4Paged(Context &context) { UdpSized(context, AF_INET, 30000); }
void Udp6Paged(Context &context) { UdpSized(context, AF_INET6, 30000); }
void Udp4Largest(Context &context) { UdpSized(context, AF_INET, 65507); }

void TcpBothWays(Context &context, int family) {
    const Pair pair = TcpPair(family);
    Send(pair.far, "question");
    Receive(context, pair.near).Gets("question");
    Send(pair.near, "answer");
    Receive(context, pair.far).Name().Gets("answer");
}

void Tcp4(Context &context) { TcpBothWays(context, AF_INET); }
void Tcp6(Context &context) { TcpBothWays(context, AF_INET6); }

void TcpPartial(Context &context, int family) {
    const Pair pair = TcpPair(family);
    Send(pair.far, "abcdefghijklmnopqrstuvwxyz");
    Receive(context, pair.near).Buffers({10}).Gets("abcdefghij");
    Receive(context, pair.near).Buffers({3, 7}).Gets("klmnopqrst");
    Receive(context, pair.near).Buffers({10}).Gets("uvwxyz");
}

void Tcp4Partial(Context &context) { TcpPartial(context, AF_INET); }
void Tcp6Partial(Context &context) { TcpPartial(context, AF_INET6); }

void WaitQueued(const Fd &socket, int bytes) {
    for (int tries = 0; tries < 5000; ++tries) {
        int queued = 0;
        ioctl(socket.get(), FIONREAD, &queued);
        if (queued >= bytes)
            return;
        poll(nullptr, 0, 1);
    }
    throw Failure("the bytes were not queued within 5 s");
}

void TcpGlued(Context &context) {
    const Pair pair = TcpPair(AF_INET);
    Send(pair.far, "first, ");
    Send(pair.far, "second");
    WaitQueued(pair.near, 13);
    Receive(context, pair.near).Gets("first, second");
}

void Tcp65535(Context &context) {
    const Pair pair = TcpPair(AF_INET);
    const std::string bytes = Pattern(65535);
    Send(pair.far, bytes);
    WaitQueued(pair.near, 65535);
    Receive(context, pair.near).Buffers({65535}).Gets(bytes);
}

void TcpUrgent(Context &context) {
    const Pair pair = TcpPair(AF_INET);
    Send(pair.far, "abc");
    Send(pair.far, "X", MSG_OOB);
    Await(pair.near.get(), POLLPRI);
    Receive(context, pair.near).Flags(MSG_OOB).Gets("X");
    Receive(context, pair.near).Gets("abc");
    Receive(context, pair.near).Flags(MSG_OOB).Fails(EINVAL);
}

void TcpDiscard(Context &context) {
    const Pair pair = TcpPair(AF_INET);
    Send(pair.far, "thrown away");
    WaitQueued(pair.near, 11);
    // MSG_TRUNC on TCP throws bytes away: nothing is copied, so nothing can be captured.
    Receive(context, pair.near)
        .Flags(MSG_TRUNC)
        .Unknown("/payload/text")
        .Unknown("/payload/base64")
        .Unknown("/payload/captured")
        .Returns(11);
}

void TcpEnd(Context &context) {
    Pair pair = TcpPair(AF_INET);
    Send(pair.far, "last words");
    pair.far.Close();
    Receive(context, pair.near).Gets("last words");
    // The kernel may have moved on from CLOSE_WAIT: whether there is still a peer is its business.
    Receive(context, pair.near).Unknown("/socket/remote").Unknown("/senders").Gets("");
}

void TcpReset(Context &context) {
    Pair pair = TcpPair(AF_INET);
    const linger now{1, 0};
    setsockopt(pair.far.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    pair.far.Close();
    Await(pair.near.get(), POLLERR);
    Receive(context, pair.near).Unknown("/socket/remote").Fails(ECONNRESET);
}

void TcpNotConnected(Context &context) {
    const Fd fd = Open(AF_INET, SOCK_STREAM);
    Receive(context, fd).Fails(ENOTCONN);
}

constexpr Scenario kScenarios[] = {
    {"udp4", Udp4, ""},
    {"udp6", Udp6, "IPv6"},
    {"udp4-unconnected", Udp4Unconnected, ""},
    {"udp6-unconnected", Udp6Unconnected, "IPv6"},
    {"udp6-mapped", UdpMapped, "IPv6"},
    {"udp4-paged", Udp4Paged, ""},
    {"udp6-paged", Udp6Paged, "IPv6"},
    {"udp4-65507", Udp4Largest, ""},
    {"tcp4", Tcp4, ""},
    {"tcp6", Tcp6, "IPv6"},
    {"tcp4-partial", Tcp4Partial, ""},
    {"tcp6-partial", Tcp6Partial, "IPv6"},
    {"tcp4-glued", TcpGlued, ""},
    {"tcp4-65535", Tcp65535, ""},
    {"tcp4-oob", TcpUrgent, ""},
    {"tcp4-msg-trunc-discards", TcpDiscard, ""},
    {"tcp4-end", TcpEnd, ""},
    {"tcp4-reset", TcpReset, ""},
    {"tcp4-not-connected", TcpNotConnected, ""},
};

}  // namespace

std::span<const Scenario> InetScenarios() { return kScenarios; }

}  // namespace traffic
