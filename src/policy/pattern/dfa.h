// SPDX-License-Identifier: Apache-2.0
// One deterministic automaton of many patterns, as flat arrays: what a matcher reads, here or in the kernel.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/pattern/node.h"

namespace sockwarden::pattern {

// What automata may cost. States and bytes of the table are those of the finished automaton, which may need
// kSlack times as much while it is made. `states` past kMostStates are not used.
struct Limits {
    std::size_t states = 4096;
    std::size_t table_bytes = 256 << 10;
    std::size_t nfa_steps = 20'000;           // of all patterns, repetitions written out: see nfa.h
    std::size_t work = std::size_t{1} << 26;  // steps of the construction: about a second; see determinise.h
};
inline constexpr std::size_t kSlack = 8;
inline constexpr std::size_t kMostStates = 32'767;  // so that states and output sets have numbers of 16 bits

// A matcher begins in state `start`, and goes on with each byte: state = next[state * classes + class_of[byte]].
// Whenever it is in a state, the first included, it adds set visit[state] to what has matched; when the text ends, set
// end[state] too. Adding is all: a pattern that has matched may be reported again, or not.
//
//     state     0 … plain - 1            reports nothing when entered, and is not dead: nothing to look at
//               plain … states() - 1     reports, or is dead, or both
//     set i     sets[i * set_words] … sets[(i + 1) * set_words - 1]: pattern p is bit p % 64 of word p / 64
//
// Set 0 is empty. From a dead state nothing is reported any more, by more bytes or by the end: whatever the rest of the
// text, it is decided.
struct Dfa {
    std::array<std::uint8_t, 256> class_of{};
    std::vector<std::uint16_t> next;
    std::vector<std::uint16_t> visit, end;  // by state: the number of a set
    std::vector<std::uint8_t> dead;         // by state: 1 or 0
    std::vector<std::uint64_t> sets;
    std::uint16_t classes = 0;  // 1 to 256
    std::uint16_t start = 0;
    std::uint16_t plain = 0;
    std::size_t patterns = 0;
    std::size_t set_words = 0;

    std::size_t states() const { return visit.size(); }
    std::size_t table_bytes() const { return next.size() * sizeof(next[0]); }
    std::span<const std::uint64_t> set(std::uint16_t number) const {
        return std::span(sets).subspan(number * set_words, set_words);
    }
};

// Which pattern is one too many: without it and those after it, the others fit.
struct BudgetError {
    enum class What : std::uint8_t {
        nfa_steps,
        states,
        table_bytes,
        states_made,  // kSlack times the states, before minimising
        table_made,   // kSlack times the bytes, before minimising
        work,
    };
    What what;
    std::size_t pattern;  // its index
    std::size_t count;    // what is needed with it; where only that it is too much is known, one more than the limit
    std::size_t limit;

    // "needs 5021 states together with those before it, of at most 4096", to stand behind the pattern's name.
    std::string message() const;
};

// Bit p of the automaton's sets is patterns[p].
Result<Dfa, BudgetError> compile(std::span<const Node> patterns, const Limits &limits = {});

}  // namespace sockwarden::pattern
