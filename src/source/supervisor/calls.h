// SPDX-License-Identifier: Apache-2.0
// Which system calls of supervised processes the supervisor is asked about, and what each of them is.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"

namespace sockwarden {

// One system call, as it was made. The numbers are register values, so nobody can change them any more; what they point
// to, anybody may.
struct Call {
    enum class Kind : std::uint8_t {
        socket,    // it receives, sends or connects: `event` says how
        identity,  // the process becomes another: exec, another user
        transfer,  // sendfile: it may receive, send, or neither
        sharing,   // a new process shares the table of descriptors with its parent
        other,
    };
    std::uint64_t id = 0;  // of the notification
    pid_t tid = 0;
    bool is_compat = false;
    Kind kind = Kind::other;
    EventId event{};
    bool is_indirect = false;  // i386's socketcall: the arguments are in memory, too, and were read once
    bool has_time32 = false;   // of i386's recvmmsg and sendfile: timeout and offset have 32 bits
    std::array<std::uint64_t, 6> args{};
};

// Reads what the kernel tells of a call. i386's socketcall has its arguments in memory: nothing where they cannot be
// read.
std::optional<Call> read_call(const seccomp_notif &notification);

// What is to be seen and what is to be kept out.
struct CallFilter {
    EventMask events = 0;      // of socket calls: each is told
    EventMask judged = 0;      // of these, those that may be refused: there is to be no way round them
    bool allow_rings = false;  // io_uring and Linux AIO receive and send without a system call: else they are ENOSYS
};

// The seccomp program for x86-64 and i386; calls of any other kind (x32) fail with ENOSYS. Where calls may be refused,
// what would do the same and cannot be told is closed: splice is EINVAL, as of a file that does not know it,
// SO_PEEK_OFF and SO_ZEROCOPY are EOPNOTSUPP, TCP_ZEROCOPY_RECEIVE is ENOPROTOOPT, preadv2 and pwritev2 are ENOSYS, and
// MSG_FASTOPEN is EOPNOTSUPP. sendfile is told.
Result<std::vector<sock_filter>> make_filter(const CallFilter &wanted);

// Events that the supervisor can see at all.
EventMask supervised_events();

// Flags that stand in registers; 0 where the call has none.
std::uint32_t flags_of(const Call &call);

}  // namespace sockwarden
