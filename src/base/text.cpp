// SPDX-License-Identifier: Apache-2.0
// Text from hostile bytes; see text.h.
#include "base/text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <iterator>

namespace sockwarden {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// What a JSON writer must do with a byte: 0 copy, 'u' \u00XX, 8 look at the UTF-8 sequence, else \ and this letter.
constexpr std::array<char, 256> kJsonAction = [] {
    std::array<char, 256> table{};
    for (int i = 0; i < 0x20; ++i) {
        table[i] = 'u';
    }
    table['\b'] = 'b';
    table['\f'] = 'f';
    table['\n'] = 'n';
    table['\r'] = 'r';
    table['\t'] = 't';
    table['"'] = '"';
    table['\\'] = '\\';
    table[0x7f] = 'u';
    for (int i = 0x80; i < 0x100; ++i) {
        table[i] = 8;
    }
    return table;
}();

bool continuation(std::string_view text, std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
}

// Characters that show nothing or change how others are shown: C1 controls, soft hyphen, bidirectional marks,
// embeddings, overrides and isolates, zero-width and line-separating characters, tags, the byte order mark.
bool is_deceptive(char32_t c) {
    return (c >= 0x80 && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

}  // namespace

CodePoint decode_utf8(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) {
        return {1, first};
    }
    auto bits = [&](std::size_t at) { return static_cast<char32_t>(static_cast<unsigned char>(text[at]) & 0x3f); };
    if (first >= 0xc2 && first <= 0xdf && continuation(text, 1)) {
        return {2, (static_cast<char32_t>(first & 0x1f) << 6) | bits(1)};
    }
    if ((first & 0xf0) == 0xe0 && continuation(text, 1) && continuation(text, 2)) {
        const char32_t c = (static_cast<char32_t>(first & 0x0f) << 12) | (bits(1) << 6) | bits(2);
        if (c >= 0x800 && (c < 0xd800 || c > 0xdfff)) {
            return {3, c};
        }
    }
    if (first >= 0xf0 && first <= 0xf4 && continuation(text, 1) && continuation(text, 2) && continuation(text, 3)) {
        const char32_t c = (static_cast<char32_t>(first & 0x07) << 18) | (bits(1) << 12) | (bits(2) << 6) | bits(3);
        if (c >= 0x10000 && c <= 0x10ffff) {
            return {4, c};
        }
    }
    return {0, 0};
}

bool is_plain_text(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const auto c = static_cast<unsigned char>(text[at]);
        if (c >= 0x20 && c < 0x7f) {
            ++at;
            continue;
        }
        if (c < 0x80) {
            if (c != '\t' && c != '\n' && c != '\r') {
                return false;
            }
            ++at;
            continue;
        }
        const CodePoint point = decode_utf8(text.substr(at));
        if (point.length == 0 || point.value < 0xa0) {
            return false;
        }
        at += point.length;
    }
    return true;
}

void append_json_escaped(std::string &to, std::string_view text) {
    std::size_t start = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto c = static_cast<unsigned char>(text[at]);
        const char action = kJsonAction[c];
        if (action == 0) {
            ++at;
            continue;
        }
        if (action == 8) {
            const CodePoint point = decode_utf8(text.substr(at));
            if (point.length != 0) {
                at += point.length;
                continue;
            }
        }
        to.append(text, start, at - start);
        if (action == 8) {
            to += "\xef\xbf\xbd";
        } else if (action == 'u') {
            to += "\\u00";
            to += kHex[c >> 4];
            to += kHex[c & 15];
        } else {
            to += '\\';
            to += action;
        }
        start = ++at;
    }
    to.append(text, start, text.size() - start);
}

void append_json_string(std::string &to, std::string_view text) {
    to += '"';
    append_json_escaped(to, text);
    to += '"';
}

void append_base64(std::string &to, Bytes bytes) {
    constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
    std::size_t i = 0;
    for (; i + 2 < bytes.size(); i += 3) {
        const std::uint32_t three = (at(i) << 16) | (at(i + 1) << 8) | at(i + 2);
        const char four[] = {kLetters[three >> 18], kLetters[(three >> 12) & 63], kLetters[(three >> 6) & 63],
                             kLetters[three & 63]};
        to.append(four, 4);
    }
    if (i < bytes.size()) {
        const bool two = i + 1 < bytes.size();
        const std::uint32_t rest = (at(i) << 16) | (two ? at(i + 1) << 8 : 0);
        to += kLetters[rest >> 18];
        to += kLetters[(rest >> 12) & 63];
        to += two ? kLetters[(rest >> 6) & 63] : '=';
        to += '=';
    }
}

void append_hex(std::string &to, Bytes bytes) {
    for (const std::byte b : bytes) {
        const auto value = std::to_integer<unsigned>(b);
        to += kHex[value >> 4];
        to += kHex[value & 15];
    }
}

bool append_printable(std::string &to, std::string_view text, std::size_t width) {
    std::size_t used = 0;
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = decode_utf8(text.substr(at));
        std::size_t columns = 1;
        shown.clear();
        if (point.length == 0) {
            fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<unsigned char>(text[at]));
        } else if (point.value == '\n') {
            shown = "\\n";
        } else if (point.value == '\t') {
            shown = "\\t";
        } else if (point.value == '\r') {
            shown = "\\r";
        } else if (point.value < 0x20 || point.value == 0x7f) {
            fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<unsigned>(point.value));
        } else if (is_deceptive(point.value)) {
            fmt::format_to(std::back_inserter(shown), "\\u{{{:x}}}", static_cast<unsigned>(point.value));
        } else {
            shown.assign(text, at, point.length);
        }
        if (shown.size() > 1 && shown[0] == '\\') {
            columns = shown.size();
        }
        if (used + columns > width || (used + columns == width && at + std::max(point.length, 1U) < text.size())) {
            to += "…";
            return true;
        }
        to += shown;
        used += columns;
        at += point.length == 0 ? 1 : point.length;
    }
    return false;
}

bool parse_size(std::string_view text, std::uint64_t &bytes) {
    const char *end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, bytes);
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    unsigned shift = 0;
    if (unit == "K" || unit == "k" || unit == "KiB") {
        shift = 10;
    } else if (unit == "M" || unit == "MiB") {
        shift = 20;
    } else if (unit == "G" || unit == "GiB") {
        shift = 30;
    } else if (!unit.empty()) {
        return false;
    }
    if (error != std::errc{} || bytes > (UINT64_MAX >> shift)) {
        return false;
    }
    bytes <<= shift;
    return true;
}

bool parse_duration(std::string_view text, std::uint64_t &nanoseconds) {
    double value = 0;
    const char *end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    double factor = 0;
    if (unit == "s" || unit.empty()) {
        factor = 1e9;
    } else if (unit == "ms") {
        factor = 1e6;
    } else if (unit == "m") {
        factor = 60e9;
    } else if (unit == "h") {
        factor = 3600e9;
    }
    if (error != std::errc{} || factor == 0 || !(value * factor >= 1) || value * factor > 9e18) {
        return false;
    }
    nanoseconds = static_cast<std::uint64_t>(value * factor);
    return true;
}

}  // namespace sockwarden
