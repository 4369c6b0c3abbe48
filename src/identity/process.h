// SPDX-License-Identifier: Apache-2.0
// Processes as their descriptions tell them, by a key that is never reused.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/text.h"
#include "base/wire.h"
#include "identity/file.h"

namespace sockwarden {

struct ProcessKey {
    std::uint64_t start = 0;  // ns since boot
    std::uint32_t tgid = 0;
    std::uint32_t exec = 0;
    bool operator==(const ProcessKey &) const = default;
};

struct Process {
    ProcessKey key;
    std::string id;  // "1231@88412331.2": pid, start, exec count
    std::uint32_t ppid = 0, uid = 0, gid = 0;
    std::string exe;  // empty for a kernel thread
    bool exe_known = false;
    bool exe_deleted = false;
    FileIdentity exe_file, parent_file;
    std::string cgroup;  // "/" for the root
    std::string unit;    // "docker.service"; empty outside systemd units
    std::string container, pod;
    mutable std::string comm;      // of its last message
    bool described = true;         // false: completed from /proc
    std::uint64_t seen_ns = 0;     // monotonic time of its last message
    mutable std::string rendered;  // a sink's memo of how it shows this process
};

// Joins a path that the kernel side wrote leaf first ("b\0a\0" is "/a/b"). Takes any bytes.
std::string join_path(Bytes leaf_first);

// The processes of a trace. Bounded: past `limit`, those not seen for longest are forgotten.
class ProcessTable {
public:
    explicit ProcessTable(std::size_t limit = 16384) : limit_(limit) {}

    // `record` begins with a process_record and holds head.size bytes; malformed ones are ignored.
    void learn(Bytes record);

    std::size_t size() const { return known_.size(); }

    // The process of a message. One that was never described is completed from /proc and marked so. The reference
    // holds until the next call of learn or find.
    const Process &find(const ProcessKey &key, std::uint64_t now_ns);

    // The same where it need not be known: null then. Stays where it is until the next call of learn or find.
    const Process *peek(const ProcessKey &key) const;

    // The process that has this pid: the youngest described, else what /proc tells, asked at most once in five seconds.
    // Null when there is none. For naming a sender of which no more than the pid is known.
    const Process *find_pid(std::uint32_t pid, std::uint64_t now_ns);

private:
    struct Hash {
        std::size_t operator()(const ProcessKey &key) const {
            return (key.start ^ (static_cast<std::uint64_t>(key.tgid) << 32) ^ key.exec) * 0x9e3779b97f4a7c15ULL;
        }
    };
    void forget_oldest(const ProcessKey &keep);

    std::size_t limit_;
    std::unordered_map<ProcessKey, std::unique_ptr<Process>, Hash> known_;
    std::unordered_map<std::uint32_t, ProcessKey> by_pid_;
    std::unordered_map<std::uint32_t, std::unique_ptr<Process>> from_proc_;
    Process *last_ = nullptr;
};

}  // namespace sockwarden
