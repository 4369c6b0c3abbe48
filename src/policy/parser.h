// SPDX-License-Identifier: Apache-2.0
// The parser of expressions: a subset of CEL (github.com/google/cel-spec).
#pragma once

#include "policy/expression.h"

namespace sockwarden::policy {

// From weak to strong: || && (== != < <= > >= in, which do not chain) ! and methods. Names are not looked up here.
Parsed<Node> parse_expression(const SourceText &source);

}  // namespace sockwarden::policy
