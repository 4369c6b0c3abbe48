// SPDX-License-Identifier: Apache-2.0
// Regular expressions and globs as the walk evaluates them: by RE2, one text at a time.
#pragma once

#include <string>
#include <string_view>

#include "policy/facts.h"
#include "policy/truth.h"

namespace sockwarden::policy {

// `op` is matches or glob in all of these.

// What is wrong with a pattern; empty where nothing is.
std::string pattern_mistake(OperatorId op, std::string_view pattern);
// Whether a good pattern holds of a text. Of one that is cut it is unknown unless a match is found that no byte behind
// the cut can undo; a glob, which must match to the end, is always unknown there.
Truth match_pattern(OperatorId op, std::string_view pattern, const Text &text);

}  // namespace sockwarden::policy
