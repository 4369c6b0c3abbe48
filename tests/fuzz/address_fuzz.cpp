// SPDX-License-Identifier: Apache-2.0
// Fuzzes the decoding of addresses: first two bytes the socket's family, then the sockaddr.
#include <cstdlib>
#include <cstring>

#include "decode/address.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace sockwarden;
    std::uint16_t family = 0;
    if (size < sizeof(family)) {
        return 0;
    }
    std::memcpy(&family, data, sizeof(family));
    const Bytes bytes(reinterpret_cast<const std::byte *>(data) + sizeof(family), size - sizeof(family));
    const Address address = decode_address(bytes, family);
    if (address.name.size() + address.data.size() > bytes.size()) {
        std::abort();
    }
    for (const char c : address_text(address)) {
        if (static_cast<unsigned char>(c) < 0x20) {
            std::abort();
        }
    }
    return 0;
}
