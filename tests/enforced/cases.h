// SPDX-License-Identifier: Apache-2.0
// Policies that the guard and `sockwarden run` enforce alike, each with what is tried under it; see cases.cpp.
#pragma once

#include <string>
#include <vector>

#include "stream.h"

namespace enforced {

struct Case {
    const char *actor;  // what is tried, see RunActor
    const char *rules;  // the list in YAML
    const char *told;   // as Told() puts it
};
const std::vector<Case> &Cases();
void PrintTo(const Case &one, std::ostream *out);

// The verdicts of records, "event:action:rule" each, with how often it was told in a row: "connect:deny:secret*3". An
// uncertain one ends in "?".
std::string Told(const std::vector<live::Json> &records);

}  // namespace enforced
