// SPDX-License-Identifier: Apache-2.0
// One run of a trace, from opening the engine to the summary.
#pragma once

#include <optional>

#include "cli/trace_options.h"

namespace sockwarden {

struct TraceEnd {
    int exit_code = 0;
    std::optional<int> command_status;  // the wait status of the command, where it has ended and counts
};

// Says on standard error what it does and why it failed. `options` are checked.
TraceEnd trace(const TraceOptions &options);

}  // namespace sockwarden
