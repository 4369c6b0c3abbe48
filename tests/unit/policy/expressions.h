// SPDX-License-Identifier: Apache-2.0
// Expressions in tests: read, written out as what was understood, and evaluated.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/check.h"
#include "policy/facts.h"
#include "policy/truth.h"

namespace sockwarden::policy::test {

// The tree in the form (op part part …), or "column: message; hint" where it cannot be parsed.
std::string parsed(std::string_view expression);
// Everything that is wrong, each as "column: message; hint"; empty where nothing is.
std::vector<std::string> mistakes_of(std::string_view expression, const Lists &lists = {});
// What an expression without mistakes says of a message; a failure of the test where it has some, or where the matcher
// says something else.
Truth truth_of(std::string_view expression, const Facts &facts, const FileLookup &files, const Lists &lists = {});

std::string_view name_of(Truth truth);
void PrintTo(Truth truth, std::ostream *to);

}  // namespace sockwarden::policy::test
