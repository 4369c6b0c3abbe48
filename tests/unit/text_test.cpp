// SPDX-License-Identifier: Apache-2.0
// Encodings of hostile bytes.
#include "base/text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace sockwarden {
namespace {

using namespace std::string_view_literals;

std::string printable(std::string_view text, std::size_t width = std::string_view::npos) {
    std::string to;
    append_printable(to, text, width);
    return to;
}
std::string json_string(std::string_view text) {
    std::string to;
    append_json_string(to, text);
    return to;
}
std::string base64(std::string_view text) {
    std::string to;
    append_base64(to, as_bytes_of(text));
    return to;
}

TEST(Utf8, TakesEveryLength) {
    EXPECT_EQ(decode_utf8("a").value, U'a');
    EXPECT_EQ(decode_utf8("\xc2\x80").value, U'\x80');
    EXPECT_EQ(decode_utf8("\xdf\xbf").value, U'\x7ff');
    EXPECT_EQ(decode_utf8("\xe0\xa0\x80").value, U'\x800');
    EXPECT_EQ(decode_utf8("\xef\xbf\xbf").value, U'\xffff');
    EXPECT_EQ(decode_utf8("\xf0\x90\x80\x80").value, U'\x10000');
    EXPECT_EQ(decode_utf8("\xf4\x8f\xbf\xbf").value, U'\x10ffff');
    EXPECT_EQ(decode_utf8("\0"sv).length, 1U);
}

TEST(Utf8, RefusesWhatIsNotUtf8) {
    for (const std::string_view text :
         {"\x80"sv, "\xbf"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xc2"sv, "\xc2\x41"sv, "\xe0\x80\x80"sv, "\xe0\x9f\xbf"sv,
          "\xe2\x82"sv, "\xed\xa0\x80"sv, "\xed\xbf\xbf"sv, "\xf0\x80\x80\x80"sv, "\xf0\x8f\xbf\xbf"sv,
          "\xf0\x9f\x98"sv, "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "\xfe"sv, "\xff"sv}) {
        EXPECT_EQ(decode_utf8(text).length, 0U) << nlohmann::json(std::vector<int>(text.begin(), text.end()));
    }
}

TEST(PlainText, IsUtf8WithoutControlCharacters) {
    EXPECT_TRUE(is_plain_text(""));
    EXPECT_TRUE(is_plain_text("GET / HTTP/1.1\r\n\tü€😀"));
    EXPECT_FALSE(is_plain_text("\0"sv));
    EXPECT_FALSE(is_plain_text("a\x1b[0m"));
    EXPECT_FALSE(is_plain_text("\x7f"));
    EXPECT_FALSE(is_plain_text("\xc2\x9b"));  // C1: CSI
    EXPECT_FALSE(is_plain_text("\xff"));
}

TEST(Json, StringsComeBack) {
    for (const std::string_view text : {""sv, "plain"sv, "\"\\/\b\f\n\r\t"sv, "\0\x01\x1f\x7f"sv, "ü€😀\u202e"sv}) {
        EXPECT_EQ(nlohmann::json::parse(json_string(text)).get<std::string>(), text);
    }
}

TEST(Json, BytesThatAreNotUtf8AreReplaced) {
    EXPECT_EQ(nlohmann::json::parse(json_string("a\xff\xc2z")).get<std::string>(), "a\ufffd\ufffdz");
}

TEST(Json, AnyBytesMakeAString) {
    std::mt19937 random(1);
    for (int round = 0; round < 2000; ++round) {
        std::string text(random() % 40, '\0');
        for (char &c : text) {
            c = static_cast<char>(random());
        }
        EXPECT_TRUE(nlohmann::json::accept(json_string(text)));
    }
}

TEST(Printable, ShowsControlCharactersAsEscapes) {
    EXPECT_EQ(printable("a\n\t\r"), "a\\n\\t\\r");
    EXPECT_EQ(printable("\x1b[31m"), "\\x1b[31m");
    EXPECT_EQ(printable("\0\x7f"sv), "\\x00\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"), "\\u{9b}");
    EXPECT_EQ(printable("\xff"), "\\xff");
    EXPECT_EQ(printable("ü€😀"), "ü€😀");
}

TEST(Printable, ShowsWhatDeceives) {
    for (const auto &[text, shown] : {std::pair{"\u202e", "\\u{202e}"},
                                      {"\u2066", "\\u{2066}"},
                                      {"\u200b", "\\u{200b}"},
                                      {"\u200d", "\\u{200d}"},
                                      {"\u2028", "\\u{2028}"},
                                      {"\ufeff", "\\u{feff}"},
                                      {"\u00ad", "\\u{ad}"},
                                      {"\u061c", "\\u{61c}"},
                                      {"\U000e0041", "\\u{e0041}"}}) {
        EXPECT_EQ(printable(text), shown);
    }
}

// A text that holds what looks like an escape must not read like an escaped byte.
TEST(Printable, KeepsToItsWidth) {
    EXPECT_EQ(printable("hello", 5), "hello");
    EXPECT_EQ(printable("hello!", 5), "hell…");
    EXPECT_EQ(printable("ab\x1b", 5), "ab…");
    EXPECT_EQ(printable("", 0), "");
    EXPECT_EQ(printable("x", 0), "…");
}

TEST(Base64, EveryRest) {
    EXPECT_EQ(base64(""), "");
    EXPECT_EQ(base64("f"), "Zg==");
    EXPECT_EQ(base64("fo"), "Zm8=");
    EXPECT_EQ(base64("foo"), "Zm9v");
    EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
    EXPECT_EQ(base64("\xff\xff\xff\0"sv), "////AA==");
}

TEST(Hex, TwoDigitsAByte) {
    std::string to;
    append_hex(to, as_bytes_of("\0\x9f\xff"sv));
    EXPECT_EQ(to, "009fff");
}

TEST(ParseSize, TakesUnits) {
    std::uint64_t bytes = 0;
    for (const auto &[text, value] : {std::pair<std::string_view, std::uint64_t>{"0", 0},
                                      {"64", 64},
                                      {"64K", 65536},
                                      {"64k", 65536},
                                      {"4M", 4U << 20},
                                      {"1G", 1U << 30},
                                      {"2KiB", 2048},
                                      {"2MiB", 2U << 20},
                                      {"1GiB", 1U << 30},
                                      {"17179869183G", 18446744072635809792ULL}}) {
        EXPECT_TRUE(parse_size(text, bytes)) << text;
        EXPECT_EQ(bytes, value) << text;
    }
}

TEST(ParseSize, RefusesGarbage) {
    std::uint64_t bytes = 0;
    for (const std::string_view text : {""sv, "K"sv, "-1"sv, "+1"sv, " 1"sv, "1 "sv, "1T"sv, "1.5K"sv, "1KK"sv,
                                        "0x10"sv, "18446744073709551616"sv, "17179869184G"sv, "1\0"sv, "M1"sv}) {
        EXPECT_FALSE(parse_size(text, bytes)) << text;
    }
}

TEST(ParseDuration, TakesUnits) {
    std::uint64_t nanoseconds = 0;
    for (const auto &[text, value] : {std::pair<std::string_view, std::uint64_t>{"10", 10'000'000'000},
                                      {"10s", 10'000'000'000},
                                      {"500ms", 500'000'000},
                                      {"2m", 120'000'000'000},
                                      {"1h", 3'600'000'000'000},
                                      {"1.5s", 1'500'000'000}}) {
        EXPECT_TRUE(parse_duration(text, nanoseconds)) << text;
        EXPECT_EQ(nanoseconds, value) << text;
    }
}

TEST(ParseDuration, RefusesGarbage) {
    std::uint64_t nanoseconds = 0;
    for (const std::string_view text :
         {""sv, "s"sv, "0"sv, "0s"sv, "-1s"sv, "10x"sv, "10 s"sv, "nan"sv, "nans"sv, "inf"sv, "infs"sv, "1e300s"sv,
          "s10"sv, "1s2"sv, "10sec"sv, "0.0000000001s"sv}) {
        EXPECT_FALSE(parse_duration(text, nanoseconds)) << text;
    }
}

}  // namespace
}  // namespace sockwarden
