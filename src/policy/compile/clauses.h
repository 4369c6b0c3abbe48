// SPDX-License-Identifier: Apache-2.0
// From a tree to clauses: conjunctions of tests, any of which makes the expression hold.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "policy/expression.h"

namespace sockwarden::policy {

struct Atom;
// All of them must hold.
using Clause = std::vector<Atom>;

// A test of one fact, or that it is there, or that a list has an element for which a clause holds. Trees are borrowed.
struct Atom {
    enum class Kind { test, has, exists };
    Kind kind{};
    FactId fact{};               // of a pair of facts the first
    bool negated = false;        // an absent fact fails every test and so passes every negated one
    const Test *test = nullptr;  // of a test
    Clause element;              // of exists
};

struct TooManyClauses {
    std::size_t count;  // at least
};
struct NestedLists {
    Span place;  // of the inner one
};
using LoweringError = std::variant<TooManyClauses, NestedLists>;

// The disjunctive normal form, in the order of the tree. It says of every message what the tree says, unknown facts
// included: De Morgan's laws and distribution hold in Kleene's logic. Of no clause nothing makes the expression hold;
// an empty clause always holds. What does not ask about an element is taken out of exists() and all().
Result<std::vector<Clause>, LoweringError> clauses_of(const Node &node, std::size_t most);

}  // namespace sockwarden::policy
