// SPDX-License-Identifier: Apache-2.0
// Where rules can be enforced: each clause at the earliest point of an enforcer where all that it asks is certain and
// its action makes sense.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/points.h"
#include "policy/policy.h"

namespace sockwarden::policy {

// Events for which a rule is enforced at a point, or nowhere, and then why.
struct Placement {
    const PointRow *point = nullptr;
    std::string reason;
    bool is_possible = true;  // false where the action makes sense at no point that the events pass
    std::vector<std::string_view> events;
};

// Of a rule of this policy. Empty where it can never hold. One that allows belongs where it keeps something from being
// refused: by the default, or by the next rule that refuses; one that only reports, where it knows what it asks.
std::vector<Placement> placements_of(const Policy &policy, const Rule &rule, Enforcer by);

// Of what the default refuses.
std::vector<Placement> placements_of_default(const Policy &policy, Enforcer by);

// Which facts that a rule asks about messages of this event are not certain at a point. Nothing where the rule cannot
// hold for the event.
std::optional<std::vector<std::string_view>> uncertain_at(const PointRow &point, const Rule &rule,
                                                          const EventRow &event);

// "a, b and c"
std::string joined(const std::vector<std::string_view> &words, std::string_view last);

}  // namespace sockwarden::policy
