// SPDX-License-Identifier: Apache-2.0
// Growing patterns; see grown_pattern.h.
#include "policy/grown_pattern.h"

#include <fmt/format.h>

#include <array>
#include <cctype>

namespace sockwarden::test {
namespace {

using namespace std::string_view_literals;

// Few, so that texts meet patterns: letters of both cases, what \w, \s, \d and \b tell apart, edges of ranges, Latin-1
// letters in both cases and one without another.
constexpr std::string_view kBytes = "aaabbbcABkKsS_09 \t\n\n.-/]^\\\0\x7f\x80\xe9\xc9\xd7\xf7\xdf\xff"sv;

class Grower {
public:
    explicit Grower(Random &random) : random_(random) {}

    GrownPattern grow() {
        const bool flags = chance(4);
        branches_ = chance(2);
        GrownPattern pattern = choice(3);
        if (chance(5)) {
            pattern.text = std::string(pick({"^"sv, "\\A"sv})) + "(?:" + pattern.text + ")" +
                           std::string(pick({"$"sv, "\\z"sv, ""sv}));
        }
        if (flags) {
            pattern.text.insert(0, pick({"(?i)"sv, "(?s)"sv, "(?m)"sv, "(?im)"sv, "(?s-i)"sv, "(?U)"sv}));
        }
        return pattern;
    }

private:
    bool chance(std::size_t one_in) { return below(random_, one_in) == 0; }
    std::string_view pick(std::initializer_list<std::string_view> list) {
        return *(list.begin() + below(random_, list.size()));
    }
    char byte() { return kBytes[below(random_, kBytes.size())]; }
    char literal_byte() {
        char c = byte();
        while (branches_ && static_cast<unsigned char>(c) >= 0x80) {
            c = byte();
        }
        return c;
    }

    GrownPattern choice(unsigned depth) {
        GrownPattern grown = sequence(depth);
        while (branches_ && chance(3)) {
            const GrownPattern branch = sequence(depth);
            grown.text += "|" + branch.text;
            grown.sample = chance(2) ? grown.sample : branch.sample;
        }
        return grown;
    }

    GrownPattern sequence(unsigned depth) {
        GrownPattern grown;
        for (std::size_t pieces = below(random_, 5); pieces > 0; --pieces) {
            const GrownPattern piece = repeated(depth);
            grown.text += piece.text;
            grown.sample += piece.sample;
        }
        return grown;
    }

    GrownPattern repeated(unsigned depth) {
        GrownPattern grown = piece(depth);
        if (!chance(3)) {
            return grown;
        }
        const std::size_t least = below(random_, 4);
        const std::size_t most = least + below(random_, 3);
        std::size_t times = below(random_, 3);
        switch (below(random_, 6)) {
            case 0:
                grown.text += '*';
                break;
            case 1:
                grown.text += '+';
                ++times;
                break;
            case 2:
                grown.text += '?';
                times %= 2;
                break;
            case 3:
                grown.text += fmt::format("{{{}}}", least);
                times = least;
                break;
            case 4:
                grown.text += fmt::format("{{{},}}", least);
                times += least;
                break;
            default:
                grown.text += fmt::format("{{{},{}}}", least, most);
                times = most;
        }
        grown.text += chance(4) ? "?" : "";
        std::string sample;
        for (; times > 0; --times) {
            sample += grown.sample;
        }
        return {grown.text, sample};
    }

    GrownPattern piece(unsigned depth) {
        switch (below(random_, depth > 0 ? 14 : 10)) {
            case 0:
                return {".", std::string(1, byte())};
            case 1:
                return assertion();
            case 2:
                return class_escape();
            case 3:
            case 4:
                return brackets();
            case 5:
                return quoted();
            case 10:
            case 11:
            case 12:
            case 13:
                return group(depth - 1);
            default:
                return literal();
        }
    }

    GrownPattern assertion() {
        return {std::string(pick({"^", "$", "\\A", "\\z", "\\b", "\\b", "\\B", "(?m:^)", "(?m:$)", "(?m:$)"})),
                chance(4) ? "\n" : ""};
    }

    GrownPattern class_escape() {
        switch (below(random_, 7)) {
            case 0:
                return {"\\d", "0"};
            case 1:
                return {"\\w", "b"};
            case 2:
                return {"\\s", "\n"};
            case 3:
                return {"\\D", "a"};
            case 4:
                return {"\\W", "-"};
            case 5:
                return {"\\S", "\xe9"};
            default:
                return {"\\C", "\n"};
        }
    }

    std::string written(char c) {
        const unsigned value = static_cast<unsigned char>(c);
        switch (below(random_, 8)) {
            case 0:
                return fmt::format("\\x{:02x}", value);
            case 1:
                return fmt::format("\\x{{{:X}}}", value);
            case 2:
                return value < 0100 ? fmt::format("\\0{:o}", value) : fmt::format("\\{:o}", value);
            default:
                break;
        }
        if (c == '\n') {
            return chance(2) ? "\\n" : "\n";
        }
        return std::ispunct(value) != 0 && value < 0x80 ? std::string("\\") + c : std::string(1, c);
    }

    GrownPattern literal() {
        const char c = literal_byte();
        return {written(c), std::string(1, chance(6) && std::isalpha(static_cast<unsigned char>(c)) != 0
                                               ? static_cast<char>(c ^ 0x20)
                                               : c)};
    }

    GrownPattern quoted() {
        std::string text;
        for (std::size_t length = below(random_, 3); length > 0; --length) {
            const char c = literal_byte();
            text += c == '\\' ? '*' : c;
        }
        return {"\\Q" + text + "\\E", text};
    }

    GrownPattern brackets() {
        GrownPattern grown{"[", std::string(1, byte())};
        const bool negated = chance(3);
        grown.text += negated ? "^" : "";
        for (std::size_t items = 1 + below(random_, 3); items > 0; --items) {
            char first = literal_byte();
            char last = byte();
            if (static_cast<unsigned char>(last) < static_cast<unsigned char>(first)) {
                std::swap(first, last);
            }
            last = first == last ? '\xff' : last;
            switch (below(random_, 6)) {
                case 0:
                    grown.text += written(first) + "-" + written(last);
                    break;
                case 1:
                    grown.text += pick({"\\d", "\\W", "\\s", "\\D"});
                    continue;
                case 2:
                    grown.text += pick({"[:alpha:]", "[:^upper:]", "[:space:]", "[:punct:]", "[:^word:]"});
                    continue;
                default:
                    grown.text += written(first);
            }
            if (!negated) {
                grown.sample = chance(2) ? first : last;
            }
        }
        grown.text += ']';
        return grown;
    }

    GrownPattern group(unsigned depth) {
        GrownPattern grown = choice(depth);
        std::string_view opening = pick({"(", "(?:", "(?i:", "(?s:", "(?m:", "(?-i:", "(?im-s:", "(?i)(", "(?P<"});
        std::string text(opening);
        if (opening == "(?P<") {
            text += fmt::format("n{}>", ++names_);
        }
        grown.text = text + grown.text + ")";
        return grown;
    }

    Random &random_;
    // Only with ASCII literals: RE2 20220601 takes literals that branches begin with in common for UTF-8, so that
    // \xe9a|\xe9b does not match its own bytes.
    bool branches_ = false;
    unsigned names_ = 0;
};

}  // namespace

std::size_t below(Random &random, std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

GrownPattern grow_pattern(Random &random) { return Grower(random).grow(); }

std::string nearly(Random &random, std::string text) {
    for (std::size_t changes = 1 + below(random, 3); changes > 0; --changes) {
        const std::size_t at = below(random, text.size() + 1);
        const char c = kBytes[below(random, kBytes.size())];
        if (at == text.size() || below(random, 3) == 0) {
            text.insert(at, 1, c);
        } else if (below(random, 2) == 0) {
            text.erase(at, 1);
        } else {
            text[at] = c;
        }
    }
    return text;
}

std::string text_around(Random &random, const std::string &sample) {
    std::string text = below(random, 2) == 0 ? sample : nearly(random, sample);
    for (std::size_t before = below(random, 4); before > 0 && below(random, 2) == 0; --before) {
        text.insert(0, 1, kBytes[below(random, kBytes.size())]);
    }
    for (std::size_t after = below(random, 4); after > 0 && below(random, 2) == 0; --after) {
        text += kBytes[below(random, kBytes.size())];
    }
    return text;
}

}  // namespace sockwarden::test
