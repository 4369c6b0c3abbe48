// SPDX-License-Identifier: Apache-2.0
// The plain evaluator: walks the tree of a checked expression, one message at a time. It is what the language means,
// and serves tests and `sockwarden policy test`; it shares nothing with the compiler but the parser and the checker.
#pragma once

#include "policy/expression.h"
#include "policy/facts.h"
#include "policy/truth.h"

namespace sockwarden::policy {

// What a test says of a fact:
//   absent   no, whatever the operator: != too. An absent fact decides before an unknown one.
//   unknown  unknown.
// has(f) is no where f is absent and unknown where it is unknown. exists() and all() of an absent list are no. A list
// that is not complete may have one more element of which every fact is unknown, and where no element of it is known it
// may be absent as well. all() of an empty list is yes. A literal of a file that `files` does not find is no file: ==
// it is no, and != it is yes.
Truth walk(const Node &node, const Facts &facts, const FileLookup &files);

}  // namespace sockwarden::policy
