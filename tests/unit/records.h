// SPDX-License-Identifier: Apache-2.0
// Wire records made by hand, and what the reader makes of them.
#pragma once

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/wire.h"
#include "decode/assembler.h"
#include "output/table.h"

namespace sockwarden::test {

using Record = std::vector<std::byte>;

// `head` with its size set, and `behind` after it.
template <typename Head>
Record record_of(Head head, std::string_view behind = {}) {
    head.head.size = static_cast<std::uint32_t>(sizeof(head) + behind.size());
    Record bytes(head.head.size);
    std::memcpy(bytes.data(), &head, sizeof(head));
    if (!behind.empty()) {
        std::memcpy(bytes.data() + sizeof(head), behind.data(), behind.size());
    }
    return bytes;
}

// A process 1231 "cat" of /usr/bin/cat in /system.slice/x.service.
Record process_record(std::string_view exe = std::string_view("cat\0bin\0usr\0", 12));
// A UNIX datagram socket with key 7, bound to /run/x.
Record socket_record(std::string_view path = "/run/x");

// A message of that process on that socket: "hello", nothing else.
wire::message_record plain_message();
Record message_record(const wire::message_record &message, std::string_view payload = "hello");
// A piece of call 1 of thread 1231.
Record piece_record(unsigned kind, std::string_view data, std::uint32_t offset = 0);

// The bytes of a struct.
template <typename T>
std::string bytes_of(const T &value) {
    return {reinterpret_cast<const char *>(&value), sizeof(value)};
}

// What the sinks print of `records`, in their order.
std::vector<nlohmann::json> json_of(const std::vector<Record> &records);
std::string json_text_of(const std::vector<Record> &records);
std::string table_of(const std::vector<Record> &records, TableStyle style = {});

// What a function writes into the descriptor that it gets.
std::string written_by(const std::function<void(int fd)> &write);

}  // namespace sockwarden::test
