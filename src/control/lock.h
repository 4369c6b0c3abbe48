// SPDX-License-Identifier: Apache-2.0
// One guard at a time: a locked file in /run/sockwarden, which names the guard that holds it.
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace sockwarden {

// The folder of the running guard, which belongs to root alone.
inline constexpr const char *kRunFolder = "/run/sockwarden";

// Held as long as the descriptor is open. The error names the guard that is there already, and has exit code 2.
Result<Fd> lock_guard();

}  // namespace sockwarden
