// SPDX-License-Identifier: Apache-2.0
// Making the sockets of an exchange.
#include "common/exchange.h"

namespace sockwarden::bench {

Result<SocketPair> SocketPair::make() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0)
        return system_error("socketpair");
    return SocketPair(Fd(ends[0]), Fd(ends[1]));
}

}  // namespace sockwarden::bench
