// SPDX-License-Identifier: Apache-2.0
// IP addresses and networks; see network.h.
#include "policy/network.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sockwarden::policy {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

bool is_mapped(const IpAddress &address) {
    return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
}

// The bits of byte `index` that a prefix of `bits` bits covers.
std::uint8_t mask_of(unsigned bits, std::size_t index) {
    const unsigned covered = std::clamp(static_cast<int>(bits) - static_cast<int>(index) * 8, 0, 8);
    return static_cast<std::uint8_t>(0xff00U >> covered);
}

}  // namespace

IpAddress first_of(const Network &network) {
    IpAddress address = network.base;
    for (std::size_t i = 0; i < address.bytes.size(); ++i) {
        address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & mask_of(network.bits, i));
    }
    return address;
}

IpAddress last_of(const Network &network) {
    IpAddress address = first_of(network);
    for (std::size_t i = 0; i < address.bytes.size(); ++i) {
        const unsigned open = 0xffU & ~unsigned{mask_of(network.bits, i)};
        address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] | open);
    }
    return address;
}

std::optional<IpAddress> parse_address(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    const std::string terminated(text);
    IpAddress address;
    std::ranges::copy(kMappedPrefix, address.bytes.begin());
    if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data() + kMappedPrefix.size()) == 1 ||
        ::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
        return address;
    }
    return std::nullopt;
}

std::optional<Network> parse_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view host = text.substr(0, slash), digits = text.substr(slash + 1);
    const std::optional<IpAddress> base = parse_address(host);
    unsigned bits = 0;
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    const bool four = host.find(':') == std::string_view::npos;
    if (!base || error != std::errc{} || rest != digits.data() + digits.size() || bits > (four ? 32U : 128U)) {
        return std::nullopt;
    }
    return Network{*base, bits + (four ? kMappedBits : 0)};
}

bool contains(const Network &network, const IpAddress &address) {
    return first_of({address, network.bits}) == first_of(network);
}

std::string network_text(const Network &network) {
    const IpAddress first = first_of(network);
    const bool four = network.bits >= kMappedBits && is_mapped(first);
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(four ? AF_INET : AF_INET6, first.bytes.data() + (four ? kMappedPrefix.size() : 0), text.data(),
                text.size());
    return fmt::format("{}/{}", text.data(), network.bits - (four ? kMappedBits : 0));
}

bool is_clean(const Network &network) { return first_of(network) == network.base; }

}  // namespace sockwarden::policy
