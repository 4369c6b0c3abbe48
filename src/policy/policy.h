// SPDX-License-Identifier: Apache-2.0
// A policy: rules in their order, and the tests that it brings along.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/actions.h"
#include "policy/check.h"
#include "policy/expression.h"
#include "policy/facts.h"

namespace sockwarden::policy {

// `audit`: only report what would have been done.
enum class Mode { enforce, audit };

struct Rule {
    std::string name;
    Place place;
    std::optional<Node> when;  // without it the rule always matches
    ActionId action{};
    int error = 0;        // errno of a call that is denied; 0 where the policy does not say
    std::string message;  // for people, with the verdict; may be empty
};

// A message and what the policy must decide about it.
struct PolicyTest {
    std::string name;  // may be empty
    Place place;
    Facts given;
    ActionId expect{};  // alert: at least one alert, whatever else is decided
    std::string rule;   // that decides, or alerts; empty where the test does not say
    std::optional<bool> certain;
};

struct Policy {
    std::string name;
    Mode mode = Mode::enforce;
    ActionId otherwise = ActionId::allow;  // where no rule decides: allow or deny
    Lists lists;
    std::vector<Rule> rules;
    std::vector<PolicyTest> tests;
    NamedFiles test_files;  // that the facts of the tests name
};

inline constexpr std::size_t kMostRules = 1024;
inline constexpr std::size_t kMostListItems = 1024;

// Reads the text of a policy file. All that is wrong is said, in the order of the file; nothing of a policy with a
// mistake is usable.
Result<Policy, Mistakes> read_policy(std::string text);

}  // namespace sockwarden::policy
