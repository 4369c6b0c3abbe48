// SPDX-License-Identifier: Apache-2.0
// Escapes and classes; see escape.h. The syntax is that of RE2 (github.com/google/re2, wiki/Syntax).
#include "policy/pattern/escape.h"

#include <fmt/format.h>

namespace sockwarden::pattern {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr unsigned kMostByte = 0xff;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

std::optional<unsigned> hex_digit(char c) {
    const std::size_t digit = kHexDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 0x20) : c);
    return digit == std::string_view::npos ? std::nullopt : std::optional(static_cast<unsigned>(digit));
}

std::optional<unsigned> take_hex_digit(Cursor &cursor) {
    const auto digit = cursor.done() ? std::nullopt : hex_digit(cursor.rest().front());
    cursor.skip(digit ? 1 : 0);
    return digit;
}

// \x{41}, behind its brace.
Parsed<unsigned> parse_braced_hex(Cursor &cursor) {
    const std::size_t begin = cursor.offset();
    unsigned value = 0;
    while (const auto digit = take_hex_digit(cursor)) {
        value = value * 16 + *digit;
        if (value > kMostByte) {
            return SyntaxError{begin, "expected a byte: at most \\x{ff}, for patterns are matched byte by byte"};
        }
    }
    if (cursor.offset() == begin || !cursor.take("}")) {
        return SyntaxError{cursor.offset(), "expected hex digits and '}'"};
    }
    return value;
}

Parsed<unsigned> parse_hex(Cursor &cursor) {
    if (cursor.take("{")) {
        return parse_braced_hex(cursor);
    }
    const auto high = take_hex_digit(cursor);
    const auto low = high ? take_hex_digit(cursor) : std::nullopt;
    if (!low) {
        return SyntaxError{cursor.offset(), "expected two hex digits, or hex digits in braces, after \\x"};
    }
    return *high * 16 + *low;
}

// \0, \12, \101: one digit alone would refer to a group, which no automaton can do, except \0.
Parsed<unsigned> parse_octal(Cursor &cursor, char first) {
    const std::size_t begin = cursor.offset() - 1;
    unsigned value = first - '0';
    unsigned digits = 1;
    for (; digits < 3 && !cursor.done() && is_octal(cursor.rest().front()); ++digits) {
        value = value * 8 + (cursor.take() - '0');
    }
    if (digits == 1 && first != '0') {
        return SyntaxError{begin, "expected no reference to a group: a pattern cannot repeat what a group matched"};
    }
    if (value > kMostByte) {
        return SyntaxError{begin, "expected a byte: at most \\377"};
    }
    return value;
}

std::optional<unsigned> control_byte(char letter) {
    constexpr std::string_view kLetters = "afnrtv", kBytes = "\a\f\n\r\t\v";
    const std::size_t at = kLetters.find(letter);
    return at == std::string_view::npos ? std::nullopt : std::optional(byte_value(kBytes[at]));
}

// One end of a range, or a byte alone.
Parsed<unsigned> parse_class_byte(Cursor &cursor) {
    if (cursor.take("\\")) {
        return parse_escape(cursor);
    }
    return byte_value(cursor.take());
}

Parsed<ByteSet> parse_class_range(Cursor &cursor) {
    const std::size_t begin = cursor.offset();
    const auto first = parse_class_byte(cursor);
    if (!first) {
        return first.error();
    }
    const bool is_range = cursor.rest().size() >= 2 && cursor.sees("-") && !cursor.sees("-]");
    if (!is_range) {
        return byte_range(*first, *first);
    }
    cursor.skip(1);
    const auto last = parse_class_byte(cursor);
    if (!last) {
        return last.error();
    }
    if (*last < *first) {
        return SyntaxError{begin,
                           fmt::format("expected a range that rises: \\x{:02x} is after \\x{:02x}", *first, *last)};
    }
    return byte_range(*first, *last);
}

Parsed<ByteSet> parse_class_item(Cursor &cursor, bool both_cases) {
    const auto posix = take_posix_class(cursor, both_cases);
    if (!posix) {
        return posix.error();
    }
    if (*posix) {
        return **posix;
    }
    if (const auto perl = take_perl_class(cursor)) {
        return *perl;
    }
    const auto range = parse_class_range(cursor);
    if (!range) {
        return range.error();
    }
    return both_cases ? with_both_cases(*range) : *range;
}

}  // namespace

Parsed<unsigned> parse_escape(Cursor &cursor) {
    const std::size_t begin = cursor.offset();
    if (cursor.done()) {
        return SyntaxError{begin, "expected a character after the backslash"};
    }
    const char c = cursor.take();
    if (c == 'x') {
        return parse_hex(cursor);
    }
    if (is_octal(c)) {
        return parse_octal(cursor, c);
    }
    if (const auto byte = control_byte(c)) {
        return *byte;
    }
    if (c == 'p' || c == 'P') {
        return SyntaxError{begin, "expected no class of Unicode: patterns are matched byte by byte"};
    }
    const unsigned byte = byte_value(c);
    if (byte >= 0x80 || (is_word_byte(byte) && c != '_')) {
        return SyntaxError{begin, "expected an escape that has a meaning here"};
    }
    return byte;
}

std::optional<ByteSet> take_perl_class(Cursor &cursor) {
    const std::string_view rest = cursor.rest();
    if (rest.size() < 2 || rest[0] != '\\') {
        return std::nullopt;
    }
    const bool negated = rest[1] >= 'A' && rest[1] <= 'Z';
    auto set = perl_class(negated ? static_cast<char>(rest[1] + 0x20) : rest[1]);
    if (set) {
        cursor.skip(2);
        *set = negated ? ~*set : *set;
    }
    return set;
}

Parsed<std::optional<ByteSet>> take_posix_class(Cursor &cursor, bool both_cases) {
    const std::size_t end = cursor.sees("[:") ? cursor.rest().find(":]", 2) : std::string_view::npos;
    if (end == std::string_view::npos) {
        return std::optional<ByteSet>();
    }
    std::string_view name = cursor.rest().substr(2, end - 2);
    const bool negated = name.starts_with('^');
    name.remove_prefix(negated ? 1 : 0);
    auto set = posix_class(name);
    if (!set) {
        return SyntaxError{cursor.offset(), "expected the name of a class, such as [:alpha:]"};
    }
    cursor.skip(end + 2);
    *set = both_cases ? with_both_cases(*set) : *set;
    *set = negated ? ~*set : *set;
    return set;
}

Parsed<ByteSet> parse_class(Cursor &cursor, bool both_cases) {
    const std::size_t begin = cursor.offset();
    cursor.skip(1);
    const bool negated = cursor.take("^");
    ByteSet set;
    for (bool first = true; first || !cursor.take("]"); first = false) {  // a ']' in the first place is a byte
        if (cursor.done()) {
            return SyntaxError{cursor.offset(), fmt::format("expected ']' for the '[' at byte {}", begin)};
        }
        const auto item = parse_class_item(cursor, both_cases);
        if (!item) {
            return item.error();
        }
        set |= *item;
    }
    return negated ? ~set : set;
}

}  // namespace sockwarden::pattern
