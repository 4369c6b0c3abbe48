// SPDX-License-Identifier: Apache-2.0
// Running an automaton; see matcher.h.
#include "policy/pattern/matcher.h"

namespace sockwarden::pattern {

Matcher::Matcher(const Dfa &dfa) : dfa_(dfa), state_(dfa.start), matched_(dfa.set_words) { add(dfa.visit[state_]); }

void Matcher::add(std::uint16_t set) {
    const auto words = dfa_.set(set);
    for (std::size_t i = 0; i < words.size(); ++i) {
        matched_[i] |= words[i];
    }
}

bool Matcher::feed(Bytes fragment) {
    const std::uint16_t *next = dfa_.next.data();
    const std::uint32_t classes = dfa_.classes, plain = dfa_.plain;
    std::uint32_t state = state_;
    if (decided()) {
        return false;
    }
    for (const std::byte byte : fragment) {
        state = next[state * classes + dfa_.class_of[static_cast<std::size_t>(byte)]];
        if (state >= plain) {
            add(dfa_.visit[state]);
            if (dfa_.dead[state] != 0) {
                break;
            }
        }
    }
    state_ = state;
    return !decided();
}

void Matcher::finish() { add(dfa_.end[state_]); }

}  // namespace sockwarden::pattern
