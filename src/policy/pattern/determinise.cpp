// SPDX-License-Identifier: Apache-2.0
// The subset construction; see determinise.h.
#include "policy/pattern/determinise.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "policy/pattern/closure.h"

namespace sockwarden::pattern {
namespace {

using Numbers = std::vector<std::uint32_t>;

// What a state depends on of the byte before it, as bits.
constexpr std::uint8_t kNeedNothing = 0, kNeedWord = 1, kNeedNewline = 2;

// A state is where it waits, what it reports, and as much of the past as its assertions may still ask for.
struct Key {
    Numbers waiting;
    std::uint32_t visit = 0;
    Neighbour before = Neighbour::edge;
    bool done = false;  // the pattern that is remembered has matched

    bool operator==(const Key &) const = default;
};

struct KeyHash {
    std::size_t operator()(const Key &key) const {
        const std::u32string_view steps(reinterpret_cast<const char32_t *>(key.waiting.data()), key.waiting.size());
        const std::size_t rest = key.visit * 8U + static_cast<unsigned>(key.before) * 2U + (key.done ? 1 : 0);
        return std::hash<std::u32string_view>()(steps) ^ (rest * 0x9e3779b97f4a7c15U);
    }
};

// What lies one byte ahead of steps where a matcher waits.
struct Ahead {
    std::vector<Numbers> outs;                       // by class: where its bytes lead to
    std::array<Numbers, kByteKinds.size()> matched;  // by kind of the next byte: what has matched before it
    Numbers matched_at_end;
};

// What begins anew at each place of the text, by the byte before it. Nothing matches there at once: what does so behind
// some byte does so at the edge of every text, too, and is decided.
struct Anew {
    Numbers waiting;  // rising
    Ahead ahead;
};

class Determiniser {
public:
    Determiniser(const Nfa &nfa, const SubsetLimits &limits)
        : nfa_(nfa), limits_(limits), alphabet_(alphabet_of(nfa)), closure_(nfa) {}

    Result<Automaton, SubsetOverflow> run();

private:
    void find_needs();
    void find_searched(const Numbers &decided);
    void prepare_anew();
    Key start_key();
    Key key_of(const Key &from, const Anew *anew, std::size_t byte_class);
    void look_ahead(const Numbers &waiting, Neighbour before, Ahead &ahead);
    void add_outs(const Numbers &waiting, std::optional<Neighbour> kind, Ahead &ahead);
    const Anew *anew_of(const Key &key) const;
    Neighbour as_needed(Neighbour before, unsigned needs) const;
    void expand(const Key &key);
    std::uint32_t number_of(Key key);
    std::optional<SubsetOverflow> overflow() const;

    const Nfa &nfa_;
    SubsetLimits limits_;
    Alphabet alphabet_;
    Closure closure_;
    std::vector<std::uint8_t> needs_;  // of each step, and of those it leads to without a byte
    unsigned searched_needs_ = kNeedNothing;
    Numbers searched_;                          // patterns that may begin anywhere
    std::optional<std::uint32_t> remembered_;   // the only one of them
    std::array<Anew, kByteKinds.size()> anew_;  // by Neighbour
    Ahead ahead_;                               // of the state that is expanded
    std::unordered_map<Key, std::uint32_t, KeyHash> numbers_;
    std::vector<const Key *> keys_;
    std::size_t work_ = 0;
    Automaton automaton_;
};

// Backwards through steps that take no byte, as often as something changes: as often as loops are nested.
void Determiniser::find_needs() {
    needs_.assign(nfa_.steps.size(), kNeedNothing);
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t i = 0; i < nfa_.steps.size(); ++i) {
            const Nfa::Step &step = nfa_.steps[i];
            unsigned needs = kNeedNothing;
            if (step.op == Nfa::Op::split) {
                needs = needs_[step.out] | needs_[step.other];
            } else if (step.op == Nfa::Op::assertion) {
                const bool word =
                    step.assertion == Assertion::word_boundary || step.assertion == Assertion::not_word_boundary;
                const bool line = step.assertion == Assertion::begin_line;
                needs = needs_[step.out] | (word ? kNeedWord : kNeedNothing) | (line ? kNeedNewline : kNeedNothing);
            }
            changed = changed || needs != needs_[i];
            needs_[i] = static_cast<std::uint8_t>(needs);
        }
    }
}

// Patterns that match the beginning of the text whatever follows (`decided`) are not searched for, nor those that can
// begin at the edge only.
void Determiniser::find_searched(const Numbers &decided) {
    for (std::uint32_t pattern = 0; pattern < nfa_.starts.size(); ++pattern) {
        bool begins = false;
        for (const Neighbour before : kByteKinds) {
            closure_.begin();
            closure_.follow(nfa_.starts[pattern], before, std::nullopt);
            begins = begins || !closure_.waiting().empty() || !closure_.matched().empty();
        }
        if (begins && !std::ranges::binary_search(decided, pattern)) {
            searched_.push_back(pattern);
            searched_needs_ |= needs_[nfa_.starts[pattern]];
        }
    }
    if (searched_.size() == 1) {
        remembered_ = searched_.front();
    }
}

void Determiniser::prepare_anew() {
    for (const Neighbour before : kByteKinds) {
        Anew &anew = anew_[static_cast<std::size_t>(before)];
        closure_.begin();
        for (const std::uint32_t pattern : searched_) {
            closure_.follow(nfa_.starts[pattern], before, std::nullopt);
        }
        closure_.finish();
        anew.waiting = closure_.waiting();
        look_ahead(anew.waiting, before, anew.ahead);
    }
}

// Nothing begins anew at the start, where everything begins, nor when what was searched for has been found.
const Anew *Determiniser::anew_of(const Key &key) const {
    return key.before == Neighbour::edge || key.done ? nullptr : &anew_[static_cast<std::size_t>(key.before)];
}

Neighbour Determiniser::as_needed(Neighbour before, unsigned needs) const {
    const bool needed = (before == Neighbour::word && (needs & kNeedWord) != 0) ||
                        (before == Neighbour::newline && (needs & kNeedNewline) != 0);
    return needed ? before : Neighbour::other;
}

// Fills `ahead` with what follows `waiting`. Only assertions make a difference between kinds of bytes.
void Determiniser::look_ahead(const Numbers &waiting, Neighbour before, Ahead &ahead) {
    ahead.outs.resize(alphabet_.size());
    std::ranges::for_each(ahead.outs, &Numbers::clear);
    std::ranges::for_each(ahead.matched, &Numbers::clear);
    ahead.matched_at_end.clear();
    if (std::ranges::none_of(waiting, [&](auto step) { return nfa_.steps[step].op == Nfa::Op::assertion; })) {
        add_outs(waiting, std::nullopt, ahead);
        return;
    }
    const auto resolve = [&](Neighbour after) {
        closure_.begin();
        for (const std::uint32_t step : waiting) {
            closure_.follow(step, before, after);
        }
        closure_.finish();
    };
    for (const Neighbour kind : kByteKinds) {
        resolve(kind);
        add_outs(closure_.waiting(), kind, ahead);
        ahead.matched[static_cast<std::size_t>(kind)] = closure_.matched();
    }
    resolve(Neighbour::edge);
    ahead.matched_at_end = closure_.matched();
}

// `kind` empty: for classes of all kinds.
void Determiniser::add_outs(const Numbers &waiting, std::optional<Neighbour> kind, Ahead &ahead) {
    for (const std::uint32_t number : waiting) {
        const Nfa::Step &step = nfa_.steps[number];
        const std::vector<std::uint8_t> &classes = alphabet_.set_classes[step.set];
        work_ += classes.size();
        for (const std::uint8_t byte_class : classes) {
            if (!kind || alphabet_.kinds[byte_class] == *kind) {
                ahead.outs[byte_class].push_back(step.out);
            }
        }
    }
}

Key Determiniser::start_key() {
    closure_.begin();
    for (const std::uint32_t start : nfa_.starts) {
        closure_.follow(start, Neighbour::edge, std::nullopt);
    }
    closure_.finish();
    return {closure_.waiting(), automaton_.sets.number_of(closure_.matched()), Neighbour::edge, false};
}

// The state behind a byte of `byte_class`, from a state with `ahead_` and, where not null, `anew` ahead of it.
Key Determiniser::key_of(const Key &from, const Anew *anew, std::size_t byte_class) {
    const Neighbour kind = alphabet_.kinds[byte_class];
    const Anew &here = anew_[static_cast<std::size_t>(kind)];
    closure_.begin();
    const auto take = [&](const Ahead &ahead) {
        std::ranges::for_each(ahead.matched[static_cast<std::size_t>(kind)],
                              [&](auto pattern) { closure_.match(pattern); });
        std::ranges::for_each(ahead.outs[byte_class], [&](auto step) { closure_.follow(step, kind, std::nullopt); });
    };
    take(ahead_);
    if (anew != nullptr) {
        take(anew->ahead);
    }
    closure_.finish();
    Key key;
    key.done = from.done || (remembered_ && closure_.has_matched(*remembered_));
    key.visit = automaton_.sets.number_of(closure_.matched());
    unsigned needs = key.done ? kNeedNothing : searched_needs_;
    for (const std::uint32_t step : closure_.waiting()) {
        if (key.done || !std::ranges::binary_search(here.waiting, step)) {  // else it begins anew here anyway
            key.waiting.push_back(step);
            needs |= nfa_.steps[step].op == Nfa::Op::assertion ? needs_[step] : kNeedNothing;
        }
    }
    key.before = as_needed(kind, needs);
    return key;
}

std::uint32_t Determiniser::number_of(Key key) {
    const std::size_t size = key.waiting.size();
    const auto [place, is_new] = numbers_.try_emplace(std::move(key), static_cast<std::uint32_t>(keys_.size()));
    if (is_new) {
        keys_.push_back(&place->first);
        work_ += size * 4;  // what is kept weighs more than what is looked at
    }
    return place->second;
}

// Appends the row of a state.
void Determiniser::expand(const Key &key) {
    const Anew *anew = anew_of(key);
    look_ahead(key.waiting, key.before, ahead_);
    Numbers at_end = ahead_.matched_at_end;
    if (anew != nullptr) {
        Numbers both;
        std::ranges::set_union(at_end, anew->ahead.matched_at_end, std::back_inserter(both));
        at_end = std::move(both);
    }
    automaton_.visit.push_back(key.visit);
    automaton_.end.push_back(automaton_.sets.number_of(at_end));
    for (std::size_t byte_class = 0; byte_class < alphabet_.size(); ++byte_class) {
        automaton_.next.push_back(number_of(key_of(key, anew, byte_class)));
    }
}

std::optional<SubsetOverflow> Determiniser::overflow() const {
    if (keys_.size() > limits_.states) {
        return SubsetOverflow::states;
    }
    if (keys_.size() * alphabet_.size() > limits_.places) {
        return SubsetOverflow::places;
    }
    return work_ + closure_.work() > limits_.work ? std::optional(SubsetOverflow::work) : std::nullopt;
}

Result<Automaton, SubsetOverflow> Determiniser::run() {
    automaton_.class_of = alphabet_.class_of;
    automaton_.classes = alphabet_.size();
    find_needs();
    const Key start = start_key();
    find_searched(automaton_.sets[start.visit]);
    prepare_anew();
    number_of(start);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
        expand(*keys_[i]);
        if (const auto what = overflow()) {
            return *what;
        }
    }
    return std::move(automaton_);
}

}  // namespace

Result<Automaton, SubsetOverflow> determinise(const Nfa &nfa, const SubsetLimits &limits) {
    return Determiniser(nfa, limits).run();
}

}  // namespace sockwarden::pattern
