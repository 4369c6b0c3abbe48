// SPDX-License-Identifier: Apache-2.0
// IP addresses and networks as text.
#pragma once

#include <optional>
#include <string_view>

#include "policy/facts.h"

namespace sockwarden::policy {

// "10.0.0.1", "fe80::1", "::ffff:10.0.0.1".
std::optional<IpAddress> parse_address(std::string_view text);

// The addresses whose first `bits` bits are those of `base`.
struct Network {
    IpAddress base;
    unsigned bits = 0;
};

// "10.0.0.0/8", "fe80::/10"; the bits behind the prefix may be set.
std::optional<Network> parse_network(std::string_view text);
IpAddress first_of(const Network &network);
IpAddress last_of(const Network &network);
bool contains(const Network &network, const IpAddress &address);
// "10.0.0.0/8": with no bit set behind the prefix.
std::string network_text(const Network &network);
// Whether no bit is set behind the prefix.
bool is_clean(const Network &network);

}  // namespace sockwarden::policy
