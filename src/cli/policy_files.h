// SPDX-License-Identifier: Apache-2.0
// Policies out of the files that a command line names.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "policy/compile/compile.h"
#include "policy/policy.h"

namespace sockwarden {

struct PolicyFile {
    std::string name;
    policy::Policy policy;
};

// Reads them all, and sees that they fit an image together. What is wrong with them is printed on standard error, a
// line a mistake; the error then says how much, and its exit code is kExitUsage.
Result<std::vector<PolicyFile>> read_policies(const std::vector<std::string> &names);

// Says mistakes of these files in the same way, and returns how many they are.
Error mistakes_error(const std::vector<PolicyFile> &files, const std::vector<policy::PolicyMistake> &mistakes);

}  // namespace sockwarden
