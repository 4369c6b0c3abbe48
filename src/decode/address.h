// SPDX-License-Identifier: Apache-2.0
// Socket addresses: the bytes of a sockaddr of any family, taken apart. Trusts no length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"

namespace sockwarden {

struct Address {
    enum class Form { unix_unnamed, unix_path, unix_abstract, inet, inet6, netlink, vsock, other };
    Form form = Form::other;
    std::uint16_t family = 0;
    std::string_view name;  // unix: path, or abstract name without its leading NUL
    std::string host;       // inet, inet6: as text
    std::uint16_t port = 0;
    std::uint32_t scope = 0;               // inet6
    std::uint32_t portid = 0, groups = 0;  // netlink
    std::uint32_t cid = 0, vsock_port = 0;
    Bytes data;  // other: what follows the family
};

// `family` is the socket's, used where the bytes are empty (an unnamed UNIX socket). The result borrows from `bytes`.
Address decode_address(Bytes bytes, std::uint16_t family);

// Whether an internet address is surely of another machine: neither loopback nor the socket's `own`. False for other
// families and where there is none.
bool is_elsewhere(Bytes address, Bytes own);

// For people: "/run/x.sock", "@name", "127.0.0.1:53", "[::1]:80", "netlink:4711", "vsock:2:1024"; empty when unnamed.
std::string address_text(const Address &address);

}  // namespace sockwarden
