// SPDX-License-Identifier: Apache-2.0
// The files that policies and filters name, as they are in this process' mount namespace.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "policy/facts.h"

namespace sockwarden {

class RealFiles {
public:
    // Finds a file, and remembers it: while this lives, no other file gets its inode. Must not outlive this.
    policy::FileLookup lookup();

    // Whether a path that was asked for leads elsewhere now. It costs a statx(2) a path.
    bool have_changed() const;
    bool is_empty() const { return known_.empty(); }
    // Paths that led to no file, or to none that this process may see.
    std::vector<std::string> missing() const;

private:
    struct Place {
        std::uint64_t inode = 0, mount = 0;  // 0: no file
        std::uint32_t major = 0, minor = 0;
        bool operator==(const Place &) const = default;
    };
    static Place place_of(const std::string &path);

    struct Known {
        Place place;
        Fd held;
        std::optional<policy::File> file;
    };
    std::map<std::string, Known, std::less<>> known_;
};

}  // namespace sockwarden
