// SPDX-License-Identifier: Apache-2.0
// The guard: policies judged in the kernel, where it asks its security modules or the programs of a cgroup.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/wire.h"
#include "catalog/guards.h"
#include "identity/file.h"
#include "source/bpf/cgroup.h"
#include "source/source.h"

namespace sockwarden {

inline constexpr int kExitUnproven = 3;  // of errors: nothing can be refused here

// What is judged at a point.
struct PointImage {
    PointId point;
    std::uint64_t facts;  // that the image asks: a bit for each FactId
    Bytes image;          // of a policy::Image, which need not outlive the call
};

// By which programs a guard judges.
enum class GuardKind : std::uint8_t {
    lsm,     // of the kernel's security modules
    modify,  // that replace what their functions return: where bpf is none of them. Best-effort, see modify.bpf.c
    cgroup,  // of a cgroup; at points of Enforcer::cgroup
};
// As records and options name it.
std::string_view name_of(GuardKind kind);
Enforcer enforcer_of(GuardKind kind);
// What is to be said of GuardKind::modify.
inline constexpr std::string_view kBestEffort =
    "best-effort: no bpf in /sys/kernel/security/lsm, and under load the kernel skips programs; `unjudged` counts that";
// What is to be said of a guard that cannot find the kernel's functions that its rules ask by.
inline constexpr std::string_view kHiddenAddresses =
    "/proc/kallsyms shows no addresses (kernel.kptr_restrict): rules that ask which request of io_uring it is, or who "
    "gave a descriptor, are in doubt and refuse";

struct GuardOptions {
    std::vector<PointImage> images;  // of points of one enforcer; none: nothing is loaded
    GuardKind kind = GuardKind::lsm;
    const Cgroup *cgroup = nullptr;  // whose sockets are judged, where they are; outlives the guard
    std::size_t ring_size = 0;       // bytes of each CPU's ring; 0: default
    std::uint32_t snaplen = 256;
    std::uint32_t generation = 0;  // that its verdicts name
    FileIdentity control;          // the socket whose connections are never refused; may be nothing
    std::vector<wire::own_socket> own;
    class Guard *beside = nullptr;  // judges until this one is in force; may be null
    bool keep = false;              // enforces on when this process has ended, until it is released (kept.h)
    std::string about;              // what is kept with it then, for who asks
};

// A hook of the guard, and whether it was seen to refuse. Not where this machine has no sockets that pass it.
struct GuardHook {
    const GuardRow *row;
    bool is_proven = false;
};

// Where the hits stand of a rule of a point, by its number there; behind 1,024 of them those of the defaults of its
// policies.
std::size_t place_of_hits(PointId point, std::size_t number);
// All that are in the map, which another version may have made; empty where it is no such map.
std::vector<std::uint64_t> hits_in(int map);

// Of the second of two programs at a hook, by which its name ends (turns.h).
inline constexpr std::string_view kAgain = "_again";

class Guard : public Source {
public:
    // Loads and attaches what the images need, and proves it: each point has refused something of sockwarden's own. The
    // error says which did not, and has exit code 3.
    static Result<std::unique_ptr<Guard>> open(const GuardOptions &options);
    ~Guard() override;

    std::size_t drain(const Take &take, bool all, std::size_t budget) override;
    int wake_fd() const override;
    bool prepare_sleep() override;
    std::vector<Loss> losses() override;

    // Judges nothing any more, kept or not; what was told before can still be read.
    Status detach();
    // Whether it tells io_uring's requests and messages apart where its rules ask, see kHiddenAddresses.
    bool knows_requests() const;
    // As what it is kept; empty where it is not.
    const std::string &kept_as() const;

    const std::vector<GuardHook> &hooks() const;
    // How often rules have refused or reported, see place_of_hits; empty where nothing is judged.
    std::vector<std::uint64_t> hits() const;

private:
    struct State;
    explicit Guard(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sockwarden
