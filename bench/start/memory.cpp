// SPDX-License-Identifier: Apache-2.0
// Reads /proc and asks the kernel for maps and programs by id.
#include "start/memory.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "common/fd.h"

namespace sockwarden::bench {
namespace {

constexpr std::uint64_t kib = 1024;

using Ids = std::set<__u32>;

// The number after `label` in a line of /proc; empty when the line is another.
std::optional<std::uint64_t> labelled(const std::string &line, std::string_view label) {
    if (!line.starts_with(label))
        return std::nullopt;
    return std::stoull(line.substr(label.size()));
}

// Calls `body` with each line of a file; false when it cannot be opened.
bool each_line(const std::filesystem::path &path, const std::function<void(const std::string &)> &body) {
    std::ifstream lines(path);
    for (std::string line; std::getline(lines, line);)
        body(line);
    return lines.eof();
}

struct Held {
    Ids maps;
    Ids programs;
};

Held held_by(pid_t pid) {
    Held held;
    std::error_code code;
    for (const auto &file : std::filesystem::directory_iterator(fmt::format("/proc/{}/fdinfo", pid), code))
        each_line(file.path(), [&](const std::string &line) {
            if (const auto id = labelled(line, "map_id:"))
                held.maps.insert(static_cast<__u32>(*id));
            if (const auto id = labelled(line, "prog_id:"))
                held.programs.insert(static_cast<__u32>(*id));
        });
    return held;
}

Result<Done> add_maps_of_program(__u32 program, Ids &maps) {
    const Fd fd(bpf_prog_get_fd_by_id(program));
    std::vector<__u32> ids(256);
    bpf_prog_info info{};
    info.nr_map_ids = static_cast<__u32>(ids.size());
    info.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
    __u32 size = sizeof(info);
    if (!fd || bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0)
        return system_error(fmt::format("BPF program {}", program));
    ids.resize(std::min<std::size_t>(ids.size(), info.nr_map_ids));
    maps.insert(ids.begin(), ids.end());
    return Done{};
}

Result<bpf_map_info> map_info(const Fd &fd, __u32 id) {
    bpf_map_info info{};
    __u32 size = sizeof(info);
    if (!fd || bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0)
        return system_error(fmt::format("BPF map {}", id));
    return info;
}

// Looking up an element of a map of maps gives the id of the inner map.
void add_inner_maps(const Fd &outer, const bpf_map_info &info, Ids &maps) {
    std::vector<char> key(info.key_size);
    void *previous = nullptr;
    while (bpf_map_get_next_key(outer.get(), previous, key.data()) == 0) {
        __u32 id = 0;
        if (bpf_map_lookup_elem(outer.get(), key.data(), &id) == 0)
            maps.insert(id);
        previous = key.data();
    }
}

std::uint64_t memlock_of(const Fd &map) {
    std::uint64_t bytes = 0;
    each_line(fmt::format("/proc/self/fdinfo/{}", map.get()),
              [&](const std::string &line) { bytes += labelled(line, "memlock:").value_or(0); });
    return bytes;
}

Result<Ids> all_maps(pid_t pid) {
    const Held held = held_by(pid);
    Ids maps = held.maps;
    for (const __u32 program : held.programs)
        if (const Result<Done> added = add_maps_of_program(program, maps); !added)
            return added.error();
    const Ids outermost = maps;
    for (const __u32 id : outermost) {
        const Fd fd(bpf_map_get_fd_by_id(id));
        Result<bpf_map_info> info = map_info(fd, id);
        if (!info)
            return info.error();
        if (info->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || info->type == BPF_MAP_TYPE_HASH_OF_MAPS)
            add_inner_maps(fd, *info, maps);
    }
    return maps;
}

Result<Done> add_map_memory(pid_t pid, Memory &memory) {
    Result<Ids> maps = all_maps(pid);
    if (!maps)
        return maps.error();
    for (const __u32 id : *maps) {
        const Fd fd(bpf_map_get_fd_by_id(id));
        Result<bpf_map_info> info = map_info(fd, id);
        if (!info)
            return info.error();
        memory.by_map.push_back({info->name, memlock_of(fd)});
        memory.maps += memory.by_map.back().bytes;
    }
    std::sort(memory.by_map.begin(), memory.by_map.end(),
              [](const MapMemory &a, const MapMemory &b) { return a.bytes > b.bytes; });
    return Done{};
}

// The pages of maps among the resident ones: mappings that are called anon_inode:bpf-map.
Result<Done> add_mapped_maps(pid_t pid, Memory &memory) {
    bool of_map = false;
    const bool read = each_line(fmt::format("/proc/{}/smaps", pid), [&](const std::string &line) {
        // A mapping's first line begins with its addresses, the others with a word and a colon.
        const bool first = line.find('-') < line.find(' ') && line.find(':') > line.find(' ');
        if (first)
            of_map = line.find("bpf-map") != std::string::npos;
        if (of_map)
            memory.mapped_maps += labelled(line, "Rss:").value_or(0) * kib;
    });
    if (!read)
        return system_error(fmt::format("/proc/{}/smaps", pid));
    return Done{};
}

}  // namespace

Result<Memory> memory_of(pid_t pid) {
    Memory memory{};
    each_line(fmt::format("/proc/{}/status", pid),
              [&](const std::string &line) { memory.resident += labelled(line, "VmRSS:").value_or(0) * kib; });
    each_line(fmt::format("/proc/{}/smaps_rollup", pid),
              [&](const std::string &line) { memory.proportional += labelled(line, "Pss:").value_or(0) * kib; });
    if (memory.resident == 0)
        return Error{fmt::format("process {} shows no memory", pid)};
    if (const Result<Done> added = add_mapped_maps(pid, memory); !added)
        return added.error();
    if (const Result<Done> added = add_map_memory(pid, memory); !added)
        return added.error();
    return memory;
}

}  // namespace sockwarden::bench
