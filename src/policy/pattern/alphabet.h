// SPDX-License-Identifier: Apache-2.0
// Classes of bytes that no pattern tells apart: the columns of an automaton's table.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "policy/pattern/nfa.h"

namespace sockwarden::pattern {

// What an assertion may ask of the place before or after: a byte of some kind, or the edge of the text.
enum class Neighbour : std::uint8_t { other, word, newline, edge };
inline constexpr std::array kByteKinds = {Neighbour::other, Neighbour::word, Neighbour::newline};

// Whether `assertion` holds between `before` and `after`.
bool holds(Assertion assertion, Neighbour before, Neighbour after);

struct Alphabet {
    std::array<std::uint8_t, 256> class_of{};            // of each byte
    std::vector<Neighbour> kinds;                        // of each class; `other` where no assertion asks
    std::vector<std::vector<std::uint8_t>> set_classes;  // of each set of the automaton, rising

    std::size_t size() const { return kinds.size(); }
};

Alphabet alphabet_of(const Nfa &nfa);

}  // namespace sockwarden::pattern
