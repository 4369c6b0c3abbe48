// SPDX-License-Identifier: Apache-2.0
// A pattern over bytes as a tree: what the parsers of regular expressions, globs and literals make, and what automata
// are built from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/pattern/byte_set.h"

namespace sockwarden::pattern {

// What holds between two bytes, or at an edge of the text. Outside the text there is no word and no newline.
enum class Assertion : std::uint8_t { begin_text, end_text, begin_line, end_line, word_boundary, not_word_boundary };

// A node owns its children. An inner node's depth is what its parser limits, so that a tree can be walked recursively.
struct Node {
    enum class Kind : std::uint8_t {
        bytes,      // one byte out of `bytes`, which may be empty: then nothing matches
        assertion,  // `assertion`
        sequence,   // all children, one after the other; without children: the empty text
        choice,     // one of the children
        repeat,     // the one child, `least` to `most` times
    };
    static constexpr unsigned kUnlimited = ~0U;

    Kind kind = Kind::sequence;
    Assertion assertion{};
    unsigned least = 0, most = 0;
    ByteSet bytes;
    std::vector<Node> children;
};

// A pattern is searched for: a text matches where any part of it does. Anchors are assertions.
Node one_of(const ByteSet &bytes);
Node assert_that(Assertion assertion);
Node sequence_of(std::vector<Node> children);
Node choice_of(std::vector<Node> children);
Node repeat(Node child, unsigned least, unsigned most);

// Why a text is no pattern: the byte of it, counted from 0, and what was expected there. `message` ends without a full
// stop.
struct SyntaxError {
    std::size_t offset = 0;
    std::string message;
};

template <typename T>
using Parsed = Result<T, SyntaxError>;

}  // namespace sockwarden::pattern
