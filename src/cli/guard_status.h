// SPDX-License-Identifier: Apache-2.0
// What a guard tells of itself, while it is at work and where its policies are kept.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/compiled_policies.h"

namespace sockwarden {

// The policies, with their rules and defaults. In the place of hits it has where they stand among Guard::hits, so that
// it can be kept beside a map of them.
nlohmann::ordered_json about_policies(const PlacedPolicies &placed);
// In one line. A file's name need not be UTF-8: what is none is replaced.
std::string json_text(const nlohmann::ordered_json &json);
// Puts the numbers there.
void count_hits(nlohmann::ordered_json &policies, const std::vector<std::uint64_t> &hits);

// Prints the answer of a guard to "status" for people.
void print_status(const std::string &answer);
// Prints what is in force though no guard is at work, as the output that is asked for.
void print_kept(const std::vector<std::string> &kept, const std::string &output);

}  // namespace sockwarden
