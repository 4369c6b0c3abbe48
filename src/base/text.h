// SPDX-License-Identifier: Apache-2.0
// Text from hostile bytes: what is valid UTF-8, what may reach a terminal, and the encodings of JSON and hex.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sockwarden {

using Bytes = std::span<const std::byte>;

inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char *>(bytes.data()), bytes.size()}; }
inline Bytes as_bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::byte *>(text.data()), text.size()};
}

// One UTF-8 sequence at the start of `text`: its length in bytes and code point. Length 0 where the bytes are not valid
// UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF). `text` must not be empty.
struct CodePoint {
    unsigned length;
    char32_t value;
};
CodePoint decode_utf8(std::string_view text);

// Valid UTF-8 without control characters other than \t \n \r: what record.md calls text.
bool is_plain_text(std::string_view text);

// Appends `text` as the inside of a JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_json_escaped(std::string &to, std::string_view text);
void append_json_string(std::string &to, std::string_view text);

void append_base64(std::string &to, Bytes bytes);
void append_hex(std::string &to, Bytes bytes);

// Appends what may be shown on a terminal: control characters, escapes, bidirectional overrides and other invisible
// format characters, and bytes that are not UTF-8 become visible escapes (\n, \x1b, \u{202e}). `width` is the most
// columns to use, counting one a code point; longer text ends in "…". Returns whether it was cut.
bool append_printable(std::string &to, std::string_view text, std::size_t width = std::string_view::npos);

// Sizes such as "64", "8K", "4M", "1G" in bytes, and durations such as "10s", "500ms", "2m", "1h" in nanoseconds.
// False where the text is neither.
bool parse_size(std::string_view text, std::uint64_t &bytes);
bool parse_duration(std::string_view text, std::uint64_t &nanoseconds);

}  // namespace sockwarden
