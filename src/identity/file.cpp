// SPDX-License-Identifier: Apache-2.0
// Files; see file.h.
#include "identity/file.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace sockwarden {
namespace {

// The device of a mount's super block, which mountinfo shows and stat may not.
std::optional<std::uint32_t> device_of_mount(std::uint64_t mount) {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::uint64_t id = 0, parent = 0;
        std::uint32_t major = 0, minor = 0;
        char colon = 0;
        if (words >> id >> parent >> major >> colon >> minor && id == mount) {
            return major << 20 | minor;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<FileIdentity> find_file(const std::string &path) {
    struct statx status {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_MNT_ID, &status) != 0) {
        return std::nullopt;
    }
    std::optional<std::uint32_t> device;
    if ((status.stx_mask & STATX_MNT_ID) != 0) {
        device = device_of_mount(status.stx_mnt_id);
    }
    return FileIdentity{status.stx_ino, device.value_or(status.stx_dev_major << 20 | status.stx_dev_minor)};
}

}  // namespace sockwarden
