// SPDX-License-Identifier: Apache-2.0
// Canaries: operations of sockwarden's own that the guard must refuse. A program that is attached may never run, so
// each is believed only when it has refused one.
#pragma once

#include "source/bpf/guard.h"

namespace sockwarden {

// The errno of what the guard refuses sockwarden for proof; no socket returns it by itself.
inline constexpr int kCanaryError = 117;

// Whether an operation that passes the hook is refused, asked for on sockets of its own.
bool is_refused(const GuardRow &hook);

}  // namespace sockwarden
