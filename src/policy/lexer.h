// SPDX-License-Identifier: Apache-2.0
// An expression as words and signs.
#pragma once

#include <string>
#include <vector>

#include "policy/source_text.h"

namespace sockwarden::policy {

enum class TokenKind {
    end,
    name,     // process, startsWith
    integer,  // 42, 0x2a, -1
    string,   // 'a' or "a", its escapes undone
    true_,
    false_,
    in,
    and_,
    or_,
    not_,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    dot,
    comma,
    open,
    close,
    open_list,
    close_list,
};

struct Token {
    TokenKind kind = TokenKind::end;
    Span span;
    std::string text;         // of a name as it is spelled, of a string without quotes
    std::int64_t number = 0;  // of an integer
};

// Longer expressions are refused, so that what reads them need not fear their size.
inline constexpr std::size_t kLongestExpression = 16384;

// The last token is `end`.
Parsed<std::vector<Token>> lex(const SourceText &source);

}  // namespace sockwarden::policy
