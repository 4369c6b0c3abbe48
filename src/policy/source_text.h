// SPDX-License-Identifier: Apache-2.0
// Text that a person wrote, where it stands in its file, and what is wrong with it there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sockwarden::policy {

// Counted from 1; columns are bytes.
struct Place {
    std::uint32_t line = 1, column = 1;
    bool operator==(const Place &) const = default;
};

// What is wrong: the message says what was found or expected, the hint what to write instead; it may be empty. Both
// begin in lower case and end without a full stop.
struct Mistake {
    Place place;
    std::string message, hint;
};
using Mistakes = std::vector<Mistake>;

// Those at one place stay in their order.
void sort_by_place(Mistakes &mistakes);

// What one mistake makes impossible to read on: a value, or the mistake.
template <typename T>
using Parsed = Result<T, Mistake>;

// "FILE:7:21: MESSAGE; HINT"
std::string mistake_text(std::string_view file, const Mistake &mistake);
// "did you mean NEAREST?", or empty where none is near.
std::string nearest_hint(std::string_view word, const std::vector<std::string_view> &candidates);

// `places` has one for each byte of `text` and one for its end: text that stood quoted or folded in its file is not
// the bytes that stand there.
struct SourceText {
    std::string text;
    std::vector<Place> places;
};

// Text that stands alone: its first byte is line 1, column 1.
SourceText plain_source(std::string text);

// Bytes of a text: `begin` is the first, `end` the one behind the last.
struct Span {
    std::uint32_t begin = 0, end = 0;
};

}  // namespace sockwarden::policy
