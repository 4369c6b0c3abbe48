// SPDX-License-Identifier: Apache-2.0
// Policies from their files to what one enforcer is given: placed at its points, and compiled for each of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "catalog/points.h"
#include "cli/policy_files.h"
#include "output/real_files.h"
#include "policy/compile/image.h"
#include "policy/deployment.h"

namespace sockwarden {

// Points refer to the policies of the files.
struct PlacedPolicies {
    std::vector<PolicyFile> files;
    std::vector<policy::Deployed> points;

    // "connect, receive"
    std::string where() const;
};

// Reads files and folders. What is wrong with the policies, or cannot be enforced, is said on standard error.
// `is_audit` makes each of them report only. `recheck`: what refuses a message is judged once more when one was
// delivered.
Result<std::shared_ptr<const PlacedPolicies>> place_policies(const std::vector<std::string> &names, bool is_audit,
                                                             Enforcer by, bool recheck = false);

struct CompiledPolicies {
    std::vector<policy::Image> images;  // by point
    RealFiles files;                    // that the policies name
};

// With the files that paths lead to now. Says on standard error which there are not.
Result<CompiledPolicies> compile_placed(const PlacedPolicies &placed);

}  // namespace sockwarden
