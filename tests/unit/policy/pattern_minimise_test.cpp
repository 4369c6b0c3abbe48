// SPDX-License-Identifier: Apache-2.0
// Minimising automata made at random: against Moore's way, which splits blocks until nothing changes.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "policy/pattern/minimise.h"

namespace sockwarden {
namespace {

using pattern::Automaton;

// States lead to one of few, so that many are equal.
Automaton random_automaton(std::mt19937 &random) {
    const auto below = [&](std::size_t limit) { return static_cast<std::uint32_t>(random() % limit); };
    Automaton automaton;
    automaton.classes = 1 + below(4);
    for (std::uint8_t &byte_class : automaton.class_of) {
        byte_class = static_cast<std::uint8_t>(below(automaton.classes));
    }
    const std::uint32_t set = automaton.sets.number_of({0});
    const std::uint32_t states = 1 + below(40);
    for (std::uint32_t state = 0; state < states; ++state) {
        automaton.visit.push_back(below(6) == 0 ? set : 0);
        automaton.end.push_back(below(6) == 0 ? set : 0);
        for (std::size_t i = 0; i < automaton.classes; ++i) {
            automaton.next.push_back(below(3) == 0 ? below(states) : below(1 + states / 4) * 3 % states);
        }
    }
    return automaton;
}

std::set<std::uint32_t> reachable(const Automaton &automaton) {
    std::set<std::uint32_t> met{0};
    std::vector<std::uint32_t> waiting{0};
    while (!waiting.empty()) {
        const std::uint32_t state = waiting.back();
        waiting.pop_back();
        for (std::size_t i = 0; i < automaton.classes; ++i) {
            if (met.insert(automaton.row(state)[i]).second) {
                waiting.push_back(automaton.row(state)[i]);
            }
        }
    }
    return met;
}

// How many states that can be reached are told apart by some text.
std::size_t moore_count(const Automaton &automaton) {
    std::vector<std::uint32_t> block_of(automaton.states());
    std::size_t count = 0;
    for (bool changed = true; changed;) {
        std::map<std::vector<std::uint32_t>, std::uint32_t> blocks;
        std::vector<std::uint32_t> finer;
        for (std::size_t state = 0; state < automaton.states(); ++state) {
            std::vector<std::uint32_t> key{automaton.visit[state], automaton.end[state], block_of[state]};
            for (std::size_t i = 0; i < automaton.classes; ++i) {
                key.push_back(block_of[automaton.row(state)[i]]);
            }
            finer.push_back(blocks.try_emplace(key, static_cast<std::uint32_t>(blocks.size())).first->second);
        }
        changed = blocks.size() != count;
        count = blocks.size();
        block_of = finer;
    }
    std::set<std::uint32_t> met;
    for (const std::uint32_t state : reachable(automaton)) {
        met.insert(block_of[state]);
    }
    return met.size();
}

// What is reported on the way through `text`.
std::vector<std::uint32_t> reports(const Automaton &automaton, const std::string &text) {
    std::uint32_t state = 0;
    std::vector<std::uint32_t> sets{automaton.visit[0], automaton.end[0]};
    for (const char c : text) {
        state = automaton.row(state)[automaton.class_of[static_cast<unsigned char>(c)]];
        sets.insert(sets.end(), {automaton.visit[state], automaton.end[state]});
    }
    return sets;
}

TEST(PatternMinimise, AgreesWithMoore) {
    std::mt19937 random(1);
    std::size_t joined = 0;
    for (unsigned round = 0; round < 1000; ++round) {
        const Automaton automaton = random_automaton(random);
        const Automaton smallest = pattern::minimise(automaton);
        ASSERT_EQ(smallest.states(), moore_count(automaton)) << round;
        joined += smallest.states() < reachable(automaton).size() ? 1 : 0;
        for (unsigned i = 0; i < 10; ++i) {
            std::string text(random() % 60, ' ');
            for (char &c : text) {
                c = static_cast<char>(random());
            }
            ASSERT_EQ(reports(smallest, text), reports(automaton, text)) << round;
        }
    }
    EXPECT_GT(joined, 200U);
    EXPECT_LT(joined, 1000U);
}

}  // namespace
}  // namespace sockwarden
