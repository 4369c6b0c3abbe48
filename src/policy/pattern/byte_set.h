// SPDX-License-Identifier: Apache-2.0
// Sets of bytes: what one place of a pattern accepts.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sockwarden::pattern {

using ByteSet = std::bitset<256>;

inline unsigned byte_value(char c) { return static_cast<unsigned char>(c); }

// `first` to `last`, both included; both are bytes.
ByteSet byte_range(unsigned first, unsigned last);
// The bytes of `text`.
ByteSet bytes_in(std::string_view text);

// "alpha", "digit" … as [[:alpha:]] names them: ASCII only. Empty where there is no such class.
std::optional<ByteSet> posix_class(std::string_view name);
// What \d, \s and \w stand for; \v is not in \s (RE2 syntax). Empty for other letters.
std::optional<ByteSet> perl_class(char letter);

// Adds the other case of each letter, of Latin-1 as RE2 takes bytes for characters in that encoding. µ and ÿ have none
// there.
ByteSet with_both_cases(const ByteSet &set);

// [A-Za-z0-9_]: what \b tells from the rest.
inline bool is_word_byte(unsigned byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
}

}  // namespace sockwarden::pattern
