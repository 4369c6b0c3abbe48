// SPDX-License-Identifier: Apache-2.0
// Enforcement that outlives its agent: the links of a guard, the maps that tell of it, and what it says of itself,
// pinned in a folder of the BPF file system.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "source/bpf/object.h"

namespace sockwarden {

// Holds one folder for each guard that is kept; belongs to root alone.
inline constexpr const char *kKeptFolder = "/sys/fs/bpf/sockwarden";

// A link and what it is pinned as.
struct NamedLink {
    std::string name;
    const bpf_link *link;
};

// What is kept beside the links.
struct KeptMaps {
    const bpf_map &shared;
    const bpf_map &hits;
    const bpf_map &counters;
    std::string_view about;  // for who asks about it later; any text
};

// Pins all of it in the folder `name`, which must not be there; mounts the BPF file system where nobody has. After an
// error nothing is kept.
Status keep(const std::string &name, std::span<const NamedLink> links, const KeptMaps &maps);

// The names of the guards that are kept. The error says that the folder may be anybody's.
Result<std::vector<std::string>> kept_guards();
// The links of one, by name.
std::vector<std::string> kept_links(const std::string &name);

// What one tells of itself.
struct Kept {
    std::string about;                // as it was given; empty where that cannot be read
    std::vector<std::uint64_t> hits;  // of Guard::hits; empty likewise
    std::uint64_t unjudged = 0;       // as the guard's losses count it; 0 too where that cannot be read
};
Kept describe_kept(const std::string &name);

// Makes this process the agent of one, so that it is refused nothing.
Status adopt_kept(const std::string &name);
// Ends one, unless its links are open somewhere else.
Status release_kept(const std::string &name);

}  // namespace sockwarden
