// SPDX-License-Identifier: Apache-2.0
// The kinds of sockets over which every way to receive and to send is tried.
#pragma once

#include "sockets.h"

namespace traffic {

struct Kind {
    const char *name;
    int family, type;
    Pair (*connected)();
    size_t large = 20000;  // bytes that one receive takes, and no buffer of the kernel holds in one piece
};

Pair VsockPair();      // Skip where no module lets the machine talk to itself
Pair MptcpPair();      // Skip where the kernel has no multipath TCP
Pair KernelTlsPair();  // TCP, with records that the kernel encrypts and decrypts; Skip where it has none

inline constexpr Kind kKinds[] = {
    {"unix-stream", AF_UNIX, SOCK_STREAM, [] { return UnixPair(SOCK_STREAM); }},
    {"unix-datagram", AF_UNIX, SOCK_DGRAM, [] { return UnixPair(SOCK_DGRAM); }},
    {"unix-seqpacket", AF_UNIX, SOCK_SEQPACKET, [] { return UnixPair(SOCK_SEQPACKET); }},
    {"udp4", AF_INET, SOCK_DGRAM, [] { return UdpPair(AF_INET); }},
    {"udp6", AF_INET6, SOCK_DGRAM, [] { return UdpPair(AF_INET6); }},
    {"tcp4", AF_INET, SOCK_STREAM, [] { return TcpPair(AF_INET); }},
    {"tcp6", AF_INET6, SOCK_STREAM, [] { return TcpPair(AF_INET6); }},
    {"vsock", AF_VSOCK, SOCK_STREAM, VsockPair},
    {"mptcp", AF_INET, SOCK_STREAM, MptcpPair},
    {"ktls", AF_INET, SOCK_STREAM, KernelTlsPair, 15000},  // a splice takes one record
};

// Sends, and waits until it can be received whole: over a network it comes in its own time.
void Deliver(const Pair &pair, std::string_view bytes);

}  // namespace traffic
