// SPDX-License-Identifier: Apache-2.0
// Tests of one fact that cannot hold together.
#pragma once

#include <optional>
#include <vector>

#include "policy/expression.h"

namespace sockwarden::policy {

// What the tests of one fact, joined by &&, leave of its values. The tests must outlive it and be free of mistakes.
class Remainder {
public:
    // False, once, where no value passes this test and all before it. Of patterns, networks and files it is not known
    // what they leave: they are taken to leave everything.
    bool add(const Test &test);

private:
    bool any_number() const;

    std::vector<const Test *> tests_;
    // Where a test names the values it lets pass: those that passed all.
    std::optional<std::vector<const Literal *>> candidates_;
    bool told_ = false;
};

}  // namespace sockwarden::policy
