// SPDX-License-Identifier: Apache-2.0
// What the author of a policy should know, though it is no mistake.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace sockwarden::policy {

// Of a rule that refuses or allows by what the judged process chooses itself: its name, or how it spells a path. Each
// names the fact and what to ask instead.
std::vector<std::string> advice_on(const Rule &rule);

}  // namespace sockwarden::policy
