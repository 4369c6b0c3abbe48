// SPDX-License-Identifier: Apache-2.0
// What steps of a nondeterministic automaton lead to without taking a byte.
#pragma once

#include <optional>

#include "policy/pattern/alphabet.h"
#include "policy/pattern/nfa.h"

namespace sockwarden::pattern {

// Steps where a matcher waits: those that take a byte, and assertions whose answer depends on what comes next.
// `nfa` must outlive it. Usage: begin(), follow() as often as wanted, finish().
class Closure {
public:
    explicit Closure(const Nfa &nfa) : nfa_(nfa), seen_(nfa.steps.size()), matched_patterns_(nfa.starts.size()) {}

    void begin();
    // `after` is empty where what comes next is not known yet.
    void follow(std::uint32_t step, Neighbour before, std::optional<Neighbour> after);
    // Reports `pattern` from outside, as if it had matched here.
    void match(std::uint32_t pattern);
    // Forgets the waiting steps of patterns that matched, and sorts.
    void finish();

    const std::vector<std::uint32_t> &waiting() const { return waiting_; }
    const std::vector<std::uint32_t> &matched() const { return matched_; }
    bool has_matched(std::uint32_t pattern) const { return matched_patterns_[pattern] == round_; }
    // Steps followed since it was made.
    std::size_t work() const { return work_; }

private:
    void visit(std::uint32_t step, Neighbour before, std::optional<Neighbour> after);

    const Nfa &nfa_;
    std::uint32_t round_ = 0;
    std::vector<std::uint32_t> seen_, matched_patterns_;  // the last round in which a step, a pattern was met
    std::vector<std::uint32_t> stack_, waiting_, matched_;
    std::size_t work_ = 0;
};

}  // namespace sockwarden::pattern
