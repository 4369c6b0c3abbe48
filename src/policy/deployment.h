// SPDX-License-Identifier: Apache-2.0
// Which rules are judged at which point of an enforcer, so that each decides only where all that it asks is certain.
#pragma once

#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "catalog/points.h"
#include "policy/compile/compile.h"

namespace sockwarden::policy {

// What is judged at a point: of each policy an excerpt, in the order of the policies. A rule that allows is judged
// wherever a later one refuses.
struct Deployed {
    PointId point;
    std::vector<Excerpt> policies;
    std::set<std::string_view> events;  // of which something may be decided there
    std::set<std::size_t> rechecked;    // which of the policies are to have refused it before
};

// The points where something is judged, the earliest first. A rule that cannot be enforced, or not as it is meant, is a
// mistake; all are said. With `recheck` what refuses a message is judged once more when one has been delivered.
Result<std::vector<Deployed>, std::vector<PolicyMistake>> deploy(std::span<const Policy *const> policies, Enforcer by,
                                                                 bool recheck = false);

}  // namespace sockwarden::policy
