// SPDX-License-Identifier: Apache-2.0
// The kinds of sockets over which every way to receive and to send is tried.
#pragma once

#include "sockets.h"

namespace traffic {

struct Kind {
    const char *name;
    int family, type;
};

inline constexpr Kind kKinds[] = {
    {"unix-stream", AF_UNIX, SOCK_STREAM},
    {"unix-datagram", AF_UNIX, SOCK_DGRAM},
    {"unix-seqpacket", AF_UNIX, SOCK_SEQPACKET},
    {"udp4", AF_INET, SOCK_DGRAM},
    {"udp6", AF_INET6, SOCK_DGRAM},
    {"tcp4", AF_INET, SOCK_STREAM},
    {"tcp6", AF_INET6, SOCK_STREAM},
};

inline Pair Connected(const Kind &kind) {
    if (kind.family == AF_UNIX)
        return UnixPair(kind.type);
    return kind.type == SOCK_STREAM ? TcpPair(kind.family) : UdpPair(kind.family);
}

}  // namespace traffic
