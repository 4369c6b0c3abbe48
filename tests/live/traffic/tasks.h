// SPDX-License-Identifier: Apache-2.0
// Children that run one function and must end well.
#pragma once

#include <sys/types.h>

#include <functional>

namespace traffic {

pid_t StartChild(const std::function<void()> &work);
// Failure unless it ended with exit code 0.
void AwaitChild(pid_t child);

}  // namespace traffic
