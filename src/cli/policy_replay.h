// SPDX-License-Identifier: Apache-2.0
// What policies would have decided about recorded messages.
#pragma once

#include <span>
#include <string>

#include "cli/policy_files.h"

namespace sockwarden {

// Judges each message of a recording by all policies together. Prints a line for each that was not plainly allowed, and
// a summary.
Status replay(std::span<const PolicyFile> files, const std::string &recording);

}  // namespace sockwarden
