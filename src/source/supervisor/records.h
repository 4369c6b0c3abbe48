// SPDX-License-Identifier: Apache-2.0
// Writes the records of src/bpf/wire.h from what a supervisor learns by asking: one message with all that belongs to
// it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "base/wire.h"
#include "source/supervisor/unix_diag.h"

namespace sockwarden {

// Records, whole, one behind the other.
class Records {
public:
    Bytes bytes() const { return bytes_; }
    void clear() { bytes_.clear(); }

    // `exe` and `cgroup` are paths from the root.
    void add_process(wire::process_record record, std::string exe, std::string cgroup);
    // Both are bytes of a sockaddr, empty where there is none.
    void add_socket(wire::socket_record record, Bytes local, Bytes remote);
    // Belongs to the message that comes next.
    void add_piece(wire::piece_kind kind, const wire::message_record &message, Bytes data, std::uint32_t offset = 0);
    // Payload of more than the inline part is added before it, in pieces.
    void add_message(wire::message_record message, Bytes payload);

    // What descriptors of this process refer to, in the order in which they come with the message.
    void add_files(const std::vector<Fd> &files, const wire::message_record &message);

    template <typename Take>
    void each(Take take) const {
        for (std::size_t at = 0; at < bytes_.size();) {
            const auto size = reinterpret_cast<const wire::record_head *>(bytes_.data() + at)->size;
            take(Bytes(bytes_).subspan(at, size));
            at += size;
        }
    }

private:
    void put(const void *data, std::size_t size);

    std::vector<std::byte> bytes_;
    std::uint16_t pieces_ = 0;  // of the next message
};

wire::fd_part describe_fd(int fd);

// What a socket tells of itself.
struct DescribedSocket {
    wire::socket_record record{};
    std::string local, remote;  // bytes of a sockaddr; empty where there is none
    bool operator==(const DescribedSocket &other) const;
    bool is_stream() const { return record.type == SOCK_STREAM; }
};
// Asks sockets about themselves. A network namespace that is not this process' own is not told: netns is 0 then.
class SocketDescriber {
public:
    SocketDescriber();
    // Nothing where it is no socket. The files of UNIX sockets are asked for where an address has a path, and kept
    // until an address changes; datagram sockets are asked each time, as their peer may have been replaced by another
    // of the same name.
    std::optional<DescribedSocket> describe(int socket);
    // Whether files of sockets were looked up since it was asked this.
    bool has_met_files() { return std::exchange(has_met_files_, false); }

private:
    UnixDiag diag_;
    std::uint64_t own_netns_ = 0, own_netns_cookie_ = 0;
    bool has_met_files_ = false;
    std::unordered_map<std::uint64_t, DescribedSocket> known_;  // by cookie, those with paths; emptied when it is full
};

}  // namespace sockwarden
