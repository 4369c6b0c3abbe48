// SPDX-License-Identifier: Apache-2.0
// A command under the supervisor, for the commands of sockwarden that can have it: run, trace and guard.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/run_options.h"
#include "decode/message.h"
#include "source/supervisor/supervisor.h"

namespace sockwarden {

struct SupervisedRun {
    SupervisorOptions supervisor;
    std::vector<std::string> policies;  // files and folders; empty: what it receives is traced
    bool audit = false;
    std::function<bool(const Message &)> wants;  // of what is traced; empty: everything
};

// Says what is wrong, or runs it. `options` are checked. The exit code is that of the command.
int run_supervised(const RunOptions &options, SupervisedRun run);

}  // namespace sockwarden
