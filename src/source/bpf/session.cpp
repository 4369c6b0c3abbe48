// SPDX-License-Identifier: Apache-2.0
// A running object; see session.h.
#include "source/bpf/session.h"

#include <bpf/bpf.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>

#include <numeric>

#include "source/bpf/engine.h"

namespace sockwarden {
namespace {

// Records may be handed over this long after their time stamp: the writer of an older one could have been interrupted
// between its stamp and its ring.
constexpr std::uint64_t kWindowNs = 5'000'000;

std::uint64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// Fills an array of maps, all at once: after each change the kernel waits until no program uses what was there, some
// 10 ms, which with a map for each CPU adds up.
Status put_maps(int array, const std::vector<int> &fds) {
    std::vector<std::uint32_t> keys(fds.size());
    std::iota(keys.begin(), keys.end(), 0);
    auto count = static_cast<__u32>(fds.size());
    if (::bpf_map_update_batch(array, keys.data(), fds.data(), &count, nullptr) == 0) {
        return Done{};
    }
    for (const std::uint32_t key : keys) {
        if (::bpf_map_update_elem(array, &key, &fds[key], BPF_ANY) != 0) {
            return errno_error("cannot insert a ring");
        }
    }
    return Done{};
}

}  // namespace

Result<Session> Session::start(const bpf_object &object, std::size_t ring_size) {
    Session session;
    if (const bpf_map *bss = map_ending_with(object, ".bss"); bss != nullptr) {
        session.memory_ = Mapping(
            ::mmap(nullptr, sizeof(wire::shared_state), PROT_READ | PROT_WRITE, MAP_SHARED, ::bpf_map__fd(bss), 0),
            sizeof(wire::shared_state));
    }
    session.counters_ = ::bpf_object__find_map_by_name(&object, "counters");
    if (!session.memory_ || session.counters_ == nullptr) {
        return Error{"the BPF object lacks its maps"};
    }
    if (Status status = session.make_rings(object, ring_size != 0 ? ring_size : kDefaultRingSize); !status) {
        return status.error();
    }
    return session;
}

volatile wire::shared_state *Session::shared() const { return reinterpret_cast<wire::shared_state *>(memory_.data()); }

Status Session::make_rings(const bpf_object &object, std::size_t size) {
    const int cpus = ::libbpf_num_possible_cpus();
    epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    std::vector<int> fds;
    for (int cpu = 0; cpu < cpus; ++cpu) {
        Result<Ring> ring = Ring::create(size, cpu);
        if (!ring) {
            return ring.error();
        }
        fds.push_back(ring->fd());
        epoll_event event{};
        event.events = EPOLLIN;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, ring->fd(), &event) != 0) {
            return errno_error("cannot poll a ring");
        }
        rings_.push_back(std::move(*ring));
    }
    return put_maps(::bpf_object__find_map_fd_by_name(&object, "rings"), fds);
}

std::size_t Session::drain(const Source::Take &take, bool all, std::size_t budget) {
    const std::uint64_t now = monotonic_ns();
    return merge_.drain(rings_, all ? UINT64_MAX : now - kWindowNs, budget, take);
}

bool Session::prepare_sleep() {
    __atomic_store_n(&shared()->reader_sleeps, 1U, __ATOMIC_SEQ_CST);
    for (Ring &ring : rings_) {
        if (!ring.front().empty()) {
            __atomic_store_n(&shared()->reader_sleeps, 0U, __ATOMIC_SEQ_CST);
            return false;
        }
    }
    return true;
}

std::uint64_t skipped_runs(int program) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    return program >= 0 && ::bpf_obj_get_info_by_fd(program, &info, &size) == 0 ? info.recursion_misses : 0;
}

Loss loss_of(std::uint32_t counter, std::uint64_t count, int cpu) {
    const CounterRow &row = counters()[counter];
    return {std::string(row.name), std::string(row.sum), cpu, count};
}

std::vector<std::uint64_t> counts_in(int map, std::uint32_t which) {
    std::vector<std::uint64_t> counts(static_cast<std::size_t>(::libbpf_num_possible_cpus()));
    if (::bpf_map_lookup_elem(map, &which, counts.data()) != 0) {
        counts.clear();
    }
    return counts;
}

std::vector<Loss> Session::losses(const bpf_object &object) const {
    std::vector<Loss> losses;
    for (std::uint32_t which = 0; which < wire::COUNTER_COUNT; ++which) {
        const std::vector<std::uint64_t> values = counts_in(::bpf_map__fd(counters_), which);
        for (std::size_t cpu = 0; cpu < values.size(); ++cpu) {
            if (values[cpu] != 0) {
                losses.push_back(loss_of(which, values[cpu], static_cast<int>(cpu)));
            }
        }
    }
    std::uint64_t recursion = 0;
    bpf_program *program = nullptr;
    bpf_object__for_each_program(program, &object) { recursion += skipped_runs(::bpf_program__fd(program)); }
    if (recursion != 0) {
        losses.push_back(loss_of(wire::COUNTER_recursion, recursion));
    }
    return losses;
}

}  // namespace sockwarden
