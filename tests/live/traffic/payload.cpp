// SPDX-License-Identifier: Apache-2.0
// Scenarios about what the bytes are: text, not quite text, and what must never reach a terminal
// raw.
#include "receive.h"

namespace traffic {
namespace {

using namespace std::string_literals;

void SendEach(Context &context, const std::vector<std::string> &messages) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    for (const std::string &bytes : messages) {
        Send(pair.far, bytes);
        Receive(context, pair.near).Gets(bytes);
    }
}

void Utf8(Context &context) {
    SendEach(context, {"Grüße, 世界, 🧦"s, "tab\tline\nreturn\r"s, "quote \" backslash \\ slash /"s,
                       "\u00a0\u2028\ufeff\ufffd\U0010ffff"s});
}

void NotUtf8(Context &context) {
    SendEach(context, {
                          "\xff\xfe\xfd"s,      // never in UTF-8
                          "cut \xe2\x82"s,      // the euro sign without its last byte
                          "\xc0\x80"s,          // an overlong NUL
                          "\xed\xa0\x80"s,      // a surrogate
                          "\xf4\x90\x80\x80"s,  // past U+10FFFF
                          "latin1 \xfc"s,
                          "\x80 alone"s,
                      });
}

void ControlCharacters(Context &context) {
    SendEach(context, {
                          "nul \0 inside"s,
                          "\x1b[31mred\x1b[0m"s,  // an escape sequence
                          "\x1b]0;title\x07"s,    // sets a terminal's title
                          "\x7f"s,
                          "\u0085\u009b"s,  // C1 controls, valid UTF-8
                      });
}

void BidirectionalOverride(Context &context) { SendEach(context, {"abc\u202efed\u202c"s}); }

void AllBytes(Context &context) {
    std::string bytes;
    for (int i = 0; i < 256; ++i)
        bytes += static_cast<char>(i);
    SendEach(context, {bytes, bytes.substr(1), bytes.substr(2)});
}

// Where the captured part ends at 255, 256 and 257 bytes, and inside a character.
void AtDefaultLimit(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    for (const std::string &bytes : {Pattern(255), Pattern(256), Pattern(257), Pattern(255) + "ü and more"s}) {
        Send(pair.far, bytes);
        Receive(context, pair.near).Buffers({1024}).Gets(bytes);
    }
}

constexpr Scenario kScenarios[] = {
    {"payload-utf8", Utf8, ""},
    {"payload-not-utf8", NotUtf8, ""},
    {"payload-control", ControlCharacters, ""},
    {"payload-bidi", BidirectionalOverride, ""},
    {"payload-all-bytes", AllBytes, ""},
    {"payload-256", AtDefaultLimit, ""},
};

}  // namespace

std::span<const Scenario> PayloadScenarios() { return kScenarios; }

}  // namespace traffic
