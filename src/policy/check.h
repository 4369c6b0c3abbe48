// SPDX-License-Identifier: Apache-2.0
// The checker of expressions: which fact each name means, and whether what is asked of it makes sense.
#pragma once

#include <map>

#include "policy/expression.h"

namespace sockwarden::policy {

// Lists that expressions can name as lists.NAME.
using Lists = std::map<std::string, std::vector<Literal>, std::less<>>;

// Fills in `node` what the checker knows, and returns all that is wrong: unknown names, values of a wrong type,
// operators that a fact does not have, patterns that cannot be read, and tests that can never hold, alone or joined by
// &&. Only where nothing is wrong may the tree be evaluated.
Mistakes check_expression(Node &node, const SourceText &source, const Lists &lists);

// Parses and checks.
Result<Node, Mistakes> read_expression(const SourceText &source, const Lists &lists);

}  // namespace sockwarden::policy
