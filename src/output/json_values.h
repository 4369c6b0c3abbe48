// SPDX-License-Identifier: Apache-2.0
// How the JSON sink writes each kind of value.
#pragma once

#include <string>

#include "decode/message.h"

namespace sockwarden::json {

void append_number(std::string &to, std::uint64_t value);
void append_number(std::string &to, std::int64_t value);
void append_text_or_null(std::string &to, std::string_view text);
// `set` is one of constants.def.
void append_flags(std::string &to, std::uint32_t flags, std::string_view set = "msg_flag");
void append_address(std::string &to, Bytes sockaddr, std::uint16_t family);
void append_iov(std::string &to, const Message &message);
void append_control(std::string &to, const Message &message);
// What a descriptor that arrived refers to; `message.passed` is not null.
void append_file(std::string &to, const Message &message);
void append_senders(std::string &to, const Message &message);
// The key is part of the value: "text":… or "base64":….
void append_payload(std::string &to, Bytes payload);

}  // namespace sockwarden::json
