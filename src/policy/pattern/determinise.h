// SPDX-License-Identifier: Apache-2.0
// The subset construction: from a nondeterministic automaton of many patterns to one deterministic automaton.
#pragma once

#include "base/result.h"
#include "policy/pattern/alphabet.h"
#include "policy/pattern/automaton.h"
#include "policy/pattern/nfa.h"

namespace sockwarden::pattern {

// What bounds the construction: states and places of the table of the automaton before it is minimised, and steps taken
// (a step is looked at, or a step leads over a class), which bounds time and memory.
struct SubsetLimits {
    std::size_t states;
    std::size_t places;
    std::size_t work;
};

enum class SubsetOverflow { states, places, work };

// A pattern is reported at its first match at the latest; whether again after that, means nothing. So the steps of a
// pattern that a state reports are not followed, and a pattern that matches the beginning of every text is never looked
// for. Which patterns have matched is not remembered, as k of them would make 2^k states; only where no more than one
// is looked for at every byte, that one is.
Result<Automaton, SubsetOverflow> determinise(const Nfa &nfa, const SubsetLimits &limits);

}  // namespace sockwarden::pattern
