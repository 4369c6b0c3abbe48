// SPDX-License-Identifier: Apache-2.0
// Regular expressions and globs by RE2; see text_pattern.h.
#include "policy/text_pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <bitset>
#include <cctype>

#include "base/result.h"

namespace sockwarden::policy {
namespace {

RE2::Options options() {
    RE2::Options options(RE2::Latin1);
    options.set_log_errors(false);
    return options;
}

using ByteSet = std::bitset<256>;

struct ClassRow {
    std::string_view name;
    int (*holds)(int);
};
constexpr ClassRow kClasses[] = {
    {"alnum", ::isalnum}, {"alpha", ::isalpha}, {"blank", ::isblank}, {"cntrl", ::iscntrl},
    {"digit", ::isdigit}, {"graph", ::isgraph}, {"lower", ::islower}, {"print", ::isprint},
    {"punct", ::ispunct}, {"space", ::isspace}, {"upper", ::isupper}, {"xdigit", ::isxdigit},
};

// A glob as a regular expression.
class Glob {
public:
    explicit Glob(std::string_view text) : text_(text) {}

    Result<std::string> as_regex() {
        std::string to = "(?s)\\A";
        while (at_ < text_.size()) {
            if (text_.substr(at_).starts_with("**")) {
                at_ += 2;
                to += ".*";
            } else if (text_[at_] == '*' || text_[at_] == '?') {
                to += text_[at_++] == '*' ? "[^/]*" : "[^/]";
            } else if (text_[at_] == '[') {
                const Result<ByteSet> set = bytes_of_set();
                if (!set) {
                    return set.error();
                }
                append_set(to, *set);
            } else {
                const Result<unsigned> one = byte();
                if (!one) {
                    return one.error();
                }
                to += fmt::format("\\x{:02x}", *one);
            }
        }
        return to + "\\z";
    }

private:
    Result<unsigned> byte() {
        if (text_[at_] == '\\' && ++at_ == text_.size()) {
            return Error{"expected a character behind the backslash"};
        }
        return static_cast<unsigned char>(text_[at_++]);
    }

    Result<ByteSet> bytes_of_set() {
        ByteSet set;
        ++at_;
        const bool inverse = at_ < text_.size() && (text_[at_] == '!' || text_[at_] == '^');
        at_ += inverse ? 1 : 0;
        for (bool first = true; first || text_[at_] != ']'; first = false) {
            const Status item = at_ == text_.size()                   ? Status(Error{"expected ] at the end of a set"})
                                : text_.substr(at_).starts_with("[:") ? add_class(set)
                                                                      : add_range(set);
            if (!item) {
                return item.error();
            }
            if (at_ == text_.size()) {
                return Error{"expected ] at the end of a set"};
            }
        }
        ++at_;
        set = inverse ? ~set : set;
        return set.reset('/');
    }

    Status add_class(ByteSet &set) {
        const std::size_t end = text_.find(":]", at_ + 2);
        const std::string_view name = text_.substr(at_ + 2, end == std::string_view::npos ? 0 : end - at_ - 2);
        const auto *const row = std::ranges::find(kClasses, name, &ClassRow::name);
        if (row == std::end(kClasses)) {
            return Error{"expected a class such as [:alpha:]"};
        }
        for (int c = 0; c < 128; ++c) {
            set[static_cast<std::size_t>(c)] = set[static_cast<std::size_t>(c)] || row->holds(c) != 0;
        }
        at_ = end + 2;
        return Done{};
    }

    Status add_range(ByteSet &set) {
        const Result<unsigned> first = byte();
        if (!first) {
            return first.error();
        }
        unsigned last = *first;
        if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
            ++at_;
            const Result<unsigned> end = byte();
            if (!end || *end < *first) {
                return !end ? end.error() : Error{"expected a range that rises"};
            }
            last = *end;
        }
        for (unsigned c = *first; c <= last; ++c) {
            set.set(c);
        }
        return Done{};
    }

    static void append_set(std::string &to, const ByteSet &set) {
        if (set.none()) {
            to += "[^\\x00-\\xff]";
            return;
        }
        to += '[';
        for (unsigned c = 0; c < set.size(); ++c) {
            to += set[c] ? fmt::format("\\x{:02x}", c) : "";
        }
        to += ']';
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

bool found(const std::string &regex, std::string_view text) {
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), RE2(regex, options()));
}

// Whether the bytes before a cut decide: a match there holds, whichever byte comes next. An assertion such as \b or $
// asks of that byte whether it is of a word, or a newline, or neither.
bool found_before_cut(const std::string &regex, const std::string &text) {
    std::string then_a_byte = "(?:" + regex + ")(?s:.)";
    if (!RE2(then_a_byte, options()).ok()) {
        then_a_byte = "(?:" + regex + "\\E)(?s:.)";  // a \Q without its \E quotes to the end
    }
    return std::ranges::all_of(std::string_view("a \n"), [&](char next) { return found(then_a_byte, text + next); });
}

}  // namespace

std::string pattern_mistake(OperatorId op, std::string_view pattern) {
    if (op == OperatorId::glob) {
        const Result<std::string> regex = Glob(pattern).as_regex();
        return regex ? "" : regex.error().message;
    }
    return RE2(re2::StringPiece(pattern.data(), pattern.size()), options()).error();
}

Truth match_pattern(OperatorId op, std::string_view pattern, const Text &text) {
    const Result<std::string> regex =
        op == OperatorId::glob ? Glob(pattern).as_regex() : Result<std::string>(std::string(pattern));
    if (!regex) {
        return Truth::unknown;  // check_expression lets no such pattern pass
    }
    if (!text.cut) {
        return truth_of(found(*regex, text.bytes));
    }
    return op == OperatorId::matches && found_before_cut(*regex, text.bytes) ? Truth::yes : Truth::unknown;
}

}  // namespace sockwarden::policy
