// SPDX-License-Identifier: Apache-2.0
// A file by what no other of the machine has: as the kernel's inode says, whatever its path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sockwarden {

// `device` is that of the file system's super block: major << 20 | minor. It differs from st_dev where a file system
// has devices of its own making (overlayfs, btrfs). An inode of 0: no file, or not known.
struct FileIdentity {
    std::uint64_t inode = 0;
    std::uint32_t device = 0;
    bool operator==(const FileIdentity &) const = default;
};

// The file that `path` leads to in this process' mount namespace; nothing where there is none.
std::optional<FileIdentity> find_file(const std::string &path);

}  // namespace sockwarden
