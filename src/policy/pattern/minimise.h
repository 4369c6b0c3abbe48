// SPDX-License-Identifier: Apache-2.0
// The smallest automaton that reports the same.
#pragma once

#include "policy/pattern/automaton.h"

namespace sockwarden::pattern {

// Joins states that no text tells apart (Hopcroft, 1971), then classes of bytes that no state tells apart. States are
// numbered in the order in which a breadth-first walk from the start meets them, so equal languages give equal
// automata.
Automaton minimise(const Automaton &automaton);

}  // namespace sockwarden::pattern
