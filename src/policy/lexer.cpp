// SPDX-License-Identifier: Apache-2.0
// The lexer of expressions; see lexer.h.
#include "policy/lexer.h"

#include <fmt/format.h>

#include <charconv>

namespace sockwarden::policy {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_letter(c) || is_digit(c); }

struct Sign {
    std::string_view text;
    TokenKind kind;
};
// Longer ones first.
constexpr Sign kSigns[] = {
    {"&&", TokenKind::and_},      {"||", TokenKind::or_},        {"==", TokenKind::equal},
    {"!=", TokenKind::not_equal}, {"<=", TokenKind::less_equal}, {">=", TokenKind::greater_equal},
    {"<", TokenKind::less},       {">", TokenKind::greater},     {"!", TokenKind::not_},
    {".", TokenKind::dot},        {",", TokenKind::comma},       {"(", TokenKind::open},
    {")", TokenKind::close},      {"[", TokenKind::open_list},   {"]", TokenKind::close_list},
};

// What other languages write, and what this one does.
constexpr std::pair<std::string_view, std::string_view> kForeign[] = {
    {"=", "did you mean ==?"}, {"&", "did you mean &&?"}, {"|", "did you mean ||?"}, {"#", "comments stand outside"}};

class Lexer {
public:
    explicit Lexer(const SourceText &source) : source_(source), text_(source.text) {}

    Parsed<std::vector<Token>> run() {
        if (text_.size() > kLongestExpression) {
            return mistake(0, fmt::format("an expression has at most {} bytes, and this has {}", kLongestExpression,
                                          text_.size()));
        }
        std::vector<Token> tokens;
        do {
            while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
                ++at_;
            }
            Parsed<Token> token = next();
            if (!token) {
                return token.error();
            }
            tokens.push_back(*std::move(token));
        } while (tokens.back().kind != TokenKind::end);
        return tokens;
    }

private:
    Mistake mistake(std::size_t at, std::string message, std::string hint = "") const {
        return {source_.places[at], std::move(message), std::move(hint)};
    }

    Token token(TokenKind kind, std::size_t begin, std::string text = "") const {
        return {kind, {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at_)}, std::move(text), 0};
    }

    Parsed<Token> next() {
        if (at_ == text_.size()) {
            return token(TokenKind::end, at_);
        }
        const char c = text_[at_];
        if (c == '\'' || c == '"') {
            return string();
        }
        if (is_letter(c)) {
            return name();
        }
        if (is_digit(c) || (c == '-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
            return integer();
        }
        for (const Sign &sign : kSigns) {
            if (text_.substr(at_).starts_with(sign.text)) {
                const std::size_t begin = at_;
                at_ += sign.text.size();
                return token(sign.kind, begin);
            }
        }
        return unexpected(c);
    }

    Mistake unexpected(char c) const {
        for (const auto &[wrong, hint] : kForeign) {
            if (wrong[0] == c) {
                return mistake(at_, fmt::format("unexpected {}", wrong), std::string(hint));
            }
        }
        if (c > ' ' && c < 0x7f) {
            return mistake(at_, fmt::format("unexpected {}", c));
        }
        return mistake(at_, fmt::format("unexpected byte {:#04x}", static_cast<unsigned char>(c)),
                       "such bytes may stand in strings");
    }

    Token name() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_word(text_[at_])) {
            ++at_;
        }
        const std::string_view word = text_.substr(begin, at_ - begin);
        const TokenKind kind = word == "true"    ? TokenKind::true_
                               : word == "false" ? TokenKind::false_
                               : word == "in"    ? TokenKind::in
                                                 : TokenKind::name;
        return token(kind, begin, std::string(word));
    }

    Parsed<Token> integer() {
        const std::size_t begin = at_;
        const bool negative = text_[at_] == '-';
        at_ += negative ? 1 : 0;
        const std::size_t digits = at_;
        while (at_ < text_.size() && is_word(text_[at_])) {
            ++at_;
        }
        std::string word(text_.substr(digits, at_ - digits));
        const bool hex = word.starts_with("0x") || word.starts_with("0X");
        if (!hex && word.size() > 1 && word[0] == '0') {
            return mistake(begin, fmt::format("the number {} begins with 0, and is not taken for octal", word),
                           "write it in decimal, or in hex behind 0x");
        }
        word.erase(0, hex ? 2 : 0);
        word.insert(0, negative ? "-" : "");
        std::int64_t value = 0;
        const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), value, hex ? 16 : 10);
        const std::string_view shown = text_.substr(begin, at_ - begin);
        if (error == std::errc::result_out_of_range) {
            return mistake(begin, fmt::format("the number {} is too large", shown));
        }
        if (error != std::errc{} || rest != word.data() + word.size()) {
            return mistake(begin, fmt::format("{} is not a number", shown));
        }
        Token number = token(TokenKind::integer, begin);
        number.number = value;
        return number;
    }

    Parsed<Token> string() {
        const std::size_t begin = at_;
        const char quote = text_[at_++];
        std::string value;
        while (true) {
            if (at_ == text_.size() || text_[at_] == '\n') {
                return mistake(begin, "this string has no end", fmt::format("close it with {}", quote));
            }
            const char c = text_[at_];
            if (c == quote) {
                ++at_;
                return token(TokenKind::string, begin, std::move(value));
            }
            if (c != '\\') {
                value += c;
                ++at_;
                continue;
            }
            const Parsed<char> byte = escape();
            if (!byte) {
                return byte.error();
            }
            value += *byte;
        }
    }

    Parsed<char> escape() {
        const std::size_t begin = at_++;
        const char letter = at_ < text_.size() ? text_[at_++] : '\0';
        switch (letter) {
            case '\\':
            case '\'':
            case '"':
                return letter;
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'x':
                return hex_byte(begin);
            default:
                return mistake(begin, R"(an escape is one of \\ \' \" \n \r \t and \x with two hex digits)",
                               is_letter(letter) ? fmt::format(R"(for a backslash and {0}, write \\{0})", letter) : "");
        }
    }

    Parsed<char> hex_byte(std::size_t begin) {
        unsigned value = 0;
        const std::string_view digits = text_.substr(at_, 2);
        const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        if (error != std::errc{} || rest != digits.data() + 2) {
            return mistake(begin, R"(\x wants two hex digits)", R"(for the byte 10, write \x0a)");
        }
        at_ += 2;
        return static_cast<char>(value);
    }

    const SourceText &source_;
    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Parsed<std::vector<Token>> lex(const SourceText &source) { return Lexer(source).run(); }

}  // namespace sockwarden::policy
