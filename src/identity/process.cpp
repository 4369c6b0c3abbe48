// SPDX-License-Identifier: Apache-2.0
// Processes as their descriptions tell them; see process.h.
#include "identity/process.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <vector>

#include "identity/cgroup.h"

namespace sockwarden {
namespace {

std::string read_link(const std::string &path) {
    std::array<char, 4096> target;
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    return size < 0 ? std::string{} : std::string(target.data(), static_cast<std::size_t>(size));
}

void place_in_cgroup(Process &process) {
    process.unit = unit_of_cgroup(process.cgroup);
    process.container = container_of_cgroup(process.cgroup);
    process.pod = pod_of_cgroup(process.cgroup);
}

// What /proc still tells of a process whose description was lost.
void complete_from_proc(Process &process) {
    const std::string folder = fmt::format("/proc/{}", process.key.tgid);
    process.described = false;
    process.exe = read_link(folder + "/exe");
    constexpr std::string_view kDeleted = " (deleted)";
    if (process.exe.ends_with(kDeleted)) {
        process.exe.resize(process.exe.size() - kDeleted.size());
        process.exe_deleted = true;
    }
    process.exe_known = !process.exe.empty();
    std::ifstream cgroups(folder + "/cgroup");
    for (std::string line; std::getline(cgroups, line);) {
        if (line.starts_with("0::")) {
            process.cgroup = line.substr(3);
        }
    }
    place_in_cgroup(process);
    std::ifstream comm(folder + "/comm");
    std::getline(comm, process.comm);
    std::ifstream status(folder + "/status");
    for (std::string word; status >> word;) {
        if (word == "PPid:") {
            status >> process.ppid;
        } else if (word == "Uid:") {
            status >> word >> process.uid;
        } else if (word == "Gid:") {
            status >> word >> process.gid;
        }
    }
}

std::string process_id(const ProcessKey &key) { return fmt::format("{}@{}.{}", key.tgid, key.start, key.exec); }

}  // namespace

std::string join_path(Bytes leaf_first) {
    std::vector<std::string_view> names;
    std::string_view rest = as_text(leaf_first);
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\0'), rest.size());
        if (end != 0) {
            names.push_back(rest.substr(0, end));
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::string path;
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
        path += '/';
        path += *name;
    }
    return path.empty() ? "/" : path;
}

void ProcessTable::learn(Bytes bytes) {
    wire::process_record record;
    if (bytes.size() < sizeof(record)) {
        return;
    }
    std::memcpy(&record, bytes.data(), sizeof(record));
    const Bytes names = bytes.subspan(sizeof(record));
    if (names.size() < std::size_t{record.exe_size} + record.cgroup_size) {
        return;
    }
    const ProcessKey key{record.start, record.pid, record.exec};
    auto process = std::make_unique<Process>();
    process->key = key;
    process->id = process_id(key);
    process->ppid = record.ppid;
    process->uid = record.uid;
    process->gid = record.gid;
    process->comm.assign(record.comm, ::strnlen(record.comm, sizeof(record.comm)));
    process->exe_known = record.exe_size != 0 && record.exe_cut == 0;
    process->exe_deleted = record.exe_deleted != 0;
    process->exe_file = {record.exe_inode, record.exe_device};
    process->parent_file = {record.parent_inode, record.parent_device};
    if (record.exe_size != 0) {
        process->exe = join_path(names.first(record.exe_size));
    }
    process->cgroup = join_path(names.subspan(record.exe_size, record.cgroup_size));
    place_in_cgroup(*process);
    process->seen_ns = record.head.time;
    last_ = nullptr;
    known_[key] = std::move(process);
    by_pid_[key.tgid] = key;
    if (known_.size() > limit_) {
        forget_oldest(key);
    }
}

const Process &ProcessTable::find(const ProcessKey &key, std::uint64_t now_ns) {
    if (last_ != nullptr && last_->key == key) {
        last_->seen_ns = now_ns;
        return *last_;
    }
    const auto found = known_.find(key);
    if (found == known_.end()) {
        auto process = std::make_unique<Process>();
        process->key = key;
        process->id = process_id(key);
        complete_from_proc(*process);
        process->seen_ns = now_ns;
        last_ = known_.emplace(key, std::move(process)).first->second.get();
        by_pid_[key.tgid] = key;
        const Process &added = *last_;
        if (known_.size() > limit_) {
            forget_oldest(key);
        }
        return added;
    }
    found->second->seen_ns = now_ns;
    last_ = found->second.get();
    return *last_;
}

const Process *ProcessTable::peek(const ProcessKey &key) const {
    const auto found = known_.find(key);
    return found == known_.end() ? nullptr : found->second.get();
}

const Process *ProcessTable::find_pid(std::uint32_t pid, std::uint64_t now_ns) {
    constexpr std::uint64_t kFresh = 5'000'000'000;
    if (const auto key = by_pid_.find(pid); key != by_pid_.end()) {
        if (const auto process = known_.find(key->second); process != known_.end()) {
            return process->second.get();
        }
    }
    if (from_proc_.size() >= limit_ && !from_proc_.contains(pid)) {
        from_proc_.clear();
    }
    std::unique_ptr<Process> &process = from_proc_[pid];
    if (process == nullptr || process->seen_ns + kFresh < now_ns) {
        process = std::make_unique<Process>();
        process->key.tgid = pid;
        process->seen_ns = now_ns;
        complete_from_proc(*process);
    }
    return process->exe_known || !process->comm.empty() ? process.get() : nullptr;
}

// Drops the half that was seen longest ago, so that the cost of finding it is spread over many arrivals.
void ProcessTable::forget_oldest(const ProcessKey &keep) {
    std::vector<std::uint64_t> times;
    times.reserve(known_.size());
    for (const auto &[key, process] : known_) {
        times.push_back(process->seen_ns);
    }
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    const std::uint64_t border = *middle;
    std::erase_if(known_, [&](const auto &entry) { return entry.second->seen_ns <= border && entry.first != keep; });
    std::erase_if(by_pid_, [&](const auto &entry) { return !known_.contains(entry.second); });
    last_ = nullptr;
}

}  // namespace sockwarden
