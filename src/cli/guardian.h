// SPDX-License-Identifier: Apache-2.0
// The process between a supervisor and its command: no descendant of the command outlives the supervisor.
#pragma once

#include <sys/types.h>

namespace sockwarden {

// To be called before the command is forked: orphans among its descendants become this process' children.
bool adopt_orphans();

// What the process does from then on: passes signals on to `command`, and collects who ends. Where `supervisor`, its
// parent, ends first, it kills all that is left. Ends as the command ended, once no descendant is left. All signals are
// to be blocked.
[[noreturn]] void stand_guard(pid_t command, pid_t supervisor);

// Ends this process as one with this wait status ended; returns the exit code where it was killed by a signal that does
// not kill this one.
int end_as(int wait_status);

}  // namespace sockwarden
