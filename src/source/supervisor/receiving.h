// SPDX-License-Identifier: Apache-2.0
// A receive made in the place of the caller: what it asks for, what the kernel gives, and how the caller gets it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/text.h"
#include "source/supervisor/caller.h"
#include "source/supervisor/calls.h"

namespace sockwarden {

// One message that a call wants. Addresses are the caller's.
struct ReceiveRequest {
    std::uint64_t msghdr = 0;  // 0: the call has none
    std::uint64_t name = 0, namelen_at = 0;
    std::uint32_t name_room = 0;
    std::vector<wire::user_iovec> iov;
    std::uint64_t iovlen = 0, total = 0;  // bytes of room
    std::uint64_t control = 0, control_room = 0;
    std::uint32_t flags = 0;
};
// Message `index` of the call's. 0, or the errno that the kernel would fail with.
int read_request(const Call &call, const CallerMemory &memory, std::uint32_t index, ReceiveRequest &request);

// What the kernel gave. Descriptors that came with it are this process' own.
struct Received {
    std::int64_t length = 0;         // as the call returns it
    std::vector<std::byte> payload;  // the bytes that were copied
    std::string name;
    std::vector<std::byte> control;  // as a 64-bit caller has it, with this process' descriptors
    std::vector<Fd> files;           // of SCM_RIGHTS
    std::vector<Fd> pidfds;          // of SCM_PIDFD
    std::uint32_t flags = 0;         // msg_flags

    // Whether a message that was looked at is the one that was then taken.
    bool is_like(const Received &other) const;
};

// Never waits. At most `room` bytes; with MSG_TRUNC the length is that of the whole datagram. The error is an errno.
Result<Received, int> receive(int socket, std::uint32_t flags, std::size_t room);

// Makes of a datagram that was taken whole what a caller with less room gets of it.
void cut(Received &received, const ReceiveRequest &request);

// What the caller got.
struct Delivered {
    int error = 0;
    std::vector<std::byte> control;  // as a 64-bit caller would have it, with the caller's descriptors
    std::uint32_t flags = 0;
    std::vector<std::size_t> files;  // which of the message's it got, in order
};
// Installs a descriptor at the caller's and returns its number there, or a negative errno.
using Install = std::function<int(int fd, bool closes_on_exec)>;

// Writes a message into the caller's memory, behind `offset` bytes of an earlier part. Of its descriptors those that
// `is_allowed` names (by place). An error is EFAULT, or ENOENT where the caller waits no longer.
Delivered deliver(const CallerMemory &memory, const ReceiveRequest &request, const Received &received,
                  const std::function<bool(std::size_t)> &is_allowed, const Install &install);

}  // namespace sockwarden
