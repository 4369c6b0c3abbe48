// SPDX-License-Identifier: Apache-2.0
// How the record writes bytes, written here once more so that the tests share no code with the
// tool.
#include "encoding.h"

#include <algorithm>

namespace traffic {
namespace {

// A sequence that breaks the rules of UTF-8 (overlong, surrogate, past U+10FFFF, cut) has size 0.
size_t Utf8Size(const unsigned char *at, size_t left) {
    const unsigned char first = at[0];
    if (first < 0x80)
        return 1;
    const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || left < size)
        return 0;
    for (size_t i = 1; i < size; ++i) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    const bool wrong = (first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) ||
                       (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f);
    return wrong ? 0 : size;
}

bool IsControl(const unsigned char *at, size_t size) {
    if (size == 1) {
        return (at[0] < 0x20 && at[0] != '\t' && at[0] != '\n' && at[0] != '\r') || at[0] == 0x7f;
    }
    return size == 2 && at[0] == 0xc2 && at[1] < 0xa0;  // U+0080 … U+009F
}

}  // namespace

bool IsText(const std::string &bytes) {
    const auto *data = reinterpret_cast<const unsigned char *>(bytes.data());
    for (size_t at = 0; at < bytes.size();) {
        const size_t size = Utf8Size(data + at, bytes.size() - at);
        if (size == 0 || IsControl(data + at, size))
            return false;
        at += size;
    }
    return true;
}

std::string Base64(const std::string &bytes) {
    constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (size_t at = 0; at < bytes.size(); at += 3) {
        unsigned group = 0;
        for (size_t i = 0; i < 3; ++i) {
            const unsigned byte = at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0;
            group = group << 8 | byte;
        }
        const size_t used = std::min<size_t>(3, bytes.size() - at);
        for (size_t i = 0; i < 4; ++i) {
            text += i <= used ? kDigits[group >> (18 - 6 * i) & 63] : '=';
        }
    }
    return text;
}

}  // namespace traffic
