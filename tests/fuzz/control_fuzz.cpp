// SPDX-License-Identifier: Apache-2.0
// Fuzzes the splitting of control buffers.
#include <sys/socket.h>

#include <cstdlib>

#include "decode/control.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace sockwarden;
    const Bytes buffer(reinterpret_cast<const std::byte *>(data), size);
    std::size_t used = 0;
    for (const ControlMessage &message : split_control(buffer)) {
        used += sizeof(cmsghdr) + message.data.size();
        if (rights_of(message).size() * sizeof(int) > message.data.size()) {
            std::abort();
        }
    }
    if (used > size) {
        std::abort();
    }
    return 0;
}
