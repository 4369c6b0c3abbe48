// SPDX-License-Identifier: Apache-2.0
// Canaries: operations of sockwarden's own that the guard must refuse. A program that is attached may never run, so
// each is believed only when it has refused one.
#pragma once

#include <functional>
#include <optional>

#include "catalog/catalog.h"
#include "source/bpf/cgroup.h"
#include "source/bpf/guard.h"

namespace sockwarden {

// The errno of what the guard refuses sockwarden for proof; no socket returns it by itself.
inline constexpr int kCanaryError = 117;

// Where an operation is asked for.
struct Venue {
    const Cgroup *inside = nullptr;                // where sockets are made that programs of cgroups are to see
    volatile wire::shared_state *guard = nullptr;  // that is tried
    volatile wire::shared_state *other = nullptr;  // of one that judges beside it; may be null
};

// Whether an operation that passes the hook is refused, asked for on sockets of its own. Nothing where there are no
// such sockets on this machine.
std::optional<bool> is_refused(const GuardRow &hook, const Venue &venue);

// Whether a child that receives a message by this plain call is killed before the call returns, and one that nobody is
// to kill is not. `mark` is given its process before it calls.
bool dies_of(EventId event, volatile wire::shared_state &shared, const std::function<Status(std::uint32_t)> &mark);

}  // namespace sockwarden
