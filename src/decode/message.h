// SPDX-License-Identifier: Apache-2.0
// A whole message as sinks see it: the wire record, its pieces put together, its process and socket joined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <optional>

#include "base/text.h"
#include "base/wire.h"
#include "identity/process.h"
#include "identity/socket.h"

namespace sockwarden {

struct PassedFd {
    int number = -1;
    bool described = false;  // the fields below are from the kernel's struct file
    std::uint64_t inode = 0, magic = 0;
    std::uint32_t device = 0, mode = 0, access = 0, links = 0;
    bool path_known = false;
    std::string path;  // "/etc/hostname", "socket:[5]", "pipe:[7]", "anon_inode:[eventpoll]", "/memfd:x (deleted)"
};

struct ControlMessage {
    std::int32_t level = 0, type = 0;
    Bytes data;        // what the caller got of it
    bool cut = false;  // its length claims more than there is
};

struct Sender {
    std::uint32_t pid = 0, tid = 0, uid = 0, gid = 0;  // tid 0: not known
    bool guess = false;
    std::int64_t bytes = 0;            // -1 where it is named for something else than writing
    const Process *process = nullptr;  // null where it is not known
};

// What the rules of a guard decided about a message, in words.
struct Ruling {
    struct Alert {
        std::string_view policy, rule;
        bool certain = true;
    };
    std::string_view action, point, policy, rule;  // the last two empty where none decided
    bool enforced = false, certain = true;
    bool after = false;          // what was delivered is judged; else what is asked for
    bool escaped = false;        // it was to be refused
    std::uint32_t refusals = 0;  // in a row of the message that is next, this one included; 0 where none stays queued
    std::vector<Alert> alerts;
};

// Valid during the call of a sink only: spans and pointers refer to the reader's buffers.
struct Message {
    const wire::message_record *wire = nullptr;
    std::string_view engine;
    std::uint64_t seq = 0;
    std::int64_t wall_ns = 0;  // since 1970, UTC
    bool late = false;         // a newer one has been written before
    bool send = false;         // an event of the set `send`
    bool bare = false;         // it carries no message: no payload, no ancillary data
    bool has_senders = false;  // somebody else is named: who wrote it, asked for the connection or gave the descriptor
    const Process *process = nullptr;
    const Socket *socket = nullptr;  // null: see socket_reason
    std::uint8_t socket_reason = wire::REASON_here;

    std::vector<wire::user_iovec> iov;
    std::uint8_t iov_reason = wire::REASON_here;
    Bytes name;
    std::uint8_t name_reason = wire::REASON_none;
    std::vector<ControlMessage> control;
    std::uint8_t control_reason = wire::REASON_none;
    std::vector<PassedFd> fds;  // those that came, in order
    std::uint8_t fds_reason = wire::REASON_here;
    const PassedFd *passed = nullptr;       // of fd_received: what arrived; null where only its number is known
    const Socket *passed_socket = nullptr;  // likewise, where it is a socket
    bool pieces_lost = false;               // some of what belongs to it found no room in the ring
    std::uint32_t fds_sent = 0, fds_delivered = 0, fds_denied = 0;
    Bytes payload;
    std::uint8_t payload_reason = wire::REASON_here;
    std::uint8_t flags_reason = wire::REASON_here;
    std::vector<Sender> senders;
    bool remote = false;                        // no local task wrote it: the sender is an address
    std::optional<wire::verdict_part> verdict;  // of a guard
    const Ruling *ruling = nullptr;             // the same in words, from who knows the policies
};

// Whether what the call came to is not known.
inline bool is_told_before(const wire::message_record &message) { return message.entry_state == wire::REASON_before; }

}  // namespace sockwarden
