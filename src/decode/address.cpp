// SPDX-License-Identifier: Apache-2.0
// Socket addresses; see address.h.
#include "decode/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <optional>

#include "catalog/catalog.h"

namespace sockwarden {
namespace {

template <typename T>
std::optional<T> head_of(Bytes bytes, std::size_t least = sizeof(T)) {
    if (bytes.size() < least) {
        return std::nullopt;
    }
    T value{};
    std::memcpy(&value, bytes.data(), std::min(sizeof(T), bytes.size()));
    return value;
}

std::string host_text(int family, const void *address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family, address, text.data(), text.size());
    return text.data();
}

void decode_unix(Bytes bytes, Address &to) {
    std::string_view name = as_text(bytes.subspan(std::min(bytes.size(), offsetof(sockaddr_un, sun_path))));
    to.form = Address::Form::unix_unnamed;
    if (name.empty()) {
        return;
    }
    if (name[0] == '\0') {
        to.form = Address::Form::unix_abstract;
        to.name = name.substr(1);
        return;
    }
    to.form = Address::Form::unix_path;
    to.name = name.substr(0, std::min(name.find('\0'), name.size()));
}

}  // namespace

bool is_elsewhere(Bytes address, Bytes own) {
    const auto family = head_of<sa_family_t>(address);
    if (family == AF_INET) {
        const auto from = head_of<sockaddr_in>(address), here = head_of<sockaddr_in>(own);
        const bool loopback = from && (ntohl(from->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
        return from && !loopback && (!here || here->sin_addr.s_addr != from->sin_addr.s_addr);
    }
    if (family == AF_INET6) {
        const auto from = head_of<sockaddr_in6>(address), here = head_of<sockaddr_in6>(own);
        if (!from || IN6_IS_ADDR_LOOPBACK(&from->sin6_addr) ||
            (IN6_IS_ADDR_V4MAPPED(&from->sin6_addr) && from->sin6_addr.s6_addr[12] == IN_LOOPBACKNET)) {
            return false;
        }
        return !here || !IN6_ARE_ADDR_EQUAL(&from->sin6_addr, &here->sin6_addr);
    }
    return false;
}

Address decode_address(Bytes bytes, std::uint16_t family) {
    Address address;
    if (const auto own = head_of<sa_family_t>(bytes)) {
        family = *own;
    }
    address.family = family;
    if (family == AF_UNIX) {
        decode_unix(bytes, address);
        return address;
    }
    if (family == AF_INET) {
        if (const auto in = head_of<sockaddr_in>(bytes, offsetof(sockaddr_in, sin_zero))) {
            address.form = Address::Form::inet;
            address.host = host_text(AF_INET, &in->sin_addr);
            address.port = ntohs(in->sin_port);
            return address;
        }
    } else if (family == AF_INET6) {
        if (const auto in6 = head_of<sockaddr_in6>(bytes, offsetof(sockaddr_in6, sin6_scope_id))) {
            address.form = Address::Form::inet6;
            address.host = host_text(AF_INET6, &in6->sin6_addr);
            address.port = ntohs(in6->sin6_port);
            address.scope = in6->sin6_scope_id;
            return address;
        }
    } else if (family == AF_NETLINK) {
        if (const auto nl = head_of<sockaddr_nl>(bytes)) {
            address.form = Address::Form::netlink;
            address.portid = nl->nl_pid;
            address.groups = nl->nl_groups;
            return address;
        }
    } else if (family == AF_VSOCK) {
        if (const auto vm = head_of<sockaddr_vm>(bytes)) {
            address.form = Address::Form::vsock;
            address.cid = vm->svm_cid;
            address.vsock_port = vm->svm_port;
            return address;
        }
    }
    address.data = bytes.subspan(std::min(bytes.size(), sizeof(sa_family_t)));
    return address;
}

std::string address_text(const Address &address) {
    std::string text;
    switch (address.form) {
        case Address::Form::unix_unnamed:
            break;
        case Address::Form::unix_path:
            append_printable(text, address.name);
            break;
        case Address::Form::unix_abstract:
            text.push_back('@');
            append_printable(text, address.name);
            break;
        case Address::Form::inet:
            text = fmt::format("{}:{}", address.host, address.port);
            break;
        case Address::Form::inet6:
            text = fmt::format("[{}]:{}", address.host, address.port);
            break;
        case Address::Form::netlink:
            text = fmt::format("netlink:{}", address.portid);
            break;
        case Address::Form::vsock:
            text = fmt::format("vsock:{}:{}", address.cid, address.vsock_port);
            break;
        case Address::Form::other:
            if (!address.data.empty()) {
                append_hex(text, address.data);
            }
            break;
    }
    return text;
}

}  // namespace sockwarden
