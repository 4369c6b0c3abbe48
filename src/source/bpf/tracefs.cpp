// SPDX-License-Identifier: Apache-2.0
// Ids of classic tracepoints; see tracefs.h.
#include "source/bpf/tracefs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>

#include "base/fd.h"

namespace sockwarden {
namespace {

Fd mount_tracefs() {
    const Fd context(static_cast<int>(::syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC)));
    if (!context || ::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        return Fd();
    }
    return Fd(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
}

// The mount of our own; it goes with the process.
const Fd &own_tracefs() {
    static Fd mount;
    if (!mount) {
        mount = mount_tracefs();
    }
    return mount;
}

}  // namespace

void keep_tracefs() { own_tracefs(); }

Result<int> tracepoint_id(const char *name) {
    const std::string relative = std::string("events/") + name + "/id";
    Fd file;
    for (const char *folder : {"/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"}) {
        file = Fd(::open((folder + relative).c_str(), O_RDONLY | O_CLOEXEC));
        if (file) {
            break;
        }
    }
    if (!file) {
        const Fd &mount = own_tracefs();
        if (!mount) {
            return errno_error("tracefs is not mounted at /sys/kernel/tracing and cannot be mounted");
        }
        file = Fd(::openat(mount.get(), relative.c_str(), O_RDONLY | O_CLOEXEC));
    }
    std::array<char, 32> text{};
    const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
    int id = 0;
    if (size <= 0 || std::from_chars(text.data(), text.data() + size, id).ec != std::errc{}) {
        return errno_error("no tracepoint " + std::string(name));
    }
    return id;
}

}  // namespace sockwarden
