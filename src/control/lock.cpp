// SPDX-License-Identifier: Apache-2.0
// The lock of the guard; see lock.h.
#include "control/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace sockwarden {
namespace {

std::string read_holder(int fd) {
    char text[32] = {};
    const ssize_t got = ::pread(fd, text, sizeof(text) - 1, 0);
    const std::string_view all(text, got > 0 ? static_cast<std::size_t>(got) : 0);
    return std::string(all.substr(0, all.find('\n')));
}

}  // namespace

Result<Fd> lock_guard() {
    if (::mkdir(kRunFolder, 0700) != 0 && errno != EEXIST) {
        return errno_error(std::string("cannot make ") + kRunFolder);
    }
    const Fd folder(::open(kRunFolder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat about {};
    if (!folder || ::fstat(folder.get(), &about) != 0 || about.st_uid != ::geteuid() || (about.st_mode & 022) != 0) {
        return Error{std::string(kRunFolder) + " is not a folder that belongs to root alone"};
    }
    Fd lock(::openat(folder.get(), "guard.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock) {
        return errno_error(std::string("cannot open ") + kRunFolder + "/guard.lock");
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error{"a guard is at work already: process " + read_holder(lock.get()), 2};
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0) {
        return errno_error(std::string("cannot write ") + kRunFolder + "/guard.lock");
    }
    return lock;
}

}  // namespace sockwarden
