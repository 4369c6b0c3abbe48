// SPDX-License-Identifier: Apache-2.0
// Automata of patterns: many in one, fragments, what is decided early, how small they are, and what they may cost.
#include <gtest/gtest.h>

#include <chrono>

#include "policy/pattern/glob.h"
#include "policy/pattern/literal.h"
#include "policy/pattern/matcher.h"
#include "policy/patterns.h"

namespace sockwarden {
namespace {

using pattern::BudgetError;
using pattern::Dfa;
using pattern::Limits;
using pattern::Matcher;
using test::compiled;
using test::compiled_regexes;
using test::matching;

// How many bytes of `text` are read before it is decided; its length and one where it is not.
std::size_t read_of(const Dfa &dfa, std::string_view text) {
    Matcher matcher(dfa);
    std::size_t read = 0;
    while (!matcher.decided() && read < text.size()) {
        matcher.feed(text.substr(read++, 1));
    }
    return matcher.decided() ? read : text.size() + 1;
}

TEST(PatternDfa, ReportsManyAtOnce) {
    const Dfa dfa = compiled_regexes({"abc", "^ab", "bc$", "b", "", "^$", "\\bc", "(?m)^a$", "x"});
    EXPECT_EQ(matching(dfa, ""), "45");
    EXPECT_EQ(matching(dfa, "abc"), "01234");
    EXPECT_EQ(matching(dfa, "xabcab"), "0348");
    EXPECT_EQ(matching(dfa, "a\nbc c"), "3467");
    EXPECT_EQ(matching(dfa, "zbcz"), "34");
}

TEST(PatternDfa, NothingToMatch) {
    const Dfa dfa = compiled({});
    EXPECT_EQ(dfa.states(), 1U);
    EXPECT_EQ(read_of(dfa, "abc"), 0U);
    EXPECT_TRUE(Matcher(dfa).matched().empty());
}

TEST(PatternDfa, SetsPastAWord) {
    std::vector<pattern::Node> nodes;
    for (unsigned i = 0; i < 130; ++i) {
        nodes.push_back(pattern::equals(std::to_string(i)));
    }
    const Dfa dfa = compiled(nodes);
    EXPECT_EQ(dfa.set_words, 3U);
    for (unsigned i = 0; i < 130; ++i) {
        EXPECT_EQ(matching(dfa, std::to_string(i)), std::to_string(i));
    }
    EXPECT_EQ(matching(dfa, "130"), "");
}

TEST(PatternDfa, FragmentsMakeNoDifference) {
    const Dfa dfa = compiled_regexes({"a\\b", "\\Ba$", "(?m)^b", "b{2,3}c", "^(ab|b)*$", "c\\z", "(?m)c$"});
    for (const std::string_view text : {"abba", "a\nb", "abbbc", "ababab", "-a-\n\nbbc", "", "a", "c\nc"}) {
        const std::string whole = matching(dfa, text);
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            EXPECT_EQ(matching(dfa, text, cut), whole) << text << " cut at " << cut;
        }
        Matcher matcher(dfa);
        for (const char c : text) {
            matcher.feed({&c, 1});
            matcher.feed(std::string_view());
        }
        matcher.finish();
        for (std::size_t i = 0; i < dfa.patterns; ++i) {
            EXPECT_EQ(matcher.has_matched(i), whole.find(std::to_string(i)) != std::string::npos) << text;
        }
    }
}

TEST(PatternDfa, StopsWhenItIsDecided) {
    EXPECT_EQ(read_of(compiled({pattern::equals("abc")}), "xbc"), 1U);
    EXPECT_EQ(read_of(compiled({pattern::equals("abc")}), "abxc"), 3U);
    EXPECT_EQ(read_of(compiled({pattern::equals("abc")}), "abc"), 4U);  // one more byte would make it another
    EXPECT_EQ(read_of(compiled({pattern::starts_with("ab"), pattern::starts_with("abc")}), "abcx"), 3U);
    EXPECT_EQ(read_of(compiled_regexes({""}), "x"), 0U);
    EXPECT_EQ(read_of(compiled_regexes({"a*", "^"}), "x"), 0U);
    EXPECT_EQ(read_of(compiled_regexes({"bc"}), "abcdef"), 3U);
    EXPECT_EQ(read_of(compiled_regexes({"bc", "^ab"}), "abcdef"), 3U);
    EXPECT_EQ(read_of(compiled_regexes({"bc$"}), "abcdef"), 7U);
    EXPECT_EQ(read_of(compiled_regexes({"[^\\x00-\\xff]"}), "a"), 0U);
}

TEST(PatternDfa, DeadIsTold) {
    const Dfa dfa = compiled({pattern::equals("a")});
    Matcher matcher(dfa);
    EXPECT_TRUE(matcher.feed("a"));
    EXPECT_FALSE(matcher.feed("b"));
    EXPECT_FALSE(matcher.feed("a"));
    matcher.finish();
    EXPECT_FALSE(matcher.has_matched(0));
}

TEST(PatternDfa, PlainStatesNeedNoLook) {
    const Dfa dfa = compiled_regexes({"abc", "^ab", "bc$", "\\bx"});
    ASSERT_LE(dfa.plain, dfa.states());
    for (std::size_t state = 0; state < dfa.states(); ++state) {
        EXPECT_EQ(state < dfa.plain, dfa.visit[state] == 0 && dfa.dead[state] == 0) << state;
    }
    EXPECT_EQ(dfa.next.size(), dfa.states() * dfa.classes);
    for (const std::uint64_t word : dfa.set(0)) {
        EXPECT_EQ(word, 0U);
    }
}

void expect_equal(const Dfa &one, const Dfa &other, const std::string &what) {
    EXPECT_EQ(one.states(), other.states()) << what;
    EXPECT_EQ(one.class_of, other.class_of) << what;
    EXPECT_EQ(one.next, other.next) << what;
    EXPECT_EQ(one.visit, other.visit) << what;
    EXPECT_EQ(one.end, other.end) << what;
    EXPECT_EQ(one.sets, other.sets) << what;
}

TEST(PatternDfa, EqualLanguagesGiveEqualAutomata) {
    for (const auto &[one, other] : std::vector<std::pair<std::string, std::string>>{
             {"a+", "a"},
             {"^a+$", "^aa*$"},
             {"^(a|b)*$", "^[ab]*$"},
             {"^(a|b)*$", "^(?:b*a*)*$"},
             {"^(abc|abd|xbc|xbd)$", "^[ax]b[cd]$"},
             {"^a{3,5}$", "^aaa(a(a)?)?$"},
             {"abc|bc", "bc"},
             {"^(a*)*b?\\z", "\\Aa*(|b)$"},
             {"(?i)k", "[kK]"},
             {"(?s).*x", "x"},
             {"(?m)^a", "(?:^|\\n)a"},
             {"^(ab?|a)$", "^a(b|)$"},
             {"[\\x00-\\x7f]|[\\x80-\\xff]", "\\C"},
         }) {
        for (const std::string companion : {"", "^z$", "z$"}) {
            expect_equal(compiled_regexes({one, companion}), compiled_regexes({other, companion}),
                         one + " and " + other);
        }
    }
    // What cannot begin anywhere is not looked for again: beside another that is, it is remembered to have matched.
    expect_equal(compiled_regexes({"(?s)^.*x"}), compiled_regexes({"x"}), "from the beginning, and anywhere");
}

// The least numbers, counted by hand.
TEST(PatternDfa, IsSmall) {
    EXPECT_EQ(compiled({pattern::equals("abc")}).states(), 5U);  // of "", a, ab, abc, and nothing any more
    EXPECT_EQ(compiled({pattern::equals("abc")}).classes, 4U);
    EXPECT_EQ(compiled_regexes({"abc"}).states(), 5U);  // of "", a, ab, abc, and after it
    EXPECT_EQ(compiled_regexes({"^(a|b|c|d)$"}).states(), 3U);
    EXPECT_EQ(compiled_regexes({"^(a|b|c|d)$"}).classes, 2U);
    EXPECT_EQ(compiled_regexes({""}).states(), 2U);
    EXPECT_EQ(compiled_regexes({"(a|aa|aaa){1,5}b*"}).states(), 3U);
}

// Remembering which have matched would take 2^20 states.
TEST(PatternDfa, UnanchoredPatternsAreNotRemembered) {
    std::vector<std::string> texts;
    std::size_t bytes = 0;
    for (unsigned i = 0; i < 20; ++i) {
        texts.push_back(std::string(1, static_cast<char>('a' + i)) + "0123456789" + std::to_string(i));
        bytes += texts.back().size();
    }
    EXPECT_LE(compiled_regexes(texts).states(), bytes + 1);
}

BudgetError budget_error(const std::vector<std::string> &texts, const Limits &limits = {}) {
    const auto nodes = test::regexes(texts);
    const auto dfa = pattern::compile(nodes, limits);
    EXPECT_FALSE(dfa);
    return dfa ? BudgetError{} : dfa.error();
}

TEST(PatternDfa, NamesThePatternThatIsTooMuch) {
    Limits limits;
    limits.states = 20;
    const BudgetError states = budget_error({"^abcdefgh$", "^ijklmnop$", "^qrstuvwx$", "^y$"}, limits);
    EXPECT_EQ(states.what, BudgetError::What::states);
    EXPECT_EQ(states.pattern, 2U);
    EXPECT_EQ(states.count, 26U);  // three times 8, the start, and the dead one
    EXPECT_EQ(states.limit, 20U);
    EXPECT_EQ(states.message(), "needs 26 states together with those before it, of at most 20");

    limits = {};
    limits.table_bytes = 100;
    const BudgetError table = budget_error({"^a$", "^(bcdefgh)+$"}, limits);
    EXPECT_EQ(table.what, BudgetError::What::table_bytes);
    EXPECT_EQ(table.pattern, 1U);
    EXPECT_EQ(table.limit, 100U);
    EXPECT_EQ(table.count % (2 * 9), 0U);  // 9 classes of 2 bytes

    const BudgetError steps = budget_error({"a", "(x{1000}){30}", "b"});
    EXPECT_EQ(steps.what, BudgetError::What::nfa_steps);
    EXPECT_EQ(steps.pattern, 1U);
    EXPECT_GT(steps.count, steps.limit);
}

TEST(PatternDfa, TheBudgetItselfFits) {
    Limits limits;
    const auto nodes = test::regexes({"^abcdefgh$", "bcd"});
    const Dfa dfa = compiled(nodes);
    limits.states = dfa.states();
    limits.table_bytes = dfa.table_bytes();
    EXPECT_TRUE(pattern::compile(nodes, limits));
    --limits.states;
    EXPECT_FALSE(pattern::compile(nodes, limits));
    ++limits.states;
    --limits.table_bytes;
    EXPECT_FALSE(pattern::compile(nodes, limits));
}

TEST(PatternDfa, HostilePatternsAreRefusedSoon) {
    using What = BudgetError::What;
    const auto begin = std::chrono::steady_clock::now();
    for (const auto &[text, what] : std::vector<std::pair<std::string, What>>{
             {"(a{1000}){1000}", What::nfa_steps},
             {"((((((x{1000}){1000}){1000}){1000}){1000}){1000}){1000}", What::nfa_steps},
             {"(((((){1000}){1000}){1000}){1000}){1000}", What::nfa_steps},
             {"((((((|a){1000}){1000}){1000}){1000}){1000}){1000}", What::nfa_steps},
             {".*a.{20}", What::states_made},
             {"(.*a.{20})", What::states_made},
             {"^(.*a.{30}$)", What::states_made},
         }) {
        const BudgetError error = budget_error({"a", text, "b"});
        EXPECT_EQ(error.what, what) << text << ": " << error.message();
        EXPECT_EQ(error.pattern, 1U) << text;
    }
    EXPECT_EQ(budget_error({"x(?:a?){300}[ab]*(?:c?){900}y"}, {.work = 1'000'000}).what, What::work);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

}  // namespace
}  // namespace sockwarden
