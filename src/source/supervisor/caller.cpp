// SPDX-License-Identifier: Apache-2.0
// Memory of a supervised thread; see caller.h.
#include "source/supervisor/caller.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sockwarden {
namespace {

// As 32-bit callers have them (include/net/compat.h).
struct CompatMsghdr {
    std::uint32_t name;
    std::int32_t namelen;
    std::uint32_t iov, iovlen, control, controllen, flags;
};
struct CompatIovec {
    std::uint32_t base, len;
};
constexpr std::uint64_t kMostIovecs = 1024;

// Of another process: nobody here follows it.
void *pointer(std::uint64_t address) { return reinterpret_cast<void *>(address); }  // NOLINT(performance-no-int-to-ptr)

// Of the first `size` bytes: pages behind them would be looked up for nothing.
std::vector<iovec> as_iovecs(std::span<const wire::user_iovec> parts, std::size_t size) {
    std::vector<iovec> all;
    for (const wire::user_iovec &part : parts) {
        if (size == 0) {
            break;
        }
        all.push_back({pointer(part.base), std::min<std::size_t>(part.len, size)});
        size -= all.back().iov_len;
    }
    return all;
}

}  // namespace

bool CallerMemory::read(std::uint64_t address, void *to, std::size_t size) const {
    const iovec local{to, size}, remote{pointer(address), size};
    return size == 0 || ::process_vm_readv(tid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

bool CallerMemory::write(std::uint64_t address, const void *from, std::size_t size) const {
    const iovec local{const_cast<void *>(from), size}, remote{pointer(address), size};
    return size == 0 || ::process_vm_writev(tid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

std::size_t CallerMemory::scatter(std::span<const wire::user_iovec> to, Bytes from) const {
    const std::vector<iovec> remote = as_iovecs(to, from.size());
    const iovec local{const_cast<std::byte *>(from.data()), from.size()};
    const ssize_t done = from.empty() ? 0 : ::process_vm_writev(tid_, &local, 1, remote.data(), remote.size(), 0);
    return static_cast<std::size_t>(std::max<ssize_t>(done, 0));
}

std::size_t CallerMemory::gather(std::span<const wire::user_iovec> from, std::span<std::byte> to) const {
    const std::vector<iovec> remote = as_iovecs(from, to.size());
    const iovec local{to.data(), to.size()};
    const ssize_t done = to.empty() ? 0 : ::process_vm_readv(tid_, &local, 1, remote.data(), remote.size(), 0);
    return static_cast<std::size_t>(std::max<ssize_t>(done, 0));
}

std::optional<CallerMsghdr> CallerMemory::read_msghdr(std::uint64_t address) const {
    if (is_compat_) {
        CompatMsghdr head{};
        if (!read(address, &head, sizeof(head))) {
            return std::nullopt;
        }
        return CallerMsghdr{head.name, head.iov, head.iovlen, head.control, head.controllen, head.namelen, head.flags};
    }
    msghdr head{};
    if (!read(address, &head, sizeof(head))) {
        return std::nullopt;
    }
    const auto number = [](const void *at) { return reinterpret_cast<std::uint64_t>(at); };
    return CallerMsghdr{number(head.msg_name),
                        number(head.msg_iov),
                        head.msg_iovlen,
                        number(head.msg_control),
                        head.msg_controllen,
                        static_cast<std::int32_t>(head.msg_namelen),
                        static_cast<std::uint32_t>(head.msg_flags)};
}

bool CallerMemory::write_msghdr(std::uint64_t address, std::optional<std::uint32_t> namelen, std::uint64_t controllen,
                                std::uint32_t flags) const {
    const std::uint64_t name_at = is_compat_ ? offsetof(CompatMsghdr, namelen) : offsetof(msghdr, msg_namelen);
    const std::uint64_t length_at = is_compat_ ? offsetof(CompatMsghdr, controllen) : offsetof(msghdr, msg_controllen);
    const std::uint64_t flags_at = is_compat_ ? offsetof(CompatMsghdr, flags) : offsetof(msghdr, msg_flags);
    // Little-endian: the lower half of a long length comes first.
    return (!namelen || write(address + name_at, &*namelen, sizeof(*namelen))) &&
           write(address + length_at, &controllen, is_compat_ ? sizeof(std::uint32_t) : sizeof(controllen)) &&
           write(address + flags_at, &flags, sizeof(flags));
}

std::uint64_t CallerMemory::mmsghdr(std::uint64_t array, std::uint32_t i) const {
    constexpr std::uint64_t kCompatSize = sizeof(CompatMsghdr) + sizeof(std::uint32_t);
    return array + i * (is_compat_ ? kCompatSize : sizeof(::mmsghdr));
}

bool CallerMemory::write_mmsghdr_length(std::uint64_t array, std::uint32_t i, std::uint32_t length) const {
    const std::size_t offset = is_compat_ ? sizeof(CompatMsghdr) : offsetof(::mmsghdr, msg_len);
    return write(mmsghdr(array, i) + offset, &length, sizeof(length));
}

int CallerMemory::read_iovecs(std::uint64_t address, std::uint64_t count, std::vector<wire::user_iovec> &to) const {
    to.clear();
    if (count > kMostIovecs) {
        return EMSGSIZE;
    }
    to.resize(count);
    if (is_compat_) {
        std::vector<CompatIovec> parts(count);
        if (!read(address, parts.data(), count * sizeof(CompatIovec))) {
            return EFAULT;
        }
        std::ranges::transform(parts, to.begin(), [](const CompatIovec &part) {
            return wire::user_iovec{part.base, part.len};
        });
    } else if (!read(address, to.data(), count * sizeof(wire::user_iovec))) {
        return EFAULT;
    }
    std::uint64_t total = 0;
    for (wire::user_iovec &part : to) {
        if (part.len > (is_compat_ ? std::uint64_t{INT32_MAX} : std::uint64_t{INT64_MAX})) {
            return EINVAL;
        }
        part.len = std::min(part.len, kMostBytes - total);
        total += part.len;
    }
    return 0;
}

std::optional<CallerMemory::Time> CallerMemory::read_time(std::uint64_t address, bool is_short) const {
    if (is_short) {
        std::int32_t pair[2];
        return read(address, pair, sizeof(pair)) ? std::optional(Time{pair[0], pair[1]}) : std::nullopt;
    }
    Time time;
    return read(address, &time, sizeof(time)) ? std::optional(time) : std::nullopt;
}

bool CallerMemory::write_time(std::uint64_t address, bool is_short, Time time) const {
    const std::int32_t pair[2] = {static_cast<std::int32_t>(time.seconds), static_cast<std::int32_t>(time.nanoseconds)};
    return is_short ? write(address, pair, sizeof(pair)) : write(address, &time, sizeof(time));
}

}  // namespace sockwarden
