// SPDX-License-Identifier: Apache-2.0
// Canaries: operations of sockwarden's own that the guard must refuse. A program that is attached may never run, so
// each is believed only when it has refused one.
#pragma once

#include <optional>

#include "source/bpf/cgroup.h"
#include "source/bpf/guard.h"

namespace sockwarden {

// The errno of what the guard refuses sockwarden for proof; no socket returns it by itself.
inline constexpr int kCanaryError = 117;

// Whether an operation that passes the hook is refused, asked for on sockets of its own. Those that cgroups' programs
// are to see are made `inside`, which may be null for others. Nothing where there are no such sockets on this machine.
std::optional<bool> is_refused(const GuardRow &hook, const Cgroup *inside, volatile wire::shared_state &shared);

}  // namespace sockwarden
