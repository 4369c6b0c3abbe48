// SPDX-License-Identifier: Apache-2.0
// Columns of texts and lists; see hits.h.
#include "policy/compile/hits.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "policy/pattern/dfa.h"
#include "policy/pattern/glob.h"
#include "policy/pattern/literal.h"
#include "policy/pattern/regex.h"

namespace sockwarden::policy {
namespace {

// Which hits each clause needs and which it refuses, and the vectors for them.
class HitMaker {
public:
    HitMaker(Space &space, const FactRow &fact) : space_(space), fact_(fact) {}

    // `hit_of` gives the number of what a test or an exists() asks for.
    Result<Done, TooMuch> make(std::size_t count, const std::function<std::size_t(const Atom &)> &hit_of,
                               wire::image_hits &hits, ImageWriter &writer) {
        layers_ = 1;
        for (std::size_t i = 0; i < space_.clauses().size(); ++i) {
            add_clause(i, hit_of);
            if (needs_.back().size() > wire::IMAGE_LAYERS) {
                return TooMuch{i,
                               fmt::format("{} conditions on {} are joined by &&, of at most {}", needs_.back().size(),
                                           fact_.path, int{wire::IMAGE_LAYERS}),
                               "join some of them in one regular expression"};
            }
            layers_ = std::max(layers_, needs_.back().size());
        }
        write(count, hits, writer);
        return Done{};
    }

    // The clauses that accept a value with exactly these hits, a bit each.
    std::uint16_t accepting(const std::vector<std::uint64_t> &set) {
        const auto is_hit = [&](std::size_t hit) { return (set[hit / 64] >> (hit % 64) & 1) != 0; };
        return static_cast<std::uint16_t>(vector_where([&](std::size_t i) {
            return !asks_absence_[i] && std::ranges::all_of(needs_[i], is_hit) &&
                   std::ranges::none_of(refuses_[i], is_hit);
        }));
    }

private:
    void add_clause(std::size_t, const std::function<std::size_t(const Atom &)> &hit_of) {
        std::vector<std::size_t> needs, refuses;
        bool asks_presence = false, asks_absence = false;
        for (const Atom &atom : space_.clauses()[needs_.size()]) {
            if (atom.fact != fact_.id ||
                (atom.kind == Atom::Kind::test && std::holds_alternative<Name>(atom.test->against))) {
                continue;
            }
            if (atom.kind == Atom::Kind::has) {
                asks_presence = true;
                asks_absence = asks_absence || atom.negated;
                continue;
            }
            const bool differs = atom.kind == Atom::Kind::test && atom.test->op == OperatorId::not_equal;
            (differs != atom.negated ? refuses : needs).push_back(hit_of(atom));
        }
        std::ranges::sort(needs);
        needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
        needs_.push_back(std::move(needs));
        refuses_.push_back(std::move(refuses));
        asks_presence_.push_back(asks_presence);
        asks_absence_.push_back(asks_absence);
    }

    template <typename Holds>
    std::uint32_t vector_where(Holds holds) {
        Bits bits(needs_.size());
        for (std::size_t i = 0; i < needs_.size(); ++i) {
            bits.set(i, holds(i));
        }
        return space_.pool().number_of(bits);
    }

    void write(std::size_t count, wire::image_hits &hits, ImageWriter &writer) {
        hits.count = static_cast<std::uint32_t>(count);
        hits.layers = static_cast<std::uint32_t>(layers_);
        for (std::size_t layer = 0; layer < layers_; ++layer) {
            hits.base[layer] = vector_where([&](std::size_t i) { return needs_[i].size() <= layer; });
        }
        hits.without = vector_where([&](std::size_t i) { return asks_absence_[i]; });
        hits.presence = vector_where([&](std::size_t i) { return asks_presence_[i]; });
        std::vector<std::uint16_t> map;
        for (std::size_t hit = 0; hit < count; ++hit) {
            for (std::size_t layer = 0; layer < layers_; ++layer) {
                map.push_back(static_cast<std::uint16_t>(
                    vector_where([&](std::size_t i) { return layer < needs_[i].size() && needs_[i][layer] == hit; })));
            }
            map.push_back(static_cast<std::uint16_t>(
                vector_where([&](std::size_t i) { return std::ranges::find(refuses_[i], hit) != refuses_[i].end(); })));
        }
        hits.map = writer.put(map);
    }

    Space &space_;
    const FactRow &fact_;
    std::vector<std::vector<std::size_t>> needs_, refuses_;  // by clause
    std::vector<bool> asks_presence_, asks_absence_;
    std::size_t layers_ = 1;
};

pattern::Node node_of(OperatorId op, const std::string &text) {
    switch (op) {
        case OperatorId::starts_with:
            return pattern::starts_with(text);
        case OperatorId::ends_with:
            return pattern::ends_with(text);
        case OperatorId::contains:
            return pattern::contains(text);
        case OperatorId::matches:
            return *pattern::parse_regex(text);  // the checker lets only those pass that can be parsed
        case OperatorId::glob:
            return *pattern::parse_glob(text);
        default:
            return pattern::equals(text);
    }
}

// What makes two tests the same pattern.
using PatternKey = std::pair<OperatorId, std::vector<std::string>>;

PatternKey pattern_of(const Test &test) {
    if (const auto *list = std::get_if<List>(&test.against)) {
        PatternKey key{OperatorId::equal, {}};
        for (const Literal &item : list->items) {
            key.second.push_back(std::get<std::string>(item.value));
        }
        return key;
    }
    const OperatorId op = test.op == OperatorId::not_equal ? OperatorId::equal : test.op;
    return {op, {std::get<std::string>(std::get<Literal>(test.against).value)}};
}

pattern::Node node_of(const PatternKey &key) {
    std::vector<pattern::Node> choices;
    for (const std::string &text : key.second) {
        choices.push_back(node_of(key.first, text));
    }
    return choices.size() == 1 ? std::move(choices.front()) : pattern::choice_of(std::move(choices));
}

// Sets of patterns as bits, as an automaton has them.
class SetTable {
public:
    SetTable(const pattern::Dfa &dfa) : words_(dfa.set_words), sets_(dfa.sets) {
        for (std::size_t i = 0; i * words_ < sets_.size(); ++i) {
            numbers_.try_emplace(set(i), static_cast<std::uint16_t>(i));
        }
    }
    std::vector<std::uint64_t> set(std::size_t number) const {
        const auto begin = sets_.begin() + static_cast<std::ptrdiff_t>(number * words_);
        return {begin, begin + static_cast<std::ptrdiff_t>(words_)};
    }
    std::uint16_t number_of(const std::vector<std::uint64_t> &set) {
        if (words_ == 0) {  // no patterns: where only has() is asked
            return 0;
        }
        const auto [place, is_new] = numbers_.try_emplace(set, static_cast<std::uint16_t>(sets_.size() / words_));
        if (is_new) {
            sets_.insert(sets_.end(), set.begin(), set.end());
        }
        return place->second;
    }
    const std::vector<std::uint64_t> &sets() const { return sets_; }
    std::size_t size() const { return words_ == 0 ? 0 : sets_.size() / words_; }

private:
    std::size_t words_;
    std::vector<std::uint64_t> sets_;
    std::map<std::vector<std::uint64_t>, std::uint16_t> numbers_;
};

// What is known of a text that is cut in a state; see image_text.
struct Cut {
    std::vector<std::uint16_t> sure, open;
};

Cut cut_of(const pattern::Dfa &dfa, SetTable &sets) {
    using Set = std::vector<std::uint64_t>;
    const std::size_t states = dfa.states();
    std::vector<Set> sure(states, Set(dfa.set_words, ~std::uint64_t{0})), open(states, Set(dfa.set_words));
    const auto next_of = [&](std::size_t state, std::size_t byte_class) {
        return std::size_t{dfa.next[state * dfa.classes + byte_class]};
    };
    const auto add = [](Set &to, const Set &from) {
        bool grew = false;
        for (std::size_t w = 0; w < to.size(); ++w) {
            grew = grew || (from[w] & ~to[w]) != 0;
            to[w] |= from[w];
        }
        return grew;
    };
    for (std::size_t state = 0; state < states; ++state) {
        for (std::size_t c = 0; c < dfa.classes; ++c) {
            const std::size_t next = next_of(state, c);
            const Set visit = sets.set(dfa.visit[next]);
            for (std::size_t w = 0; w < visit.size(); ++w) {
                sure[state][w] &= visit[w];
            }
            add(open[state], visit);
            add(open[state], sets.set(dfa.end[next]));
        }
    }
    for (bool grew = true; grew;) {
        grew = false;
        for (std::size_t state = states; state-- > 0;) {
            for (std::size_t c = 0; c < dfa.classes; ++c) {
                grew = add(open[state], open[next_of(state, c)]) || grew;
            }
        }
    }
    Cut cut;
    for (std::size_t state = 0; state < states; ++state) {
        cut.sure.push_back(sets.number_of(sure[state]));
        cut.open.push_back(sets.number_of(open[state]));
    }
    return cut;
}

// What each set leads to that can be the only one of a text.
std::vector<std::uint16_t> direct_of(const pattern::Dfa &dfa, const Cut &cut, const SetTable &sets, HitMaker &hits) {
    std::vector<std::uint16_t> direct(std::max<std::size_t>(sets.size(), 1));
    std::vector<std::uint16_t> numbers{0};
    numbers.insert(numbers.end(), dfa.visit.begin(), dfa.visit.end());
    numbers.insert(numbers.end(), dfa.end.begin(), dfa.end.end());
    numbers.insert(numbers.end(), cut.sure.begin(), cut.sure.end());
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    for (const std::uint16_t number : numbers) {
        direct[number] = hits.accepting(sets.set(number));
    }
    return direct;
}

// The transitions, where the row of each state has this many entries.
std::vector<std::uint16_t> rows_of(const pattern::Dfa &dfa, std::size_t length) {
    std::vector<std::uint16_t> rows(dfa.states() * length);
    for (std::size_t state = 0; state < dfa.states(); ++state) {
        std::copy_n(dfa.next.begin() + static_cast<std::ptrdiff_t>(state * dfa.classes), dfa.classes,
                    rows.begin() + static_cast<std::ptrdiff_t>(state * length));
    }
    return rows;
}

void write_dfa(const pattern::Dfa &dfa, HitMaker &hits, wire::image_text &text, ImageWriter &writer) {
    SetTable sets(dfa);
    const Cut cut = cut_of(dfa, sets);
    text.row = static_cast<std::uint32_t>(std::bit_width(std::size_t{dfa.classes} - 1));
    text.states = static_cast<std::uint32_t>(dfa.states());
    text.start = dfa.start;
    text.plain = dfa.plain;
    text.class_of = writer.put(std::vector<std::uint8_t>(dfa.class_of.begin(), dfa.class_of.end()));
    text.next = writer.put(rows_of(dfa, std::size_t{1} << text.row));
    text.visit = writer.put(dfa.visit);
    text.end = writer.put(dfa.end);
    text.sure = writer.put(cut.sure);
    text.open = writer.put(cut.open);
    text.dead = writer.put(dfa.dead);
    text.sets = writer.put(sets.sets());
    text.set_words = static_cast<std::uint32_t>(dfa.set_words);
    const std::vector<std::uint16_t> direct = direct_of(dfa, cut, sets, hits);
    text.direct = writer.put(direct);
    text.set_count = static_cast<std::uint32_t>(direct.size());
}

}  // namespace

Result<Done, TooMuch> make_text(Space &space, const FactRow &fact, wire::image_column &column, ImageWriter &writer) {
    std::vector<PatternKey> keys;
    std::vector<std::size_t> clause_of;  // that brought the pattern
    const auto hit_of = [&](const Atom &atom) {
        const PatternKey key = pattern_of(*atom.test);
        return static_cast<std::size_t>(std::ranges::find(keys, key) - keys.begin());
    };
    for (std::size_t i = 0; i < space.clauses().size(); ++i) {
        for (const Atom &atom : space.clauses()[i]) {
            const bool is_pattern = atom.fact == fact.id && atom.kind == Atom::Kind::test &&
                                    !std::holds_alternative<Name>(atom.test->against);
            if (is_pattern && hit_of(atom) == keys.size()) {
                keys.push_back(pattern_of(*atom.test));
                clause_of.push_back(i);
            }
        }
    }
    if (keys.size() > wire::IMAGE_CLAUSES) {
        return TooMuch{
            clause_of.back(),
            fmt::format("{} patterns of {}, of at most {}", keys.size(), fact.path, int{wire::IMAGE_CLAUSES}), ""};
    }
    std::vector<pattern::Node> nodes;
    nodes.reserve(keys.size());
    for (const PatternKey &key : keys) {
        nodes.push_back(node_of(key));
    }
    const auto dfa = pattern::compile(nodes);
    if (!dfa) {
        const std::size_t which = dfa.error().pattern;
        return TooMuch{
            clause_of[which],
            fmt::format("\"{}\", a pattern of {}, {}", keys[which].second.front(), fact.path, dfa.error().message()),
            "shorten it, or ask about less of the text"};
    }
    wire::image_text text{};
    HitMaker hits(space, fact);
    if (Result<Done, TooMuch> made = hits.make(keys.size(), hit_of, text.hits, writer); !made) {
        return made;
    }
    write_dfa(*dfa, hits, text, writer);
    column.table = writer.put(std::vector{text});
    column.count = 1;
    return Done{};
}

Result<Done, TooMuch> make_list(Space &space, const FactRow &fact, std::span<const Clause> elements,
                                wire::image_column &column, ImageWriter &writer) {
    const auto hit_of = [&](const Atom &atom) {
        const auto same = [&](const Clause &clause) { return is_same(clause, atom.element); };
        return static_cast<std::size_t>(std::ranges::find_if(elements, same) - elements.begin());
    };
    wire::image_hits hits{};
    Result<Done, TooMuch> made = HitMaker(space, fact).make(elements.size(), hit_of, hits, writer);
    column.table = writer.put(std::vector{hits});
    column.count = 1;
    return made;
}

}  // namespace sockwarden::policy
