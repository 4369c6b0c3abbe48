// SPDX-License-Identifier: Apache-2.0
// Sockets as their descriptions tell them: family, type and both endpoints.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/text.h"
#include "base/wire.h"
#include "identity/file.h"

namespace sockwarden {

struct Socket {
    std::uint64_t key = 0;
    std::uint64_t cookie = 0;  // 0 where the engine cannot have it
    std::uint64_t inode = 0, netns = 0;
    std::uint16_t family = 0, type = 0, protocol = 0;
    std::string local, remote;  // bytes of a sockaddr; empty when there is none
    FileIdentity local_file, remote_file;
    std::uint64_t seen_ns = 0;
    mutable std::string rendered;  // a sink's memo of how it shows this socket
};

// The sockets of a trace. Bounded like the processes.
class SocketTable {
public:
    explicit SocketTable(std::size_t limit = 16384) : limit_(limit) {}

    // `record` begins with a socket_record and holds head.size bytes; malformed ones are ignored.
    void learn(Bytes record);

    std::size_t size() const { return known_.size(); }

    // Null for a socket whose description was lost. The pointer holds until the next call of learn.
    const Socket *find(std::uint64_t key, std::uint64_t now_ns);

private:
    void forget_oldest(std::uint64_t keep);

    std::size_t limit_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Socket>> known_;
    Socket *last_ = nullptr;
};

}  // namespace sockwarden
