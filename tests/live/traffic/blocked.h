// SPDX-License-Identifier: Apache-2.0
// Waiting until a thread sleeps inside recvmsg, as /proc shows it.
#pragma once

#include <sys/types.h>

namespace traffic {

// Failure where the thread is not there within 10 s.
void AwaitBlocked(pid_t thread);

}  // namespace traffic
