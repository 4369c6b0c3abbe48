// SPDX-License-Identifier: Apache-2.0
// Minimising automata; see minimise.h.
#include "policy/pattern/minimise.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace sockwarden::pattern {
namespace {

using Numbers = std::vector<std::uint32_t>;

// From which states a class of bytes leads to a state: lists, one behind the other.
class Inverse {
public:
    explicit Inverse(const Automaton &automaton)
        : states_(automaton.states()), first_(automaton.classes * states_ + 1), from_(automaton.next.size()) {
        for (std::size_t i = 0; i < automaton.next.size(); ++i) {
            ++first_[list(automaton.next[i], i % automaton.classes) + 1];
        }
        std::partial_sum(first_.begin(), first_.end(), first_.begin());
        Numbers place(first_.begin(), first_.end() - 1);
        for (std::size_t i = 0; i < automaton.next.size(); ++i) {
            from_[place[list(automaton.next[i], i % automaton.classes)]++] =
                static_cast<std::uint32_t>(i / automaton.classes);
        }
    }

    std::span<const std::uint32_t> to(std::uint32_t state, std::size_t byte_class) const {
        const std::size_t number = list(state, byte_class);
        return std::span(from_).subspan(first_[number], first_[number + 1] - first_[number]);
    }

private:
    std::size_t list(std::uint32_t state, std::size_t byte_class) const { return byte_class * states_ + state; }

    std::size_t states_;
    Numbers first_;
    Numbers from_;
};

// States in blocks, each a stretch of one array whose first states may be marked.
class Partition {
public:
    explicit Partition(std::size_t states) : states_(states), place_(states), block_of_(states) {
        std::iota(states_.begin(), states_.end(), 0);
        std::iota(place_.begin(), place_.end(), 0);
        blocks_.push_back({0, static_cast<std::uint32_t>(states), 0});
    }

    const Numbers &block_of() const { return block_of_; }
    std::size_t size() const { return blocks_.size(); }
    std::span<const std::uint32_t> states_of(std::uint32_t block) const {
        return std::span(states_).subspan(blocks_[block].begin, blocks_[block].end - blocks_[block].begin);
    }

    void mark(std::uint32_t state) {
        Block &block = blocks_[block_of_[state]];
        const std::uint32_t to = block.begin + block.marked;
        if (place_[state] < to) {
            return;
        }
        if (block.marked++ == 0) {
            touched_.push_back(block_of_[state]);
        }
        const std::uint32_t other = states_[to];
        std::swap(states_[to], states_[place_[state]]);
        std::swap(place_[state], place_[other]);
    }

    // Splits each block that has marked states and others, and calls `split(old, new)`; unmarks all.
    template <typename Split>
    void split_marked(Split split) {
        for (const std::uint32_t number : std::exchange(touched_, {})) {
            Block &block = blocks_[number];
            const std::uint32_t middle = block.begin + std::exchange(block.marked, 0);
            if (middle == block.end) {
                continue;
            }
            const Block marked{block.begin, middle, 0};
            block.begin = middle;
            const auto fresh = static_cast<std::uint32_t>(blocks_.size());
            blocks_.push_back(marked);
            for (std::uint32_t i = marked.begin; i < marked.end; ++i) {
                block_of_[states_[i]] = fresh;
            }
            split(number, fresh);
        }
    }

private:
    struct Block {
        std::uint32_t begin, end, marked;
    };
    Numbers states_, place_, block_of_;
    std::vector<Block> blocks_;
    Numbers touched_;
};

// Blocks of states that report the same.
Partition by_reports(const Automaton &automaton) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, Numbers> groups;
    for (std::uint32_t state = 0; state < automaton.states(); ++state) {
        groups[{automaton.visit[state], automaton.end[state]}].push_back(state);
    }
    Partition partition(automaton.states());
    for (const auto &[reports, states] : groups) {
        std::ranges::for_each(states, [&](std::uint32_t state) { partition.mark(state); });
        partition.split_marked([](std::uint32_t, std::uint32_t) {});
    }
    return partition;
}

// Hopcroft: a block that waits splits others by whether they lead into it. When a block is split while it waits, both
// halves wait; else the smaller one is enough.
Partition refine(const Automaton &automaton) {
    const Inverse inverse(automaton);
    Partition partition = by_reports(automaton);
    Numbers waiting(partition.size());
    std::iota(waiting.begin(), waiting.end(), 0);
    std::vector<bool> waits(automaton.states() + 1);
    std::fill_n(waits.begin(), partition.size(), true);
    while (!waiting.empty()) {
        const std::uint32_t splitter = waiting.back();
        waiting.pop_back();
        waits[splitter] = false;
        const auto view = partition.states_of(splitter);
        const Numbers states(view.begin(), view.end());  // as it is now, for it may be split meanwhile
        for (std::size_t byte_class = 0; byte_class < automaton.classes; ++byte_class) {
            for (const std::uint32_t state : states) {
                std::ranges::for_each(inverse.to(state, byte_class), [&](std::uint32_t from) { partition.mark(from); });
            }
            partition.split_marked([&](std::uint32_t old, std::uint32_t fresh) {
                const bool smaller = partition.states_of(old).size() < partition.states_of(fresh).size();
                const std::uint32_t added = !waits[old] && smaller ? old : fresh;
                waits[added] = true;
                waiting.push_back(added);
            });
        }
    }
    return partition;
}

// One state for each block, numbered as minimise.h says.
Automaton join_states(const Automaton &automaton, const Numbers &block_of) {
    constexpr std::uint32_t kNone = ~0U;
    Automaton joined;
    joined.class_of = automaton.class_of;
    joined.classes = automaton.classes;
    joined.sets = automaton.sets;
    Numbers numbers(automaton.states(), kNone);  // of blocks
    Numbers states;                              // of the old automaton, one a block, by new number
    const auto number_of = [&](std::uint32_t state) {
        std::uint32_t &number = numbers[block_of[state]];
        if (number == kNone) {
            number = static_cast<std::uint32_t>(states.size());
            states.push_back(state);
        }
        return number;
    };
    number_of(0);
    for (std::size_t i = 0; i < states.size(); ++i) {
        const std::uint32_t state = states[i];
        joined.visit.push_back(automaton.visit[state]);
        joined.end.push_back(automaton.end[state]);
        for (std::size_t byte_class = 0; byte_class < automaton.classes; ++byte_class) {
            joined.next.push_back(number_of(automaton.row(state)[byte_class]));
        }
    }
    return joined;
}

// One class for those with equal columns, numbered in the order of their least bytes.
Automaton join_classes(Automaton automaton) {
    std::vector<Numbers> columns(automaton.classes);
    for (std::size_t i = 0; i < automaton.next.size(); ++i) {
        columns[i % automaton.classes].push_back(automaton.next[i]);
    }
    std::map<Numbers, std::uint8_t> numbers;
    Numbers kept;
    for (std::uint8_t &byte_class : automaton.class_of) {
        const auto number = static_cast<std::uint8_t>(kept.size());
        const auto [place, is_new] = numbers.try_emplace(columns[byte_class], number);
        if (is_new) {
            kept.push_back(byte_class);
        }
        byte_class = place->second;
    }
    Numbers next;
    for (std::size_t state = 0; state < automaton.states(); ++state) {
        std::ranges::for_each(kept, [&](std::uint32_t column) { next.push_back(automaton.row(state)[column]); });
    }
    automaton.next = std::move(next);
    automaton.classes = kept.size();
    return automaton;
}

}  // namespace

Automaton minimise(const Automaton &automaton) {
    const Automaton smallest = join_classes(join_states(automaton, refine(automaton).block_of()));
    Numbers each_alone(smallest.states());
    std::iota(each_alone.begin(), each_alone.end(), 0);
    return join_states(smallest, each_alone);  // again, for its order depends on that of the classes
}

}  // namespace sockwarden::pattern
