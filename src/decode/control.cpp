// SPDX-License-Identifier: Apache-2.0
// Ancillary data; see control.h.
#include "decode/control.h"

#include <sys/socket.h>

#include <cstring>

namespace sockwarden {

std::vector<ControlMessage> split_control(Bytes buffer) {
    std::vector<ControlMessage> messages;
    while (buffer.size() >= sizeof(cmsghdr)) {
        cmsghdr header;
        std::memcpy(&header, buffer.data(), sizeof(header));
        if (header.cmsg_len < sizeof(header)) {
            break;
        }
        ControlMessage message{header.cmsg_level, header.cmsg_type, {}, header.cmsg_len > buffer.size()};
        const std::size_t whole = std::min<std::size_t>(header.cmsg_len, buffer.size());
        message.data = buffer.subspan(sizeof(header), whole - sizeof(header));
        messages.push_back(message);
        const std::size_t step = (whole + sizeof(std::size_t) - 1) & ~(sizeof(std::size_t) - 1);
        if (step >= buffer.size()) {
            break;
        }
        buffer = buffer.subspan(step);
    }
    return messages;
}

std::vector<int> rights_of(const ControlMessage &message) {
    std::vector<int> numbers(message.data.size() / sizeof(int));
    if (!numbers.empty()) {
        std::memcpy(numbers.data(), message.data.data(), numbers.size() * sizeof(int));
    }
    return numbers;
}

}  // namespace sockwarden
