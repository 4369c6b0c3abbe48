// SPDX-License-Identifier: Apache-2.0
// Which rules are judged at which point of the kernel, so that each decides only where all that it asks is certain.
#pragma once

#include <span>
#include <vector>

#include "catalog/points.h"
#include "policy/compile/compile.h"

namespace sockwarden::policy {

// What is judged at a point: of each policy an excerpt, in the order of the policies. A rule that allows is judged
// wherever a later one refuses.
struct Deployed {
    PointId point;
    std::vector<Excerpt> policies;
};

// The points where something is judged, the earliest first. A rule that cannot be enforced, or not as it is meant, is a
// mistake; all are said.
Result<std::vector<Deployed>, std::vector<PolicyMistake>> deploy(std::span<const Policy *const> policies);

}  // namespace sockwarden::policy
