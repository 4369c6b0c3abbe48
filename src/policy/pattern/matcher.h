// SPDX-License-Identifier: Apache-2.0
// Runs an automaton over the fragments of a text.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "policy/pattern/dfa.h"

namespace sockwarden::pattern {

// `dfa` must outlive it.
class Matcher {
public:
    explicit Matcher(const Dfa &dfa);

    // The next bytes of the text. Returns false once nothing that follows can change what has matched.
    bool feed(Bytes fragment);
    bool feed(std::string_view fragment) { return feed(as_bytes_of(fragment)); }
    // The text ends here. Without it, a pattern that has not matched may be waiting for the end.
    void finish();
    bool decided() const { return dfa_.dead[state_] != 0; }

    bool has_matched(std::size_t pattern) const { return ((matched_[pattern / 64] >> (pattern % 64)) & 1) != 0; }
    // As the automaton's sets.
    std::span<const std::uint64_t> matched() const { return matched_; }

private:
    void add(std::uint16_t set);

    const Dfa &dfa_;
    std::uint32_t state_;
    std::vector<std::uint64_t> matched_;
};

}  // namespace sockwarden::pattern
