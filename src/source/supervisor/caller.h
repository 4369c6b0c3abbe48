// SPDX-License-Identifier: Apache-2.0
// The memory of a supervised thread: what its system calls point to, for 64-bit and 32-bit callers.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/text.h"
#include "base/wire.h"

namespace sockwarden {

// Of one call, whatever is asked for: MAX_RW_COUNT, include/linux/fs.h.
constexpr std::uint64_t kMostBytes = 0x7ffff000;

// struct msghdr, whoever laid it out.
struct CallerMsghdr {
    std::uint64_t name = 0, iov = 0, iovlen = 0, control = 0, controllen = 0;
    std::int32_t namelen = 0;
    std::uint32_t flags = 0;
};

// Another thread of the caller can change all of it at any time: each thing is read once, and what was read is used.
class CallerMemory {
public:
    CallerMemory(pid_t tid, bool is_compat) : tid_(tid), is_compat_(is_compat) {}

    bool is_compat() const { return is_compat_; }

    // All of it, or false.
    bool read(std::uint64_t address, void *to, std::size_t size) const;
    bool write(std::uint64_t address, const void *from, std::size_t size) const;
    // Bytes written into the buffers, one after the other: fewer than asked where some cannot be written to.
    std::size_t scatter(std::span<const wire::user_iovec> to, Bytes from) const;
    // Bytes read out of the buffers, at most as many as `to` has room for.
    std::size_t gather(std::span<const wire::user_iovec> from, std::span<std::byte> to) const;

    std::optional<CallerMsghdr> read_msghdr(std::uint64_t address) const;
    // What a receive writes back into it; the length of the name only where one was asked for.
    bool write_msghdr(std::uint64_t address, std::optional<std::uint32_t> namelen, std::uint64_t controllen,
                      std::uint32_t flags) const;
    // Of an array of struct mmsghdr: where entry i is, and the number of bytes in it.
    std::uint64_t mmsghdr(std::uint64_t array, std::uint32_t i) const;
    bool write_mmsghdr_length(std::uint64_t array, std::uint32_t i, std::uint32_t length) const;
    // `count` buffers. 0, or the errno that the kernel fails with (include/linux/uio.h: UIO_MAXIOV).
    int read_iovecs(std::uint64_t address, std::uint64_t count, std::vector<wire::user_iovec> &to) const;

    struct Time {
        std::int64_t seconds = 0, nanoseconds = 0;
    };
    // A struct timespec; `is_short`: of two 32-bit numbers.
    std::optional<Time> read_time(std::uint64_t address, bool is_short) const;
    bool write_time(std::uint64_t address, bool is_short, Time time) const;

    // Bytes of a control message's head, and what lengths are rounded up to (cmsg(3); net/compat.c).
    std::size_t cmsg_head() const { return is_compat_ ? 12 : sizeof(cmsghdr); }
    std::size_t cmsg_align(std::size_t size) const { return is_compat_ ? (size + 3) & ~3UL : (size + 7) & ~7UL; }

private:
    pid_t tid_;
    bool is_compat_;
};

}  // namespace sockwarden
