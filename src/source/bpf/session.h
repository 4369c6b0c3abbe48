// SPDX-License-Identifier: Apache-2.0
// What every loaded object has while it runs: rings to read, counters, and memory that it shares with the reader.
#pragma once

#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "source/bpf/object.h"
#include "source/bpf/ring.h"
#include "source/merge.h"
#include "source/source.h"

namespace sockwarden {

class Session {
public:
    // Gives the loaded object its rings. `ring_size` in bytes for each CPU; 0: the default.
    static Result<Session> start(const bpf_object &object, std::size_t ring_size);
    Session() = default;

    // As those of Source.
    std::size_t drain(const Source::Take &take, bool all, std::size_t budget);
    int wake_fd() const { return epoll_.get(); }
    bool prepare_sleep();
    std::vector<Loss> losses(const bpf_object &object) const;

    volatile wire::shared_state *shared() const;

private:
    Status make_rings(const bpf_object &object, std::size_t size);

    std::vector<Ring> rings_;
    Merge<Ring> merge_;
    Fd epoll_;
    Mapping memory_;
    const bpf_map *counters_ = nullptr;
};

// What a counter stands at on each CPU; empty where the map has no such.
std::vector<std::uint64_t> counts_in(int map, std::uint32_t which);

// How often the kernel skipped a program because it was already running on that CPU.
std::uint64_t skipped_runs(int program);

Loss loss_of(std::uint32_t counter, std::uint64_t count, int cpu = -1);

}  // namespace sockwarden
