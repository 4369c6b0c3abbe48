// SPDX-License-Identifier: Apache-2.0
// The parser of regular expressions; see regex.h. Classes and escapes are in escape.cpp.
#include "policy/pattern/regex.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "policy/pattern/cursor.h"
#include "policy/pattern/escape.h"

namespace sockwarden::pattern {
namespace {

// What (?ims) switches, until the end of the group.
struct Flags {
    bool both_cases = false;
    bool multi_line = false;
    bool dot_is_any = false;
};

struct Bounds {
    unsigned least, most;
};

// A decimal number as it may stand in {n,m}: without leading zeros. Values past the limit of repeats are one past it.
std::optional<unsigned> take_number(Cursor &cursor) {
    const std::string_view rest = cursor.rest();
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (digits == 0 || (digits > 1 && rest[0] == '0')) {
        return std::nullopt;
    }
    unsigned value = 0;
    for (const char digit : rest.substr(0, digits)) {
        value = std::min(value * 10 + (digit - '0'), kMostRepeat + 1);
    }
    cursor.skip(digits);
    return value;
}

// {n}, {n,} or {n,m}. Anything else in braces is itself: takes nothing.
std::optional<Bounds> take_bounds(Cursor &cursor) {
    Cursor ahead = cursor;
    ahead.skip(1);
    const auto least = take_number(ahead);
    if (!least) {
        return std::nullopt;
    }
    Bounds bounds{*least, *least};
    if (ahead.take(",")) {
        bounds.most = Node::kUnlimited;
        if (!ahead.sees("}")) {
            const auto most = take_number(ahead);
            if (!most) {
                return std::nullopt;
            }
            bounds.most = *most;
        }
    }
    if (!ahead.take("}")) {
        return std::nullopt;
    }
    cursor = ahead;
    return bounds;
}

class Parser {
public:
    explicit Parser(std::string_view text) : cursor_(text) {}

    Parsed<Node> parse() {
        auto node = parse_choice();
        if (node && !cursor_.done()) {
            return SyntaxError{cursor_.offset(), "expected no ')' here: no group is open"};
        }
        return node;
    }

private:
    using Check = Result<Done, SyntaxError>;

    Parsed<Node> parse_choice();
    Parsed<Node> parse_sequence();
    Check parse_piece(std::vector<Node> &pieces);
    Check parse_backslash(std::vector<Node> &pieces);
    Check parse_group(std::vector<Node> &pieces);
    Parsed<bool> parse_group_head(Flags &inside);
    Check parse_name(char end);
    Parsed<bool> parse_flags(Flags &flags);
    bool at_repeat() const;
    Check parse_repeat(std::vector<Node> &pieces, bool repeated);

    Node literal(unsigned byte) const {
        const ByteSet set = byte_range(byte, byte);
        return one_of(flags_.both_cases ? with_both_cases(set) : set);
    }

    Cursor cursor_;
    Flags flags_;
    unsigned depth_ = 0;
    std::vector<std::string_view> names_;
};

Parsed<Node> Parser::parse_choice() {
    std::vector<Node> branches;
    do {
        auto branch = parse_sequence();
        if (!branch) {
            return branch;
        }
        branches.push_back(std::move(*branch));
    } while (cursor_.take("|"));
    return choice_of(std::move(branches));
}

Parsed<Node> Parser::parse_sequence() {
    std::vector<Node> pieces;
    for (bool repeated = false; !cursor_.done() && !cursor_.sees("|") && !cursor_.sees(")");) {
        const bool repeats = at_repeat();
        const Check check = repeats ? parse_repeat(pieces, repeated) : parse_piece(pieces);
        if (!check) {
            return check.error();
        }
        repeated = repeats;
    }
    return sequence_of(std::move(pieces));
}

bool Parser::at_repeat() const {
    Cursor ahead = cursor_;
    return cursor_.sees("*") || cursor_.sees("+") || cursor_.sees("?") || (cursor_.sees("{") && take_bounds(ahead));
}

Parser::Check Parser::parse_repeat(std::vector<Node> &pieces, bool repeated) {
    const std::size_t begin = cursor_.offset();
    Bounds bounds{0, Node::kUnlimited};
    if (cursor_.sees("{")) {
        bounds = *take_bounds(cursor_);
    } else {
        const char sign = cursor_.take();
        bounds = {sign == '+' ? 1U : 0U, sign == '?' ? 1U : Node::kUnlimited};
    }
    cursor_.take("?");  // lazy
    if (pieces.empty()) {
        return SyntaxError{begin, "expected something to repeat before this"};
    }
    if (repeated) {
        return SyntaxError{begin, "expected one repetition, not a second one of it; put the first in a group"};
    }
    if (bounds.least > kMostRepeat || (bounds.most != Node::kUnlimited && bounds.most > kMostRepeat)) {
        return SyntaxError{begin, fmt::format("expected at most {} repetitions", kMostRepeat)};
    }
    if (bounds.most < bounds.least) {
        return SyntaxError{begin, "expected bounds that rise"};
    }
    pieces.back() = repeat(std::move(pieces.back()), bounds.least, bounds.most);
    return Done{};
}

Parser::Check Parser::parse_piece(std::vector<Node> &pieces) {
    if (cursor_.sees("(")) {
        return parse_group(pieces);
    }
    if (cursor_.sees("\\")) {
        return parse_backslash(pieces);
    }
    if (cursor_.sees("[")) {
        const auto set = parse_class(cursor_, flags_.both_cases);
        if (!set) {
            return set.error();
        }
        pieces.push_back(one_of(*set));
        return Done{};
    }
    const char c = cursor_.take();
    if (c == '^') {
        pieces.push_back(assert_that(flags_.multi_line ? Assertion::begin_line : Assertion::begin_text));
    } else if (c == '$') {
        pieces.push_back(assert_that(flags_.multi_line ? Assertion::end_line : Assertion::end_text));
    } else if (c == '.') {
        pieces.push_back(one_of(flags_.dot_is_any ? ~ByteSet() : ~bytes_in("\n")));
    } else {
        pieces.push_back(literal(byte_value(c)));
    }
    return Done{};
}

Parser::Check Parser::parse_backslash(std::vector<Node> &pieces) {
    if (const auto set = take_perl_class(cursor_)) {
        pieces.push_back(one_of(*set));
    } else if (cursor_.take("\\Q")) {
        while (!cursor_.done() && !cursor_.take("\\E")) {
            pieces.push_back(literal(byte_value(cursor_.take())));
        }
    } else if (cursor_.take("\\A")) {
        pieces.push_back(assert_that(Assertion::begin_text));
    } else if (cursor_.take("\\z")) {
        pieces.push_back(assert_that(Assertion::end_text));
    } else if (cursor_.take("\\b")) {
        pieces.push_back(assert_that(Assertion::word_boundary));
    } else if (cursor_.take("\\B")) {
        pieces.push_back(assert_that(Assertion::not_word_boundary));
    } else if (cursor_.take("\\C")) {
        pieces.push_back(one_of(~ByteSet()));
    } else {
        cursor_.skip(1);
        const auto byte = parse_escape(cursor_);
        if (!byte) {
            return byte.error();
        }
        pieces.push_back(literal(*byte));
    }
    return Done{};
}

Parser::Check Parser::parse_group(std::vector<Node> &pieces) {
    const std::size_t begin = cursor_.offset();
    Flags inside = flags_;
    const auto opens = parse_group_head(inside);
    if (!opens) {
        return opens.error();
    }
    if (!*opens) {  // (?i)
        flags_ = inside;
        return Done{};
    }
    if (++depth_ > kMostDepth) {
        return SyntaxError{begin, fmt::format("expected at most {} groups inside each other", kMostDepth)};
    }
    const Flags outside = std::exchange(flags_, inside);
    auto node = parse_choice();
    if (!node) {
        return node.error();
    }
    if (!cursor_.take(")")) {
        return SyntaxError{cursor_.offset(), fmt::format("expected ')' for the '(' at byte {}", begin)};
    }
    flags_ = outside;
    --depth_;
    pieces.push_back(std::move(*node));
    return Done{};
}

// Whether a group opens; else flags were set for the rest of the one that is open.
Parsed<bool> Parser::parse_group_head(Flags &inside) {
    cursor_.skip(1);
    if (!cursor_.take("?")) {
        return true;
    }
    for (const std::string_view look : {"=", "!", "<=", "<!"}) {
        if (cursor_.sees(look)) {
            return SyntaxError{cursor_.offset(),
                               "expected no condition on what stands around: no automaton can look there"};
        }
    }
    if (cursor_.take("P<") || cursor_.take("<")) {
        const Check named = parse_name('>');
        return named ? Parsed<bool>(true) : named.error();
    }
    return parse_flags(inside);
}

Parser::Check Parser::parse_name(char end) {
    const std::size_t begin = cursor_.offset();
    const std::string_view name = cursor_.rest().substr(0, cursor_.rest().find(end));
    if (name.empty() || name.size() == cursor_.rest().size() ||
        !std::ranges::all_of(name, [](char c) { return is_word_byte(byte_value(c)); })) {
        return SyntaxError{begin, "expected the name of a group, letters, digits and '_', and '>'"};
    }
    if (std::ranges::count(names_, name) > 0) {
        return SyntaxError{begin, fmt::format("expected a name that no other group has: {}", name)};
    }
    names_.push_back(name);
    cursor_.skip(name.size() + 1);
    return Done{};
}

// i m s U and their negations behind '-', then ':' where a group opens, ')' where not.
Parsed<bool> Parser::parse_flags(Flags &flags) {
    bool value = true;
    bool any = true;  // a '-' must be followed by a flag
    while (!cursor_.done()) {
        const std::size_t begin = cursor_.offset();
        const char c = cursor_.take();
        if (c == '-' && value) {
            value = any = false;
        } else if ((c == ':' || c == ')') && any) {
            return c == ':';
        } else if (std::string_view("imsU").find(c) != std::string_view::npos) {
            any = true;
            flags.both_cases = c == 'i' ? value : flags.both_cases;
            flags.multi_line = c == 'm' ? value : flags.multi_line;
            flags.dot_is_any = c == 's' ? value : flags.dot_is_any;
        } else {
            return SyntaxError{begin, "expected flags out of i, m, s and U, then ':' or ')'"};
        }
    }
    return SyntaxError{cursor_.offset(), "expected flags out of i, m, s and U, then ':' or ')'"};
}

}  // namespace

Parsed<Node> parse_regex(std::string_view text) { return Parser(text).parse(); }

}  // namespace sockwarden::pattern
