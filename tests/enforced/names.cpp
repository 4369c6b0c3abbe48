// SPDX-License-Identifier: Apache-2.0
// Addresses of sockets; see names.h.
#include "names.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

namespace enforced {

Name Abstract(const std::string &text) {
    Name name;
    name.bytes.ss_family = AF_UNIX;
    std::memcpy(reinterpret_cast<char *>(&name.bytes) + offsetof(sockaddr_un, sun_path) + 1, text.data(), text.size());
    name.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    return name;
}

Name Inet(const char *text, in_port_t port, sa_family_t family) {
    sockaddr_in in{};
    in.sin_family = family;
    in.sin_port = htons(port);
    ::inet_pton(AF_INET, text, &in.sin_addr);
    Name name;
    std::memcpy(&name.bytes, &in, sizeof(in));
    name.size = sizeof(in);
    return name;
}

Name Inet6(const char *text, in_port_t port) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    ::inet_pton(AF_INET6, text, &in.sin6_addr);
    Name name;
    std::memcpy(&name.bytes, &in, sizeof(in));
    name.size = sizeof(in);
    return name;
}

Name Path(const std::string &text) {
    Name name;
    name.bytes.ss_family = AF_UNIX;
    std::memcpy(reinterpret_cast<char *>(&name.bytes) + offsetof(sockaddr_un, sun_path), text.c_str(), text.size() + 1);
    name.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + 1);
    return name;
}

}  // namespace enforced
