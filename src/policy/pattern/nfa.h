// SPDX-License-Identifier: Apache-2.0
// Nondeterministic automata of patterns, after Thompson (1968): small steps, of which a matcher would follow all at
// once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "policy/pattern/node.h"

namespace sockwarden::pattern {

struct Nfa {
    enum class Op : std::uint8_t {
        bytes,      // takes one byte out of sets[set], goes on at `out`
        split,      // goes on at `out` and at `other`, takes nothing
        assertion,  // goes on at `out` where `assertion` holds, takes nothing
        match,      // the pattern matches here
    };
    struct Step {
        Op op = Op::match;
        Assertion assertion{};
        std::uint32_t set = 0;
        std::uint32_t out = 0;
        std::uint32_t other = 0;
        std::uint32_t pattern = 0;  // which it is a part of
    };
    std::vector<Step> steps;
    std::vector<ByteSet> sets;          // each once
    std::vector<std::uint32_t> starts;  // one a pattern
};

// Too large a pattern: its index, how large all up to it would be at least, and how large they may be.
struct NfaOverflow {
    std::size_t pattern;
    std::size_t count;
    std::size_t limit;
};

// One automaton of all patterns, where pattern i begins at starts[i]. `limit` bounds the steps and, as a repetition of
// nothing makes no steps, the visits of nodes: each x in x{1000} counts.
Result<Nfa, NfaOverflow> build_nfa(std::span<const Node> patterns, std::size_t limit);

}  // namespace sockwarden::pattern
