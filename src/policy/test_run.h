// SPDX-License-Identifier: Apache-2.0
// Runs the tests that a policy brings along.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace sockwarden::policy {

// A test that the policy does not pass; what it decided instead.
struct TestFailure {
    Place place;
    std::string message;
};

// By the matcher. A policy that is too much for an image fails at the rule that is.
std::vector<TestFailure> run_tests(Policy &policy);

}  // namespace sockwarden::policy
