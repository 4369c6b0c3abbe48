// SPDX-License-Identifier: Apache-2.0
// Policies that the guard and `sockwarden run` enforce alike, each with what is tried under it; see cases.cpp.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
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
// A policy that is installed; each of the names in it is replaced by the one behind it.
Case Installed(const std::string &name, const std::string &actor, const std::string &told,
               std::initializer_list<std::pair<std::string, std::string>> names);
// Those that every enforcer keeps, with paths under /tmp in the place of those that a service has.
std::vector<Case> InstalledPolicies();
void PrintTo(const Case &one, std::ostream *out);

// The verdicts of records, "event:action:rule" each, with how often it was told in a row: "connect:deny:secret*3". An
// uncertain one ends in "?"; a receive that had been refused a hundred times or more in a row, in "#100".
std::string Told(const std::vector<live::Json> &records);

}  // namespace enforced
