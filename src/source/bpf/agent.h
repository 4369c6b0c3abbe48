// SPDX-License-Identifier: Apache-2.0
// The process that a guard never refuses anything: known by its id and when it started, so that nobody inherits that.
#pragma once

#include <string>

#include "base/result.h"
#include "base/wire.h"

namespace sockwarden {

// When a process started, in ticks of USER_HZ since boot; `pid` may be "self".
Result<std::uint64_t> start_of(const std::string &pid);

// Makes this process the agent of the guard whose memory that is.
Status become_agent(volatile wire::shared_state &guard);

}  // namespace sockwarden
