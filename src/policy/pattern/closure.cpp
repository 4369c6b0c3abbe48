// SPDX-License-Identifier: Apache-2.0
// Following steps that take no byte; see closure.h.
#include "policy/pattern/closure.h"

#include <algorithm>

namespace sockwarden::pattern {
namespace {

bool asks_what_comes(Assertion assertion) {
    return assertion != Assertion::begin_text && assertion != Assertion::begin_line;
}

}  // namespace

void Closure::begin() {
    ++round_;
    waiting_.clear();
    matched_.clear();
}

void Closure::match(std::uint32_t pattern) {
    if (!has_matched(pattern)) {
        matched_patterns_[pattern] = round_;
        matched_.push_back(pattern);
    }
}

void Closure::follow(std::uint32_t step, Neighbour before, std::optional<Neighbour> after) {
    stack_.push_back(step);
    while (!stack_.empty()) {
        const std::uint32_t next = stack_.back();
        stack_.pop_back();
        ++work_;
        if (seen_[next] != round_) {
            seen_[next] = round_;
            visit(next, before, after);
        }
    }
}

void Closure::visit(std::uint32_t number, Neighbour before, std::optional<Neighbour> after) {
    const Nfa::Step &step = nfa_.steps[number];
    switch (step.op) {
        case Nfa::Op::bytes:
            waiting_.push_back(number);
            break;
        case Nfa::Op::split:
            stack_.push_back(step.other);
            stack_.push_back(step.out);
            break;
        case Nfa::Op::assertion:
            if (!after && asks_what_comes(step.assertion)) {
                waiting_.push_back(number);
            } else if (holds(step.assertion, before, after.value_or(Neighbour::other))) {
                stack_.push_back(step.out);
            }
            break;
        case Nfa::Op::match:
            match(step.pattern);
            break;
    }
}

void Closure::finish() {
    std::erase_if(waiting_, [&](std::uint32_t step) { return has_matched(nfa_.steps[step].pattern); });
    std::ranges::sort(waiting_);
    std::ranges::sort(matched_);
}

}  // namespace sockwarden::pattern
