// SPDX-License-Identifier: Apache-2.0
// A deterministic automaton while it is being made: wide numbers, and sets of patterns as lists.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

namespace sockwarden::pattern {

// Sets of patterns, each once, as rising lists; number 0 is the empty set.
class OutputSets {
public:
    OutputSets() { number_of({}); }

    std::uint32_t number_of(const std::vector<std::uint32_t> &patterns) {
        const auto [place, is_new] = numbers_.try_emplace(patterns, static_cast<std::uint32_t>(sets_.size()));
        if (is_new) {
            sets_.push_back(patterns);
        }
        return place->second;
    }
    const std::vector<std::uint32_t> &operator[](std::uint32_t number) const { return sets_[number]; }
    std::size_t size() const { return sets_.size(); }

private:
    std::map<std::vector<std::uint32_t>, std::uint32_t> numbers_;
    std::vector<std::vector<std::uint32_t>> sets_;
};

// `next` holds a row a state, a column a class of bytes. A state reports the patterns of set `visit` when it is entered
// and those of `end` when the text ends in it. State 0 is the start.
struct Automaton {
    std::array<std::uint8_t, 256> class_of{};
    std::size_t classes = 0;
    std::vector<std::uint32_t> next;
    std::vector<std::uint32_t> visit, end;
    OutputSets sets;

    std::size_t states() const { return visit.size(); }
    const std::uint32_t *row(std::size_t state) const { return &next[state * classes]; }
};

}  // namespace sockwarden::pattern
