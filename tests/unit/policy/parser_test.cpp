// SPDX-License-Identifier: Apache-2.0
// The lexer and the parser: what an expression is understood as, and what is said where it is not.
#include "policy/parser.h"

#include <gtest/gtest.h>

#include "expressions.h"
#include "policy/lexer.h"

namespace sockwarden::policy {
namespace {

using test::parsed;

struct Row {
    std::string_view expression, result;
};
void PrintTo(const Row &row, std::ostream *to) { *to << row.expression; }

class Understood : public testing::TestWithParam<Row> {};
TEST_P(Understood, As) { EXPECT_EQ(parsed(GetParam().expression), GetParam().result); }

// From weak to strong: || && comparisons ! and methods.
constexpr Row kPrecedence[] = {
    {"a || b && c", "(or a (and b c))"},
    {"a && b || c", "(or (and a b) c)"},
    {"a && b || c && d", "(or (and a b) (and c d))"},
    {"(a || b) && c", "(and (or a b) c)"},
    {"a || b || c", "(or a b c)"},
    {"a && b && c", "(and a b c)"},
    {"a && (b && c)", "(and a (and b c))"},
    {"!a && b", "(and (not a) b)"},
    {"!a || b", "(or (not a) b)"},
    {"!(a && b)", "(not (and a b))"},
    {"!!a", "(not (not a))"},
    {"a == 1 && b != 2", "(and (equal a 1) (not_equal b 2))"},
    {"a < 1 || b >= 2 && c", "(or (less a 1) (and (greater_equal b 2) c))"},
    {"!(a == 1)", "(not (equal a 1))"},
    {"!a.startsWith('x') && b", "(and (not (starts_with a 'x')) b)"},
    {"a in [1] || b", "(or (in a [1]) b)"},
    {"((a))", "a"},
    {"(a) == (1)", "(equal a 1)"},
};
INSTANTIATE_TEST_SUITE_P(Precedence, Understood, testing::ValuesIn(kPrecedence));

constexpr Row kForms[] = {
    {"true", "true"},
    {"false && a.b.c", "(and false a.b.c)"},
    {"a == 0x1F", "(equal a 31)"},
    {"a == -1", "(equal a -1)"},
    {"a == 9223372036854775807", "(equal a 9223372036854775807)"},
    {"5 < a", "(greater a 5)"},
    {"5 <= a", "(greater_equal a 5)"},
    {"5 > a", "(less a 5)"},
    {"5 >= a", "(less_equal a 5)"},
    {"'x' == a", "(equal a 'x')"},
    {"'x' != a", "(not_equal a 'x')"},
    {"a == b", "(equal a b)"},
    {R"(a == 'it\'s')", "(equal a 'it's')"},
    {R"(a == "\"\\\n\r\t\x41")", "(equal a '\"\\\n\r\tA')"},
    {"a == \"it's\"", "(equal a 'it's')"},
    {"a == 'gr\xc3\xbc\xc3\x9f'", "(equal a 'gr\xc3\xbc\xc3\x9f')"},
    {"a == ''", "(equal a '')"},
    {"a in []", "(in a [])"},
    {"a in [1, 2,3]", "(in a [1 2 3])"},
    {"a in ['x',]", "(in a ['x'])"},
    {"a in lists.names", "(in a [names:])"},
    {"'MSG_PEEK' in args.flags", "(holds args.flags 'MSG_PEEK')"},
    {"a.b.contains('x')", "(contains a.b 'x')"},
    {"a.endsWith('x')", "(ends_with a 'x')"},
    {"a.matches('x')", "(matches a 'x')"},
    {"a.glob('x')", "(glob a 'x')"},
    {"a.inCidr('x')", "(in_cidr a 'x')"},
    {"has(a.b)", "(has a.b)"},
    {"fds.exists(f, f.type == 'block' || b)", "(exists fds f (or (equal f.type 'block') b))"},
    {"senders.all(s, true)", "(all senders s true)"},
    {" \t\r\na\n", "a"},
};
INSTANTIATE_TEST_SUITE_P(Forms, Understood, testing::ValuesIn(kForms));

constexpr Row kErrors[] = {
    {"", "1: expected a condition, and the expression ends"},
    {"a &&", "5: expected a condition, and the expression ends"},
    {"a && && b", "6: expected a fact, and this is &&"},
    {"a b", "3: unexpected b"},
    {"a and b", "3: unexpected and; did you mean &&?"},
    {"a or b", "3: unexpected or; did you mean ||?"},
    {"not a", "1: there is no fact not; did you mean !?"},
    {"a = 1", "3: unexpected =; did you mean ==?"},
    {"a & b", "3: unexpected &; did you mean &&?"},
    {"a | b", "3: unexpected |; did you mean ||?"},
    {"a == 1 # x", "8: unexpected #; comments stand outside"},
    {"a $ b", "3: unexpected $"},
    {"a == \xc3\xbc", "6: unexpected byte 0xc3; such bytes may stand in strings"},
    {"a == 'x", "6: this string has no end; close it with '"},
    {"a == \"x'", "6: this string has no end; close it with \""},
    {"a == 'x\n'", "6: this string has no end; close it with '"},
    {R"(a == '\d')",
     R"(7: an escape is one of \\ \' \" \n \r \t and \x with two hex digits; for a backslash and d, write \\d)"},
    {R"(a == '\x4')", R"(7: \x wants two hex digits; for the byte 10, write \x0a)"},
    {R"(a == '\)", R"(7: an escape is one of \\ \' \" \n \r \t and \x with two hex digits)"},
    {"a == 010",
     "6: the number 010 begins with 0, and is not taken for octal; write it in decimal, or in hex behind 0x"},
    {"a == 12k", "6: 12k is not a number"},
    {"a == 0x", "6: 0x is not a number"},
    {"a == 9223372036854775808", "6: the number 9223372036854775808 is too large"},
    {"a < b < c", "7: unexpected <; comparisons do not chain; write a < b && b < c"},
    {"!a == 1",
     "4: == stands between a fact and a value, and this is a condition; ! binds more tightly: write !(a == b)"},
    {"(a && b) == true",
     "10: == stands between a fact and a value, and this is a condition; join conditions with && and ||"},
    {"1 == 1", "1: expected a fact on one side"},
    {"a == [1]", "6: a list can only stand behind in"},
    {"a in b", "3: expected a list behind in; write [a, b] or lists.NAME; a flag stands before its fact"},
    {"1 in [1]", "1: expected a fact before in"},
    {"a in [b]", "7: expected a value of the list, and this is b; lists hold numbers or strings"},
    {"a in [1 2]", "9: expected , or ], and this is 2"},
    {"a in [1", "8: expected , or ], and this is end of the expression"},
    {"(a", "3: expected ), and this is end of the expression"},
    {"a)", "2: unexpected )"},
    {"a.", "3: expected a name behind the dot, and this is end of the expression"},
    {"a.1", "3: expected a name behind the dot, and this is 1"},
    {"a.startWith('x')", "3: there is no method .startWith(); did you mean .startsWith()?"},
    {"a.zzz('x')", "3: there is no method .zzz()"},
    {"a.contains(b)", "12: expected a string in .contains(), and this is b"},
    {"a.contains('x', 'y')", "15: expected ), and this is ,"},
    {"'x'.contains(a)", "1: expected a fact before a method; write FACT.startsWith('…'), the value in the parentheses"},
    {"size(fds) > 0", "1: there is no function size; functions are has(FACT), and methods: FACT.startsWith('…')"},
    {"has('a')", "8: expected a fact in has()"},
    {"fds.exists('x')",
     "12: expected a name for the element, and this is 'x'; write fds.exists(x, CONDITION), with x.FACT in the "
     "condition"},
    {"fds.all(f)",
     "9: expected a name for the element, and this is f; write fds.all(x, CONDITION), with x.FACT in the condition"},
    {"'x'", "1: expected a condition, and this is a string"},
    {"1 && a", "1: expected a condition, and this is a number"},
    {"[1]", "1: expected a condition, and this is a list"},
    {"a &&\n  b = 1", "2:5: unexpected =; did you mean ==?"},
};
INSTANTIATE_TEST_SUITE_P(Errors, Understood, testing::ValuesIn(kErrors));

std::string repeated(std::string_view part, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) {
        text += part;
    }
    return text;
}

TEST(Parser, DepthIsLimited) {
    for (const std::string_view opening : {"(", "!", "fds.exists(f, "}) {
        const std::string closing = opening == "!" ? "" : ")";
        const auto nested = [&](std::size_t depth) {
            return parsed(repeated(opening, depth) + "a" + repeated(closing, depth));
        };
        EXPECT_EQ(nested(kDeepest).find("deep"), std::string::npos) << opening;
        EXPECT_NE(nested(kDeepest + 1).find("an expression is at most 64 deep"), std::string::npos) << opening;
        EXPECT_NE(nested(kLongestExpression / 32).find("an expression is at most 64 deep"), std::string::npos);
    }
}

TEST(Parser, LengthIsLimited) {
    const std::string longest = repeated("a||", kLongestExpression / 3 - 1) + "a";
    EXPECT_EQ(parsed(longest).substr(0, 7), "(or a a");
    EXPECT_EQ(parsed(longest + std::string(kLongestExpression, ' ')),
              "1: an expression has at most 16384 bytes, and this has " +
                  std::to_string(longest.size() + kLongestExpression));
}

TEST(Lexer, TokensKnowTheirBytes) {
    const SourceText source = plain_source("ab<='c\\n'");
    const auto tokens = lex(source);
    ASSERT_TRUE(tokens);
    ASSERT_EQ(tokens->size(), 4U);
    const std::pair<std::uint32_t, std::uint32_t> wanted[] = {{0, 2}, {2, 4}, {4, 9}, {9, 9}};
    for (std::size_t i = 0; i < tokens->size(); ++i) {
        EXPECT_EQ((*tokens)[i].span.begin, wanted[i].first) << i;
        EXPECT_EQ((*tokens)[i].span.end, wanted[i].second) << i;
    }
    EXPECT_EQ((*tokens)[2].text, "c\n");
}

}  // namespace
}  // namespace sockwarden::policy
