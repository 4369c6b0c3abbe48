// SPDX-License-Identifier: Apache-2.0
// From patterns to the arrays of one automaton; see dfa.h.
#include "policy/pattern/dfa.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <variant>

#include "policy/pattern/determinise.h"
#include "policy/pattern/minimise.h"
#include "policy/pattern/nfa.h"

namespace sockwarden::pattern {
namespace {

using Numbers = std::vector<std::uint32_t>;
using What = BudgetError::What;

// What one attempt met; `pattern` is the last of those that were tried.
BudgetError too_much(What what, std::span<const Node> patterns, std::size_t count, std::size_t limit) {
    return {what, patterns.size() - 1, count, limit};
}

BudgetError too_much_made(SubsetOverflow overflow, std::span<const Node> patterns, const SubsetLimits &limits) {
    switch (overflow) {
        case SubsetOverflow::states:
            return too_much(What::states_made, patterns, limits.states + 1, limits.states);
        case SubsetOverflow::places:
            return too_much(What::table_made, patterns, limits.places * 2 + 1, limits.places * 2);
        case SubsetOverflow::work:
            break;
    }
    return too_much(What::work, patterns, limits.work + 1, limits.work);
}

Result<Automaton, BudgetError> attempt(std::span<const Node> patterns, const Limits &limits) {
    auto nfa = build_nfa(patterns, limits.nfa_steps);
    if (!nfa) {
        return BudgetError{What::nfa_steps, nfa.error().pattern, nfa.error().count, nfa.error().limit};
    }
    const std::size_t states = std::min(limits.states, kMostStates);
    const SubsetLimits subset{states * kSlack, limits.table_bytes / sizeof(std::uint16_t) * kSlack, limits.work};
    const auto made = determinise(*nfa, subset);
    if (!made) {
        return too_much_made(made.error(), patterns, subset);
    }
    Automaton smallest = minimise(*made);
    if (smallest.states() > states) {
        return too_much(What::states, patterns, smallest.states(), states);
    }
    const std::size_t bytes = smallest.next.size() * sizeof(std::uint16_t);
    if (bytes > limits.table_bytes) {
        return too_much(What::table_bytes, patterns, bytes, limits.table_bytes);
    }
    return smallest;
}

// Halves the list until the first pattern is found with which the ones before it do not fit. `error` is that of all.
BudgetError first_too_much(std::span<const Node> patterns, const Limits &limits, BudgetError error) {
    std::size_t fits = 0;
    std::size_t fails = error.pattern + 1;
    while (fails - fits > 1) {
        const std::size_t middle = fits + (fails - fits) / 2;
        if (const auto tried = attempt(patterns.first(middle), limits)) {
            fits = middle;
        } else {
            error = tried.error();
            fails = middle;
        }
    }
    return error;
}

// A state is dead when only a state that leads to itself and never reports can follow, and the end reports nothing.
std::vector<bool> dead_states(const Automaton &automaton) {
    const auto leads_only_to = [&](std::size_t state, std::uint32_t target) {
        return std::all_of(automaton.row(state), automaton.row(state) + automaton.classes,
                           [&](std::uint32_t next) { return next == target; });
    };
    std::vector<bool> dead(automaton.states());
    for (std::size_t state = 0; state < automaton.states(); ++state) {
        const std::uint32_t next = automaton.row(state)[0];
        const bool silent = automaton.visit[next] == 0 && automaton.end[next] == 0 && leads_only_to(next, next);
        dead[state] = silent && automaton.end[state] == 0 && leads_only_to(state, next);
    }
    return dead;
}

// The new number of each state: those first at whose entry nothing is to be looked at.
Numbers plain_first(const Automaton &automaton, const std::vector<bool> &dead, Dfa &dfa) {
    Numbers order, special;
    for (std::uint32_t state = 0; state < automaton.states(); ++state) {
        (automaton.visit[state] == 0 && !dead[state] ? order : special).push_back(state);
    }
    dfa.plain = static_cast<std::uint16_t>(order.size());
    order.insert(order.end(), special.begin(), special.end());
    Numbers numbers(order.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) {
        numbers[order[i]] = i;
    }
    return numbers;
}

// Numbers sets anew, for minimising leaves some unused, and writes them as bits.
class SetWriter {
public:
    SetWriter(const OutputSets &sets, Dfa &dfa) : sets_(sets), dfa_(dfa), numbers_(sets.size(), kNone) { write(0); }

    std::uint16_t write(std::uint32_t set) {
        if (numbers_[set] == kNone) {
            numbers_[set] = count_++;
            const std::size_t begin = dfa_.sets.size();
            dfa_.sets.resize(begin + dfa_.set_words);
            for (const std::uint32_t pattern : sets_[set]) {
                dfa_.sets[begin + pattern / 64] |= std::uint64_t{1} << (pattern % 64);
            }
        }
        return static_cast<std::uint16_t>(numbers_[set]);
    }

private:
    static constexpr std::uint32_t kNone = ~0U;
    const OutputSets &sets_;
    Dfa &dfa_;
    Numbers numbers_;
    std::uint32_t count_ = 0;
};

Dfa flatten(const Automaton &automaton, std::size_t patterns) {
    Dfa dfa;
    dfa.class_of = automaton.class_of;
    dfa.classes = static_cast<std::uint16_t>(automaton.classes);
    dfa.patterns = patterns;
    dfa.set_words = (patterns + 63) / 64;
    const std::vector<bool> dead = dead_states(automaton);
    const Numbers numbers = plain_first(automaton, dead, dfa);
    SetWriter sets(automaton.sets, dfa);
    dfa.start = static_cast<std::uint16_t>(numbers[0]);
    dfa.next.resize(automaton.next.size());
    dfa.visit.resize(automaton.states());
    dfa.end.resize(automaton.states());
    dfa.dead.resize(automaton.states());
    for (std::size_t state = 0; state < automaton.states(); ++state) {
        const std::size_t to = numbers[state];
        dfa.visit[to] = sets.write(automaton.visit[state]);
        dfa.end[to] = sets.write(automaton.end[state]);
        dfa.dead[to] = dead[state] ? 1 : 0;
        for (std::size_t byte_class = 0; byte_class < automaton.classes; ++byte_class) {
            dfa.next[to * automaton.classes + byte_class] =
                static_cast<std::uint16_t>(numbers[automaton.row(state)[byte_class]]);
        }
    }
    return dfa;
}

}  // namespace

std::string BudgetError::message() const {
    switch (what) {
        case What::nfa_steps:
            return fmt::format(
                "is too long when its repetitions are written out: {} steps together with those before it, "
                "of at most {}",
                count, limit);
        case What::states:
            return fmt::format("needs {} states together with those before it, of at most {}", count, limit);
        case What::table_bytes:
            return fmt::format("needs a table of {} bytes together with those before it, of at most {}", count, limit);
        case What::states_made:
            return fmt::format("makes more than {} states together with those before it", limit);
        case What::table_made:
            return fmt::format("makes a table of more than {} bytes together with those before it", limit);
        case What::work:
            break;
    }
    return fmt::format("takes more than {} steps to compile together with those before it", limit);
}

Result<Dfa, BudgetError> compile(std::span<const Node> patterns, const Limits &limits) {
    const auto automaton = attempt(patterns, limits);
    if (!automaton) {
        return first_too_much(patterns, limits, automaton.error());
    }
    return flatten(*automaton, patterns.size());
}

}  // namespace sockwarden::pattern
