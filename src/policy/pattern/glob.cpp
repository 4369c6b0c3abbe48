// SPDX-License-Identifier: Apache-2.0
// The parser of globs; see glob.h.
#include "policy/pattern/glob.h"

#include <fmt/format.h>

#include "policy/pattern/cursor.h"
#include "policy/pattern/escape.h"

namespace sockwarden::pattern {
namespace {

const ByteSet kNotSlash = ~bytes_in("/");

// A backslash takes away the meaning of any byte, letters too: a glob has no escapes such as \n.
Parsed<unsigned> parse_byte(Cursor &cursor) {
    if (cursor.take("\\") && cursor.done()) {
        return SyntaxError{cursor.offset(), "expected a character after the backslash"};
    }
    return byte_value(cursor.take());
}

Parsed<ByteSet> parse_range(Cursor &cursor) {
    const std::size_t begin = cursor.offset();
    const auto first = parse_byte(cursor);
    if (!first) {
        return first.error();
    }
    if (cursor.rest().size() < 2 || !cursor.sees("-") || cursor.sees("-]")) {
        return byte_range(*first, *first);
    }
    cursor.skip(1);
    const auto last = parse_byte(cursor);
    if (!last) {
        return last.error();
    }
    if (*last < *first) {
        return SyntaxError{begin, "expected a range that rises"};
    }
    return byte_range(*first, *last);
}

// […], behind its bracket.
Parsed<Node> parse_set(Cursor &cursor) {
    const std::size_t begin = cursor.offset() - 1;
    const bool negated = cursor.take("!") || cursor.take("^");
    ByteSet set;
    for (bool first = true; first || !cursor.take("]"); first = false) {  // a ']' in the first place is a byte
        if (cursor.done()) {
            return SyntaxError{cursor.offset(), fmt::format("expected ']' for the '[' at byte {}", begin)};
        }
        const auto named = take_posix_class(cursor, false);
        if (!named) {
            return named.error();
        }
        const auto item = *named ? Parsed<ByteSet>(**named) : parse_range(cursor);
        if (!item) {
            return item.error();
        }
        set |= *item;
    }
    return one_of((negated ? ~set : set) & kNotSlash);
}

Parsed<Node> parse_piece(Cursor &cursor) {
    if (cursor.take("**")) {
        return repeat(one_of(~ByteSet()), 0, Node::kUnlimited);
    }
    if (cursor.take("*")) {
        return repeat(one_of(kNotSlash), 0, Node::kUnlimited);
    }
    if (cursor.take("?")) {
        return one_of(kNotSlash);
    }
    if (cursor.take("[")) {
        return parse_set(cursor);
    }
    const auto byte = parse_byte(cursor);
    return byte ? Parsed<Node>(one_of(byte_range(*byte, *byte))) : byte.error();
}

}  // namespace

Parsed<Node> parse_glob(std::string_view text) {
    Cursor cursor(text);
    std::vector<Node> nodes;
    nodes.push_back(assert_that(Assertion::begin_text));
    while (!cursor.done()) {
        auto piece = parse_piece(cursor);
        if (!piece) {
            return piece;
        }
        nodes.push_back(std::move(*piece));
    }
    nodes.push_back(assert_that(Assertion::end_text));
    return sequence_of(std::move(nodes));
}

}  // namespace sockwarden::pattern
