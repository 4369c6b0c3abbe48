// SPDX-License-Identifier: Apache-2.0
// Files that policies name; see real_files.h.
#include "output/real_files.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <algorithm>

#include "identity/file.h"

namespace sockwarden {

RealFiles::Place RealFiles::place_of(const std::string &path) {
    struct statx status {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_MNT_ID, &status) != 0) {
        return {};
    }
    return {status.stx_ino, status.stx_mnt_id, status.stx_dev_major, status.stx_dev_minor};
}

policy::FileLookup RealFiles::lookup() {
    return [this](std::string_view path) {
        const auto [at, is_new] = known_.try_emplace(std::string(path));
        Known &known = at->second;
        if (is_new) {
            known.held = Fd(::open(at->first.c_str(), O_PATH | O_CLOEXEC));
            known.place = place_of(at->first);  // of the path again: what changes meanwhile is a change
            const std::optional<FileIdentity> file =
                known.held ? find_file("/proc/self/fd/" + std::to_string(known.held.get())) : find_file(at->first);
            known.file = file ? std::optional(policy::File{file->device, file->inode}) : std::nullopt;
            if (file && file->inode != known.place.inode) {
                known.place = {};
            }
        }
        return known.file;
    };
}

bool RealFiles::have_changed() const {
    return std::ranges::any_of(known_, [](const auto &one) { return place_of(one.first) != one.second.place; });
}

std::vector<std::string> RealFiles::missing() const {
    std::vector<std::string> missing;
    for (const auto &[path, known] : known_) {
        if (!known.file) {
            missing.push_back(path);
        }
    }
    return missing;
}

}  // namespace sockwarden
