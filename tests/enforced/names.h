// SPDX-License-Identifier: Apache-2.0
// Addresses of sockets, as bind, connect and sendto take them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

namespace enforced {

struct Name {
    sockaddr_storage bytes{};
    socklen_t size = 0;
    const sockaddr *get() const { return reinterpret_cast<const sockaddr *>(&bytes); }
    sockaddr *get() { return reinterpret_cast<sockaddr *>(&bytes); }
};

// UNIX sockets: an abstract name, without the leading NUL, and a path.
Name Abstract(const std::string &text);
Name Path(const std::string &text);
Name Inet(const char *text, in_port_t port, sa_family_t family = AF_INET);
Name Inet6(const char *text, in_port_t port);

}  // namespace enforced
