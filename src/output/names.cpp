// SPDX-License-Identifier: Apache-2.0
// Names of numbers; see names.h.
#include "output/names.h"

#include <sys/stat.h>

#include <cstring>

namespace sockwarden {

std::string errno_name(std::int64_t code) {
    if (code >= 512 && code <= 516) {
        return "ERESTARTSYS";
    }
    const char *name = ::strerrorname_np(static_cast<int>(code));
    return name != nullptr ? name : std::to_string(code);
}

std::string_view flag_set(const Message &message) {
    if (message.wire->head.event == wire::EVENT_splice) {
        return "splice_flag";
    }
    return message.bare ? "accept_flag" : "msg_flag";
}

std::string_view file_type(const PassedFd &fd) {
    constexpr std::uint64_t kAnonInodeFs = 0x09041934;  // include/uapi/linux/magic.h
    if (fd.magic == kAnonInodeFs) {
        return "anon_inode";
    }
    switch (fd.mode & S_IFMT) {
        case S_IFREG:
            return "regular";
        case S_IFDIR:
            return "directory";
        case S_IFSOCK:
            return "socket";
        case S_IFIFO:
            return "pipe";
        case S_IFCHR:
            return "character";
        case S_IFBLK:
            return "block";
        case S_IFLNK:
            return "symlink";
        default:
            return "anon_inode";
    }
}

std::string_view way_name(std::uint8_t way) {
    constexpr std::string_view kWays[] = {"", "SCM_RIGHTS", "SCM_PIDFD", "pidfd_getfd", "seccomp"};
    return way < std::size(kWays) ? kWays[way] : std::string_view();
}

std::string_view access_mode(std::uint32_t f_mode) {
    constexpr std::string_view kModes[] = {"-", "r", "w", "rw"};  // FMODE_READ 1, FMODE_WRITE 2
    return kModes[f_mode & 3];
}

}  // namespace sockwarden
