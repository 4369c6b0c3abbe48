// SPDX-License-Identifier: Apache-2.0
// Sends and connects in the place of the caller; see sending.h.
#include "source/supervisor/sending.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sockwarden {
namespace {

constexpr std::uint64_t kMostControl = 1024 * 20;  // past net.core.optmem_max the kernel says ENOBUFS

// Whether paths from the root mean to it what they mean here.
bool is_own_root(pid_t tid) {
    for (const char *link : {"root", "ns/mnt"}) {
        struct stat own {
        }, its{};
        if (::stat(fmt::format("/proc/self/{}", link).c_str(), &own) != 0 ||
            ::stat(fmt::format("/proc/{}/{}", tid, link).c_str(), &its) != 0 || own.st_dev != its.st_dev ||
            own.st_ino != its.st_ino) {
            return false;
        }
    }
    return true;
}

int read_name(const CallerMemory &memory, std::uint64_t address, std::int64_t length, std::string &name) {
    if (length < 0) {
        return EINVAL;
    }
    if (address == 0 || length == 0) {
        return 0;
    }
    name.resize(std::min<std::size_t>(static_cast<std::size_t>(length), sizeof(sockaddr_storage)));
    return memory.read(address, name.data(), name.size()) ? 0 : EFAULT;
}

}  // namespace

int read_request(const Call &call, const CallerMemory &memory, std::uint32_t index, SendRequest &request) {
    request = {};
    request.flags = flags_of(call);
    const auto &args = call.args;
    const auto one_buffer = [&] {
        request.iov = {{args[1], std::min(args[2], kMostBytes)}};
        request.iovlen = 1;
    };
    int error = 0;
    switch (call.event) {
        case EventId::sendmsg:
        case EventId::sendmmsg: {
            request.msghdr = call.event == EventId::sendmsg ? args[1] : memory.mmsghdr(args[1], index);
            const auto head = memory.read_msghdr(request.msghdr);
            if (!head) {
                return EFAULT;
            }
            request.iovlen = head->iovlen;
            error = read_name(memory, head->name, head->namelen, request.name);
            error = error != 0 ? error : memory.read_iovecs(head->iov, head->iovlen, request.iov);
            if (error == 0 && head->controllen > kMostControl) {
                return ENOBUFS;
            }
            if (error == 0 && head->control != 0) {
                request.control.resize(head->controllen);
                error = memory.read(head->control, request.control.data(), request.control.size()) ? 0 : EFAULT;
            }
            break;
        }
        case EventId::sendto:
            one_buffer();
            error = read_name(memory, args[4], static_cast<std::int32_t>(args[5]), request.name);
            break;
        case EventId::writev:
            request.iovlen = args[2];
            error = memory.read_iovecs(args[1], args[2], request.iov);
            error = error == EMSGSIZE ? EINVAL : error;  // as of a file
            break;
        case EventId::connect:
            if (static_cast<std::int32_t>(args[2]) > static_cast<std::int32_t>(sizeof(sockaddr_storage))) {
                return EINVAL;
            }
            error = args[1] == 0 && args[2] != 0
                        ? EFAULT
                        : read_name(memory, args[1], static_cast<std::int32_t>(args[2]), request.name);
            break;
        default:
            one_buffer();
    }
    for (const wire::user_iovec &part : request.iov) {
        request.total += part.len;
    }
    return error;
}

std::string meant_by(const std::string &name, std::uint16_t family, bool sends) {
    std::string meant = name;
    sa_family_t named = AF_UNSPEC;
    std::memcpy(&named, name.data(), std::min(sizeof(named), name.size()));
    if (named == AF_UNSPEC && sends && family == AF_INET) {
        named = AF_INET;
        std::memcpy(meant.data(), &named, std::min(sizeof(named), meant.size()));
    } else if (named == AF_UNSPEC && sends && family == AF_INET6) {
        return {};
    }
    if (named == AF_INET && meant.size() >= sizeof(sockaddr_in)) {
        auto *address = reinterpret_cast<sockaddr_in *>(meant.data());
        address->sin_addr.s_addr =
            address->sin_addr.s_addr == INADDR_ANY ? htonl(INADDR_LOOPBACK) : address->sin_addr.s_addr;
    } else if (named == AF_INET6 && meant.size() >= sizeof(sockaddr_in6)) {
        auto *address = reinterpret_cast<sockaddr_in6 *>(meant.data());
        const bool is_mapped =
            IN6_IS_ADDR_V4MAPPED(&address->sin6_addr) && address->sin6_addr.s6_addr32[3] == INADDR_ANY;
        if (IN6_IS_ADDR_UNSPECIFIED(&address->sin6_addr)) {
            address->sin6_addr = in6addr_loopback;
        } else if (is_mapped) {
            address->sin6_addr.s6_addr32[3] = htonl(INADDR_LOOPBACK);
        }
    }
    return meant;
}

Result<Destination, int> resolve(const std::string &name, pid_t tid, const Subject &subject) {
    constexpr std::size_t kPath = offsetof(sockaddr_un, sun_path);
    sa_family_t family = AF_UNSPEC;
    std::memcpy(&family, name.data(), std::min(sizeof(family), name.size()));
    if (family != AF_UNIX || name.size() <= kPath || name[kPath] == '\0') {
        return Destination{name, Fd()};
    }
    const std::string path = name.substr(kPath, name.find('\0', kPath) - kPath);
    const bool is_absolute = path.front() == '/';
    const Fd from(::open(fmt::format("/proc/{}/{}", tid, is_absolute ? "root" : "cwd").c_str(), O_PATH | O_CLOEXEC));
    if (!from) {
        return errno;
    }
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = is_absolute ? RESOLVE_IN_ROOT : is_own_root(tid) ? 0 : RESOLVE_BENEATH;
    Destination destination;
    {
        const Impersonation acting(subject);
        destination.file = Fd(static_cast<int>(::syscall(SYS_openat2, from.get(), path.c_str(), &how, sizeof(how))));
        if (!destination.file) {
            return errno;
        }
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string link = fmt::format("/proc/self/fd/{}", destination.file.get());
    link.copy(address.sun_path, sizeof(address.sun_path) - 1);
    destination.name.assign(reinterpret_cast<const char *>(&address), kPath + link.size() + 1);
    return destination;
}

// System calls by number change this thread alone, where the C library would change all of the process.
Impersonation::Impersonation(const Subject &subject) {
    const auto uid = subject.record.uid, gid = subject.record.gid;
    if (uid == ::geteuid() && gid == ::getegid()) {
        return;
    }
    is_changed_ = true;
    groups_.resize(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    is_complete_ = ::getgroups(static_cast<int>(groups_.size()), groups_.data()) >= 0 &&
                   ::syscall(SYS_setgroups, subject.groups.size(), subject.groups.data()) == 0 &&
                   ::syscall(SYS_setresgid, -1, gid, -1) == 0 && ::syscall(SYS_setresuid, -1, uid, -1) == 0;
}

Impersonation::~Impersonation() {
    if (is_changed_) {
        ::syscall(SYS_setresuid, -1, ::getuid(), -1);
        ::syscall(SYS_setresgid, -1, ::getgid(), -1);
        ::syscall(SYS_setgroups, groups_.size(), groups_.data());
    }
}

Result<SendControl, int> take_control(const std::vector<std::byte> &control, const CallerMemory &memory, pid_t caller,
                                      const std::function<int(int)> &take_fd) {
    SendControl taken;
    const std::size_t head = memory.cmsg_head();
    const std::size_t width = head - 2 * sizeof(int);
    for (std::size_t at = 0; at + head <= control.size();) {
        std::uint64_t length = 0;
        int level = 0, type = 0;
        std::memcpy(&length, control.data() + at, width);
        std::memcpy(&level, control.data() + at + width, sizeof(level));
        std::memcpy(&type, control.data() + at + width + sizeof(level), sizeof(type));
        if (length < head || length > control.size() - at) {
            return EINVAL;
        }
        std::vector<std::byte> data(control.begin() + static_cast<std::ptrdiff_t>(at + head),
                                    control.begin() + static_cast<std::ptrdiff_t>(at + length));
        if (level == SOL_SOCKET && type == SCM_RIGHTS) {
            for (std::size_t i = 0; i + sizeof(int) <= data.size(); i += sizeof(int)) {
                int number = -1;
                std::memcpy(&number, data.data() + i, sizeof(number));
                const int own = take_fd(number);
                if (own < 0) {
                    return own == -EBADF ? EBADF : EACCES;
                }
                taken.files.emplace_back(own);
                std::memcpy(data.data() + i, &own, sizeof(own));
            }
        } else if (level == SOL_SOCKET && type == SCM_CREDENTIALS && data.size() >= sizeof(ucred)) {
            const pid_t own = ::getpid();
            pid_t given = 0;
            std::memcpy(&given, data.data() + offsetof(ucred, pid), sizeof(given));
            if (given != caller) {
                return EPERM;
            }
            std::memcpy(data.data() + offsetof(ucred, pid), &own, sizeof(own));
        }
        const std::size_t place = taken.bytes.size();
        taken.bytes.resize(place + CMSG_SPACE(data.size()));
        cmsghdr out{};
        out.cmsg_len = CMSG_LEN(data.size());
        out.cmsg_level = level;
        out.cmsg_type = type;
        std::memcpy(taken.bytes.data() + place, &out, sizeof(out));
        std::ranges::copy(data, taken.bytes.begin() + static_cast<std::ptrdiff_t>(place + CMSG_LEN(0)));
        at += memory.cmsg_align(length);
    }
    return taken;
}

}  // namespace sockwarden
