// SPDX-License-Identifier: Apache-2.0
// What a running sockwarden holds in memory: its own pages, and its BPF maps.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace sockwarden::bench {

struct MapMemory {
    std::string name;
    std::uint64_t bytes;
};

// In bytes. The sum that is held against the target is
//
//     total = resident - mapped_maps + maps
//
// resident     VmRSS: every page that the process maps, shared libraries included in full.
// mapped_maps  the part of it that lies in mappings of BPF maps (ring pages, memory-mapped
// globals).
//              Those pages belong to the maps and are counted there.
// maps         the sum of `memlock` in fdinfo over all maps: those that the process holds by a
//              descriptor, those that its programs use, and the inner maps of both. Each map once,
//              by its id. Since Linux 6.4 this is what a map has really allocated; before, an
//              estimate from its size. Elements of task and socket storage belong to tasks and
//              sockets and are in neither.
// proportional PSS: resident, with shared pages divided among those who share them. For
// information.
struct Memory {
    std::uint64_t resident;
    std::uint64_t mapped_maps;
    std::uint64_t maps;
    std::uint64_t proportional;
    std::vector<MapMemory> by_map;  // largest first

    std::uint64_t total() const { return resident - mapped_maps + maps; }
};

Result<Memory> memory_of(pid_t pid);

}  // namespace sockwarden::bench
