// SPDX-License-Identifier: Apache-2.0
// The sockets that sockwarden itself writes to; see own_sockets.h.
#include "cli/own_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace sockwarden {
namespace {

void copy_address(const sockaddr_storage &from, wire::u8 *address, wire::u16 &port) {
    if (from.ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &from, sizeof(in));
        std::memcpy(address, &in.sin_addr, sizeof(in.sin_addr));
        port = in.sin_port;
    } else if (from.ss_family == AF_INET6) {
        sockaddr_in6 in6{};
        std::memcpy(&in6, &from, sizeof(in6));
        std::memcpy(address, &in6.sin6_addr, sizeof(in6.sin6_addr));
        port = in6.sin6_port;
    }
}

}  // namespace

std::vector<wire::own_socket> own_sockets() {
    std::vector<wire::own_socket> own;
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
        struct stat status {};
        if (::fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode)) {
            continue;
        }
        wire::own_socket entry{};
        entry.inode = status.st_ino;
        sockaddr_storage local{};
        sockaddr_storage remote{};
        socklen_t local_size = sizeof(local);
        socklen_t remote_size = sizeof(remote);
        if (::getsockname(fd, reinterpret_cast<sockaddr *>(&local), &local_size) == 0 &&
            ::getpeername(fd, reinterpret_cast<sockaddr *>(&remote), &remote_size) == 0) {
            entry.family = local.ss_family;
            copy_address(local, entry.local, entry.local_port);
            copy_address(remote, entry.remote, entry.remote_port);
        }
        own.push_back(entry);
    }
    return own;
}

}  // namespace sockwarden
