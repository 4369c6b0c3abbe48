// SPDX-License-Identifier: Apache-2.0
// Fuzzes the way of records to both sinks. The input is a stream of records, each a byte of kind, two of length, and
// its bytes; heads are made to fit, so that what lies behind them is reached.
#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "decode/assembler.h"
#include "output/json.h"
#include "output/table.h"

namespace sockwarden {
namespace {

// Whether a line of the table could do anything to a terminal.
bool harmless(std::string_view line) {
    return std::ranges::all_of(line, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

// Whole lines, and quotes and braces in pairs: a full parser would be most of the time spent here.
void check_json(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (static_cast<unsigned char>(c) < 0x20 && (in_string || c != '\n')) {
            std::abort();
        }
        if (in_string && c == '\\') {
            ++at;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string) {
            depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        }
    }
    if (depth != 0 || in_string) {
        std::abort();
    }
}

class Harness {
public:
    void feed(std::vector<std::byte> &record, std::uint8_t kind) {
        if (kind < 0xf0 && record.size() >= sizeof(wire::record_head)) {
            wire::record_head head;
            std::memcpy(&head, record.data(), sizeof(head));
            head.size = static_cast<std::uint32_t>(record.size());
            head.kind = static_cast<std::uint16_t>(1 + kind % 4);
            head.event = head.kind == wire::RECORD_MESSAGE ? static_cast<std::uint16_t>((kind >> 2) % wire::EVENT_COUNT)
                                                           : static_cast<std::uint16_t>(head.event % 10);
            std::memcpy(record.data(), &head, sizeof(head));
            make_fit(record, head.kind);
        }
        assembler_.take(record, 0);
        check_json(json_writer_.buffer());
        std::string_view rest = table_writer_.buffer();
        while (!rest.empty()) {
            const std::size_t end = rest.find('\n');
            if (end == std::string_view::npos || !harmless(rest.substr(0, end))) {
                std::abort();
            }
            rest.remove_prefix(end + 1);
        }
        json_writer_.buffer().clear();
        table_writer_.buffer().clear();
    }

private:
    // A message of one of two threads, whose process /proc does not know.
    static void make_fit(std::vector<std::byte> &record, unsigned kind) {
        if (kind == wire::RECORD_MESSAGE && record.size() >= sizeof(wire::message_record)) {
            wire::message_record message;
            std::memcpy(&message, record.data(), sizeof(message));
            message.tgid |= 0x40000000;
            message.sender_pid |= 0x40000000;
            message.tid %= 2;
            message.call %= 2;
            message.inline_payload =
                static_cast<wire::u16>(std::min<std::size_t>(message.inline_payload, record.size() - sizeof(message)));
            message.ret = static_cast<std::int32_t>(message.ret);
            std::memcpy(record.data(), &message, sizeof(message));
        } else if (kind == wire::RECORD_PIECE && record.size() >= sizeof(wire::piece_record)) {
            wire::piece_record piece;
            std::memcpy(&piece, record.data(), sizeof(piece));
            piece.writer %= 2;
            piece.call %= 2;
            piece.size = static_cast<wire::u32>(std::min<std::size_t>(piece.size, record.size() - sizeof(piece)));
            std::memcpy(record.data(), &piece, sizeof(piece));
        }
    }

    LineWriter json_writer_{-1}, table_writer_{-1};
    JsonSink json_{json_writer_};
    TableSink table_{table_writer_, {.color = false, .utc = true}};
    Assembler assembler_{"tracepoint",
                         [this](Message &message) {
                             json_.message(message);
                             table_.message(message);
                         },
                         wire::INLINE_PAYLOAD, ~EventMask{0}};
};

}  // namespace
}  // namespace sockwarden

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    sockwarden::Harness harness;
    while (size >= 3) {
        const std::size_t length = std::min<std::size_t>(data[1] | data[2] << 8, size - 3);
        const auto *begin = reinterpret_cast<const std::byte *>(data) + 3;
        std::vector<std::byte> record(begin, begin + length);
        harness.feed(record, data[0]);
        data += 3 + length;
        size -= 3 + length;
    }
    return 0;
}
