// SPDX-License-Identifier: Apache-2.0
// Wire records made by hand; see records.h.
#include "records.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <sstream>

#include "base/fd.h"
#include "output/json.h"

namespace sockwarden::test {
namespace {

constexpr std::int64_t kWallOffset = 1'795'000'000'000'000'000;  // in November 2026

void feed(Sink &sink, const std::vector<Record> &records) {
    std::uint64_t seq = 0;
    const auto deliver = [&](Message &message) {
        message.seq = ++seq;
        sink.message(message);
    };
    Assembler assembler("tracepoint", deliver, wire::INLINE_PAYLOAD, ~EventMask{0});
    for (const Record &record : records) {
        assembler.take(record, kWallOffset);
    }
}

}  // namespace

Record process_record(std::string_view exe) {
    constexpr std::string_view kCgroup("x.service\0system.slice\0", 23);
    wire::process_record process{};
    process.head.time = 900;
    process.head.kind = wire::RECORD_PROCESS;
    process.pid = 1231;
    process.ppid = 1;
    process.start = 55;
    process.exec = 2;
    process.exe_size = static_cast<wire::u16>(exe.size());
    process.cgroup_size = static_cast<wire::u16>(kCgroup.size());
    return record_of(process, std::string(exe) + std::string(kCgroup));
}

Record socket_record(std::string_view path) {
    wire::socket_record socket{};
    socket.head.time = 901;
    socket.head.kind = wire::RECORD_SOCKET;
    socket.key = 7;
    socket.cookie = 7;
    socket.inode = 99;
    socket.netns = 4026531840;
    socket.family = AF_UNIX;
    socket.type = SOCK_DGRAM;
    socket.local_size = static_cast<wire::u16>(2 + path.size());
    std::string addresses(2 * wire::ADDRESS_ROOM, '\0');
    addresses[0] = AF_UNIX;
    addresses.replace(2, path.size(), path);
    return record_of(socket, addresses);
}

wire::message_record plain_message() {
    wire::message_record message{};
    message.head.time = 1000;
    message.head.kind = wire::RECORD_MESSAGE;
    message.ret = 5;
    message.tgid = 1231;
    message.tid = 1231;
    message.writer = 1231;
    message.start = 55;
    message.exec = 2;
    message.call = 1;
    message.socket_key = 7;
    message.sockfd = 3;
    message.address = 0x7ffe0000;
    message.iovlen = 1;
    message.iov_base = 0x55d0;
    message.iov_len = 100;
    message.name_state = wire::REASON_none;
    message.control_state = wire::REASON_none;
    message.origin = wire::ORIGIN_KERNEL;
    std::memcpy(message.comm, "cat", 4);
    return message;
}

Record message_record(const wire::message_record &message, std::string_view payload) {
    wire::message_record whole = message;
    whole.inline_payload = static_cast<wire::u16>(payload.size());
    return record_of(whole, payload);
}

Record piece_record(unsigned kind, std::string_view data, std::uint32_t offset) {
    wire::piece_record piece{};
    piece.head.time = 950;
    piece.head.kind = wire::RECORD_PIECE;
    piece.head.event = static_cast<wire::u16>(kind);
    piece.writer = 1231;
    piece.call = 1;
    piece.offset = offset;
    piece.size = static_cast<wire::u32>(data.size());
    return record_of(piece, data);
}

std::string written_by(const std::function<void(int fd)> &write) {
    const Fd file(::memfd_create("sockwarden-test", MFD_CLOEXEC));
    write(file.get());
    std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    if (::pread(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        text.clear();
    }
    return text;
}

std::string json_text_of(const std::vector<Record> &records) {
    return written_by([&](int fd) {
        LineWriter writer(fd);
        JsonSink sink(writer);
        feed(sink, records);
        writer.flush();
    });
}

std::vector<nlohmann::json> json_of(const std::vector<Record> &records) {
    std::vector<nlohmann::json> lines;
    std::istringstream text(json_text_of(records));
    for (std::string line; std::getline(text, line);) {
        lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
}

std::string table_of(const std::vector<Record> &records, TableStyle style) {
    style.utc = true;
    return written_by([&](int fd) {
        LineWriter writer(fd);
        TableSink sink(writer, style);
        feed(sink, records);
        writer.flush();
    });
}

}  // namespace sockwarden::test
