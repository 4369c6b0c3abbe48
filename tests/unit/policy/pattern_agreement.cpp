// SPDX-License-Identifier: Apache-2.0
// Compares with RE2 on patterns and texts made at random: `pattern_agreement [PAIRS [SEED]]`. Fails where the two
// differ, and where so few pairs match, or do not, that agreement would say little.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "policy/grown_pattern.h"
#include "policy/pattern/matcher.h"
#include "policy/pattern/regex.h"

namespace sockwarden {
namespace {

using pattern::Dfa;
using pattern::Matcher;
using pattern::Node;
using test::below;
using test::Random;

constexpr std::size_t kPatterns = 5, kTexts = 10;  // of one round
constexpr std::size_t kShown = 10;

std::string shown(std::string_view text) {
    std::string to;
    append_printable(to, text);
    return to;
}

std::unique_ptr<RE2> re2_of(const std::string &text) {
    RE2::Options options(RE2::Latin1);
    options.set_log_errors(false);
    return std::make_unique<RE2>(text, options);
}

// One pattern, compiled by both and alone.
struct Subject {
    std::string text, sample;
    std::unique_ptr<RE2> re2;
    Dfa alone;
};

class Comparison {
public:
    explicit Comparison(std::uint64_t seed) : random_(seed) {}

    void round();
    std::size_t pairs() const { return matching_ + other_; }
    bool report() const;

private:
    void compare_syntax(const std::string &text);
    std::vector<Subject> grow(std::vector<Node> &nodes);
    void compare(const std::vector<Subject> &subjects, const Dfa &together, const std::string &text);
    std::vector<bool> run(const Dfa &dfa, std::string_view text);
    void fail(const std::string &what) {
        if (failures_++ < kShown) {
            fmt::print("{}\n", what);
        }
    }

    Random random_;
    std::size_t matching_ = 0, other_ = 0, valid_ = 0, invalid_ = 0, over_budget_ = 0, failures_ = 0;
};

// RE2 takes letters of Latin-1 in names.
bool has_foreign_name(std::string_view text) {
    const std::size_t begin = text.find("(?P<");
    const auto is_foreign = [](char c) { return pattern::byte_value(c) >= 0x80; };
    return begin != std::string_view::npos && std::ranges::any_of(text.substr(begin), is_foreign);
}

// Syntax that only one of the two takes, as regex.h says, is left out. RE2 also bounds the product of nested
// repetitions, where this project bounds the automaton.
bool comparable(const std::string &text, const RE2 &re2) {
    return text.find("\\p") == std::string::npos && text.find("\\P") == std::string::npos &&
           text.find("(?<") == std::string::npos && !(re2.ok() && has_foreign_name(text)) &&
           re2.error_code() != RE2::ErrorRepeatSize && re2.error_code() != RE2::ErrorPatternTooLarge;
}

void Comparison::compare_syntax(const std::string &text) {
    const auto re2 = re2_of(text);
    const auto node = pattern::parse_regex(text);
    if (!comparable(text, *re2)) {
        return;
    }
    ++(re2->ok() ? valid_ : invalid_);
    if (re2->ok() != static_cast<bool>(node)) {
        fail(fmt::format("syntax of {}: RE2 says \"{}\", this \"{}\"", shown(text), re2->error(),
                         node ? "" : node.error().message));
    }
    if (!node && node.error().offset > text.size()) {
        fail(fmt::format("syntax of {}: error at byte {}", shown(text), node.error().offset));
    }
}

std::vector<Subject> Comparison::grow(std::vector<Node> &nodes) {
    std::vector<Subject> subjects;
    while (subjects.size() < kPatterns) {
        auto [text, sample] = test::grow_pattern(random_);
        compare_syntax(text);
        compare_syntax(test::nearly(random_, text));
        auto node = pattern::parse_regex(text);
        auto re2 = re2_of(text);
        if (!node || !re2->ok()) {
            continue;
        }
        auto alone = pattern::compile({&*node, 1});
        if (!alone) {
            ++over_budget_;
            continue;
        }
        nodes.push_back(std::move(*node));
        subjects.push_back({std::move(text), std::move(sample), std::move(re2), std::move(*alone)});
    }
    return subjects;
}

// Which patterns match, fed in two fragments cut at random.
std::vector<bool> Comparison::run(const Dfa &dfa, std::string_view text) {
    const std::size_t cut = below(random_, text.size() + 1);
    Matcher matcher(dfa);
    matcher.feed(text.substr(0, cut));
    matcher.feed(text.substr(cut));
    matcher.finish();
    std::vector<bool> matched(dfa.patterns);
    for (std::size_t i = 0; i < matched.size(); ++i) {
        matched[i] = matcher.has_matched(i);
    }
    return matched;
}

void Comparison::compare(const std::vector<Subject> &subjects, const Dfa &together, const std::string &text) {
    const std::vector<bool> all = run(together, text);
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        const bool expected = RE2::PartialMatch(text, *subjects[i].re2);
        ++(expected ? matching_ : other_);
        if (run(subjects[i].alone, text)[0] != expected) {
            fail(fmt::format("{} on \"{}\": RE2 says {}", shown(subjects[i].text), shown(text), expected));
        }
        if (all[i] != expected) {
            fail(
                fmt::format("{} on \"{}\", among others: RE2 says {}", shown(subjects[i].text), shown(text), expected));
        }
    }
}

void Comparison::round() {
    std::vector<Node> nodes;
    const std::vector<Subject> subjects = grow(nodes);
    const auto together = pattern::compile(nodes);
    if (!together) {
        ++over_budget_;
        return;
    }
    for (std::size_t i = 0; i < kTexts; ++i) {
        compare(subjects, *together, test::text_around(random_, subjects[i % subjects.size()].sample));
    }
}

bool Comparison::report() const {
    fmt::print("{} pairs: {} match, {} do not; syntax of {} texts: {} right, {} wrong; {} over budget; {} differ\n",
               pairs(), matching_, other_, valid_ + invalid_, valid_, invalid_, over_budget_, failures_);
    const bool telling = matching_ * 10 >= pairs() && other_ * 10 >= pairs() && invalid_ * 10 >= valid_;
    if (!telling) {
        fmt::print("one side is less than a tenth\n");
    }
    return failures_ == 0 && telling && over_budget_ * 100 <= pairs();
}

}  // namespace
}  // namespace sockwarden

int main(int argc, char **argv) {
    const std::size_t pairs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20'000;
    const std::size_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    sockwarden::Comparison comparison(seed);
    while (comparison.pairs() < pairs) {
        comparison.round();
    }
    return comparison.report() ? 0 : 1;
}
