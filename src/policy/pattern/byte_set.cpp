// SPDX-License-Identifier: Apache-2.0
// Sets of bytes; see byte_set.h.
#include "policy/pattern/byte_set.h"

#include <array>
#include <span>

namespace sockwarden::pattern {
namespace {

// Ranges as pairs of bytes: "azAZ" is a-z and A-Z.
struct Named {
    std::string_view name;
    std::string_view ranges;
};

using namespace std::string_view_literals;

constexpr std::array kPosix = {
    Named{"alnum", "09AZaz"},
    Named{"alpha", "AZaz"},
    Named{"ascii", "\0\x7f"sv},
    Named{"blank", "\t\t  "},
    Named{"cntrl", "\0\x1f\x7f\x7f"sv},
    Named{"digit", "09"},
    Named{"graph", "!~"},
    Named{"lower", "az"},
    Named{"print", " ~"},
    Named{"punct", "!/:@[`{~"},
    Named{"space", "\t\r  "},
    Named{"upper", "AZ"},
    Named{"word", "09AZaz__"},
    Named{"xdigit", "09AFaf"},
};
constexpr std::array kPerl = {Named{"d", "09"}, Named{"s", "\t\n\f\r  "}, Named{"w", "09AZaz__"}};

std::optional<ByteSet> find_class(std::span<const Named> classes, std::string_view name) {
    for (const Named &named : classes) {
        if (named.name != name) {
            continue;
        }
        ByteSet set;
        for (std::size_t i = 0; i + 1 < named.ranges.size(); i += 2) {
            set |= byte_range(byte_value(named.ranges[i]), byte_value(named.ranges[i + 1]));
        }
        return set;
    }
    return std::nullopt;
}

// Letters whose other case is 0x20 away. 0xd7 and 0xf7 are the signs of multiplication and division, 0xdf is ß, whose
// other case is outside Latin-1, as is that of 0xff.
bool is_upper_case(unsigned byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 0xc0 && byte <= 0xde && byte != 0xd7);
}

}  // namespace

ByteSet byte_range(unsigned first, unsigned last) {
    ByteSet set;
    for (unsigned byte = first; byte <= last; ++byte) {
        set.set(byte);
    }
    return set;
}

ByteSet bytes_in(std::string_view text) {
    ByteSet set;
    for (const char c : text) {
        set.set(byte_value(c));
    }
    return set;
}

std::optional<ByteSet> posix_class(std::string_view name) { return find_class(kPosix, name); }

std::optional<ByteSet> perl_class(char letter) { return find_class(kPerl, {&letter, 1}); }

ByteSet with_both_cases(const ByteSet &set) {
    ByteSet both = set;
    for (unsigned byte = 0; byte < set.size(); ++byte) {
        if (is_upper_case(byte) && (set.test(byte) || set.test(byte + 0x20))) {
            both.set(byte);
            both.set(byte + 0x20);
        }
    }
    return both;
}

}  // namespace sockwarden::pattern
