// SPDX-License-Identifier: Apache-2.0
// What the kernel tells of UNIX sockets to whom has their inode (sock_diag(7)): the files that they are bound to.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "identity/file.h"

namespace sockwarden {

class UnixDiag {
public:
    UnixDiag();

    // The file that a UNIX socket of this network namespace is bound to, and that of its peer. Of inodes past 2^32 the
    // kernel tells the lower half. Inodes are 0 where there is none, and where the kernel does not tell.
    struct Files {
        FileIdentity local, remote;
    };
    Files files_of(std::uint64_t socket_inode) const;

private:
    struct Told {
        FileIdentity file;
        std::uint32_t peer = 0;
    };
    Told ask(std::uint32_t inode) const;

    Fd netlink_;
};

}  // namespace sockwarden
