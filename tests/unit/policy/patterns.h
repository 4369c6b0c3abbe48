// SPDX-License-Identifier: Apache-2.0
// What tests of patterns share: compiling them, and running automata over texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/pattern/dfa.h"

namespace sockwarden::test {

// The trees of right regular expressions; a wrong one fails the test.
std::vector<pattern::Node> regexes(const std::vector<std::string> &texts);
// Their automaton; one too large fails the test.
pattern::Dfa compiled(const std::vector<pattern::Node> &nodes);
pattern::Dfa compiled_regexes(const std::vector<std::string> &texts);

// The indices of the patterns that match, as digits: "02". `cut` is where the text is cut into two fragments.
std::string matching(const pattern::Dfa &dfa, std::string_view text, std::size_t cut = 0);

// One pattern, and texts that it must match or not.
struct Row {
    std::string_view pattern;
    std::vector<std::string_view> matching;
    std::vector<std::string_view> other;
};
void expect_row(const Row &row, const pattern::Node &node);

// A pattern that is wrong, and where.
struct ErrorRow {
    std::string_view pattern;
    std::size_t offset;
    std::string_view part;  // of the message
};
void expect_error(const ErrorRow &row, const pattern::Parsed<pattern::Node> &parsed);

}  // namespace sockwarden::test
