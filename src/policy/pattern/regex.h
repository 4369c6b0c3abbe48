// SPDX-License-Identifier: Apache-2.0
// Regular expressions in the syntax of RE2, over bytes.
#pragma once

#include <string_view>

#include "policy/pattern/node.h"

namespace sockwarden::pattern {

// What RE2::PartialMatch takes with Options::Latin1 (github.com/google/re2, wiki/Syntax): each byte is a character, so
// `.` is one byte, and a letter outside ASCII in a class or under (?i) is not what UTF-8 makes of it. Groups capture
// nothing; lazy repetition is the same as greedy, for only whether a text matches is asked. Not taken: classes of
// Unicode
// (\pN), which bytes do not have, names of groups outside ASCII, and groups nested deeper than kMostDepth.
Parsed<Node> parse_regex(std::string_view text);

inline constexpr unsigned kMostRepeat = 1000;  // of {n,m}, as in RE2
inline constexpr unsigned kMostDepth = 200;

}  // namespace sockwarden::pattern
