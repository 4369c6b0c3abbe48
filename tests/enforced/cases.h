// SPDX-License-Identifier: Apache-2.0
// Policies that the guard and `sockwarden run` enforce alike, each with what is tried under it; see cases.cpp.
#pragma once

#include <string>
#include <vector>

#include "stream.h"

namespace enforced {

struct Case {
    std::string actor;   // what is tried, see RunActor
    std::string rules;   // the list in YAML
    std::string told;    // as Told() puts it
    std::string head{};  // of the policy: its lists
};
const std::vector<Case> &Cases();
// The policies that are installed, with paths under /tmp in the place of those that a service has.
std::vector<Case> InstalledPolicies();
void PrintTo(const Case &one, std::ostream *out);

// The verdicts of records, "event:action:rule" each, with how often it was told in a row: "connect:deny:secret*3". An
// uncertain one ends in "?"; a receive that had been refused a hundred times or more in a row, in "#100".
std::string Told(const std::vector<live::Json> &records);

}  // namespace enforced
