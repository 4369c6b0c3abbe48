// SPDX-License-Identifier: Apache-2.0
// What the kernel tells of UNIX sockets to whom has their inode (sock_diag(7)): the files that they are bound to.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "identity/file.h"

struct nlmsghdr;

namespace sockwarden {

class UnixDiag {
public:
    UnixDiag();

    // The file that a UNIX socket of this network namespace is bound to, and, where `has_peer`, that of its peer: of
    // the listener while the connection waits there to be accepted. Of inodes past 2^32 the kernel tells the lower
    // half. Inodes are 0 where there is none, and where the kernel does not tell.
    struct Files {
        FileIdentity local, remote;
    };
    Files files_of(std::uint64_t socket_inode, bool has_peer) const;

private:
    struct Told {
        FileIdentity file;
        std::uint32_t peer = 0;   // its inode; 0 also while it is not accepted
        bool is_awaited = false;  // the socket that was looked for waits to be accepted
    };
    bool send(std::uint32_t inode, std::uint32_t states, std::uint32_t show, std::uint16_t flags) const;
    Told ask(std::uint32_t inode) const;
    static Told read(const nlmsghdr &head, std::uint32_t waiting);
    FileIdentity find_listener(std::uint32_t waiting) const;

    Fd netlink_;
    mutable std::uint32_t asked_ = 0;  // questions so far: answers have their number, also those to a broken dump
};

}  // namespace sockwarden
