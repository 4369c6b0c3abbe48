// SPDX-License-Identifier: Apache-2.0
// How the JSON sink writes each kind of value; see json_values.h.
#include "output/json_values.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>
#include <optional>

#include "catalog/catalog.h"
#include "decode/address.h"
#include "output/names.h"

namespace sockwarden::json {
namespace {

template <typename T>
std::optional<T> head_of(Bytes bytes) {
    if (bytes.size() < sizeof(T)) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
}

std::string_view control_set(std::int32_t level) {
    switch (level) {
        case SOL_SOCKET:
            return "cmsg_socket";
        case IPPROTO_IP:
            return "cmsg_ip";
        case IPPROTO_IPV6:
            return "cmsg_ipv6";
        case IPPROTO_UDP:
            return "cmsg_udp";
        case IPPROTO_TCP:
            return "cmsg_tcp";
        case 263:
            return "cmsg_packet";
        case 270:
            return "cmsg_netlink";
        case 282:
            return "cmsg_tls";
        default:
            return "";
    }
}

void append_constant(std::string &to, std::string_view set, std::int64_t value) {
    const std::string_view name = constant_name(set, static_cast<std::uint64_t>(value));
    append_json_string(to, name.empty() ? std::to_string(value) : std::string(name));
}

void append_file_members(std::string &to, const PassedFd &fd) {
    to += "\"type\":";
    append_json_string(to, file_type(fd));
    to += ",\"path\":";
    append_text_or_null(to, fd.path_known ? std::string_view(fd.path) : std::string_view());
    fmt::format_to(std::back_inserter(to), R"(,"inode":"{}","device":"{}:{}","access":"{}")", fd.inode, fd.device >> 20,
                   fd.device & 0xfffff, access_mode(fd.access));
}

void append_fd(std::string &to, const PassedFd &fd, std::string_view status) {
    to += "{\"fd\":";
    append_number(to, static_cast<std::int64_t>(fd.number));
    if (!fd.described) {
        fmt::format_to(std::back_inserter(to),
                       R"(,"type":null,"path":null,"inode":null,"device":null,"access":null,"status":"{}"}})", status);
        return;
    }
    to += ',';
    append_file_members(to, fd);
    fmt::format_to(std::back_inserter(to), R"(,"status":"{}"}})", status);
}

void append_seconds(std::string &to, std::int64_t seconds, std::int64_t nanoseconds) {
    fmt::format_to(std::back_inserter(to), R"("seconds":{},"nanoseconds":{})", seconds, nanoseconds);
}

std::string host(int family, const void *address) {
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(family, address, text, sizeof(text));
    return text;
}

// Appends the members that belong to a known type; false where it has no decoder or too few bytes.
bool append_socket_level(std::string &to, const Message &message, const ControlMessage &control,
                         std::size_t &fds_before) {
    switch (control.type) {
        case SCM_RIGHTS: {
            to += "\"fds\":[";
            const std::size_t end = std::min(message.fds.size(), fds_before + control.data.size() / sizeof(int));
            for (std::size_t at = fds_before; at < end; ++at) {
                to += at == fds_before ? "" : ",";
                append_fd(to, message.fds[at], message.send ? "sent" : "delivered");
            }
            fds_before = end;
            to += ']';
            return true;
        }
        case SCM_CREDENTIALS:
            if (const auto who = head_of<ucred>(control.data)) {
                fmt::format_to(std::back_inserter(to), R"("pid":{},"uid":{},"gid":{})", who->pid, who->uid, who->gid);
                return true;
            }
            return false;
        case SO_TIMESTAMP:
            if (const auto at = head_of<timeval>(control.data)) {
                append_seconds(to, at->tv_sec,
                               static_cast<std::int64_t>(static_cast<std::uint64_t>(at->tv_usec) * 1000));
                return true;
            }
            return false;
        case SO_TIMESTAMPNS:
            if (const auto at = head_of<timespec>(control.data)) {
                append_seconds(to, at->tv_sec, at->tv_nsec);
                return true;
            }
            return false;
        case SO_TIMESTAMPING:
            if (const auto at = head_of<std::array<timespec, 3>>(control.data)) {
                to += "\"times\":[";
                for (std::size_t i = 0; i < 3; ++i) {
                    to += i == 0 ? "{" : ",{";
                    append_seconds(to, (*at)[i].tv_sec, (*at)[i].tv_nsec);
                    to += '}';
                }
                to += ']';
                return true;
            }
            return false;
        case SO_RXQ_OVFL:
        case SO_MARK:
        case SO_PRIORITY:
            if (const auto value = head_of<std::uint32_t>(control.data)) {
                fmt::format_to(std::back_inserter(to), R"("value":{})", *value);
                return true;
            }
            return false;
        default:
            return false;
    }
}

bool append_error(std::string &to, Bytes data) {
    const auto error = head_of<sock_extended_err>(data);
    if (!error) {
        return false;
    }
    fmt::format_to(std::back_inserter(to), R"("errno":"{}","origin":{},"icmp_type":{},"icmp_code":{},"offender":)",
                   errno_name(error->ee_errno), error->ee_origin, error->ee_type, error->ee_code);
    append_address(to, data.subspan(sizeof(*error)), AF_UNSPEC);
    return true;
}

bool append_ip_level(std::string &to, const ControlMessage &control) {
    if (control.type == IP_PKTINFO) {
        if (const auto info = head_of<in_pktinfo>(control.data)) {
            fmt::format_to(std::back_inserter(to), R"("ifindex":{},"local":"{}","address":"{}")", info->ipi_ifindex,
                           host(AF_INET, &info->ipi_spec_dst), host(AF_INET, &info->ipi_addr));
            return true;
        }
    }
    if (control.type == IP_TTL) {
        if (const auto value = head_of<std::uint32_t>(control.data)) {
            fmt::format_to(std::back_inserter(to), R"("value":{})", *value);
            return true;
        }
    }
    return control.type == IP_RECVERR && append_error(to, control.data);
}

bool append_ipv6_level(std::string &to, const ControlMessage &control) {
    if (control.type == IPV6_PKTINFO) {
        if (const auto info = head_of<in6_pktinfo>(control.data)) {
            fmt::format_to(std::back_inserter(to), R"("ifindex":{},"address":"{}")", info->ipi6_ifindex,
                           host(AF_INET6, &info->ipi6_addr));
            return true;
        }
    }
    if (control.type == IPV6_HOPLIMIT || control.type == IPV6_TCLASS) {
        if (const auto value = head_of<std::uint32_t>(control.data)) {
            fmt::format_to(std::back_inserter(to), R"("value":{})", *value);
            return true;
        }
    }
    return control.type == IPV6_RECVERR && append_error(to, control.data);
}

}  // namespace

void append_number(std::string &to, std::uint64_t value) {
    const fmt::format_int text(value);
    to.append(text.data(), text.size());
}

void append_number(std::string &to, std::int64_t value) {
    const fmt::format_int text(value);
    to.append(text.data(), text.size());
}

void append_text_or_null(std::string &to, std::string_view text) {
    if (text.empty()) {
        to += "null";
    } else {
        append_json_string(to, text);
    }
}

void append_flags(std::string &to, std::uint32_t flags, std::string_view set) {
    to += '[';
    bool first = true;
    each_flag(flags, set, [&](std::string_view name) {
        to += first ? "\"" : ",\"";
        to += name;
        to += '"';
        first = false;
    });
    to += ']';
}

void append_address(std::string &to, Bytes sockaddr, std::uint16_t family) {
    const Address address = decode_address(sockaddr, family);
    auto out = std::back_inserter(to);
    to += "{\"family\":";
    append_constant(to, "family", address.family);
    switch (address.form) {
        case Address::Form::unix_unnamed:
            break;
        case Address::Form::unix_path:
            to += ",\"path\":";
            append_json_string(to, address.name);
            break;
        case Address::Form::unix_abstract:
            to += ",\"abstract\":";
            append_json_string(to, address.name);
            break;
        case Address::Form::inet:
            fmt::format_to(out, R"(,"address":"{}","port":{})", address.host, address.port);
            break;
        case Address::Form::inet6:
            fmt::format_to(out, R"(,"address":"{}","port":{},"scope":{})", address.host, address.port, address.scope);
            break;
        case Address::Form::netlink:
            fmt::format_to(out, R"(,"portid":{},"groups":{})", address.portid, address.groups);
            break;
        case Address::Form::vsock:
            fmt::format_to(out, R"(,"cid":{},"port":{})", address.cid, address.vsock_port);
            break;
        case Address::Form::other:
            to += ",\"data\":\"";
            append_hex(to, address.data);
            to += '"';
            break;
    }
    to += '}';
}

void append_iov(std::string &to, const Message &message) {
    to += '[';
    bool first = true;
    for (const wire::user_iovec &part : message.iov) {
        fmt::format_to(std::back_inserter(to), R"({}{{"base":"{:#x}","len":{}}})", first ? "" : ",", part.base,
                       part.len);
        first = false;
    }
    to += ']';
}

void append_control(std::string &to, const Message &message) {
    to += '[';
    bool first = true;
    std::size_t fds = 0;  // those of the control messages so far
    for (const ControlMessage &control : message.control) {
        to += first ? "{\"level\":" : ",{\"level\":";
        first = false;
        append_constant(to, "level", control.level);
        to += ",\"type\":";
        append_constant(to, control_set(control.level), control.type);
        to += ',';
        const bool known = (control.level == SOL_SOCKET && append_socket_level(to, message, control, fds)) ||
                           (control.level == IPPROTO_IP && append_ip_level(to, control)) ||
                           (control.level == IPPROTO_IPV6 && append_ipv6_level(to, control));
        if (!known) {
            to += "\"data\":\"";
            append_hex(to, control.data);
            to += '"';
        }
        if (control.cut) {
            to += ",\"cut\":true";
        }
        to += '}';
    }
    to += ']';
}

void append_file(std::string &to, const Message &message) {
    const Socket *socket = message.passed_socket;
    to += '{';
    append_file_members(to, *message.passed);
    to += ",\"local\":";
    if (socket == nullptr) {
        to += "null";
    } else {
        append_address(to, as_bytes_of(socket->local), socket->family);
    }
    to += ",\"remote\":";
    if (socket == nullptr || socket->remote.empty()) {
        to += "null";
    } else {
        append_address(to, as_bytes_of(socket->remote), socket->family);
    }
    to += '}';
}

void append_senders(std::string &to, const Message &message) {
    static const Process kUnknown;
    to += '[';
    bool first = true;
    for (const Sender &sender : message.senders) {
        const Process &process = sender.process != nullptr ? *sender.process : kUnknown;
        const auto text = [&to](std::string_view key, const std::string &value) {
            to += key;
            append_text_or_null(to, value);
        };
        text(first ? "{\"id\":" : ",{\"id\":", process.id);
        first = false;
        fmt::format_to(std::back_inserter(to), ",\"pid\":{},\"tid\":", sender.pid);
        if (sender.tid != 0) {
            append_number(to, std::uint64_t{sender.tid});
        } else {
            to += "null";
        }
        fmt::format_to(std::back_inserter(to), ",\"uid\":{},\"gid\":{}", sender.uid, sender.gid);
        text(",\"comm\":", process.comm);
        text(",\"exe\":", process.exe);
        text(",\"cgroup\":", process.cgroup);
        text(",\"unit\":", process.unit);
        text(",\"container\":", process.container);
        text(",\"pod\":", process.pod);
        if (sender.bytes < 0) {
            to += ",\"bytes\":null";
        } else {
            fmt::format_to(std::back_inserter(to), ",\"bytes\":{}", sender.bytes);
        }
        fmt::format_to(std::back_inserter(to), ",\"guess\":{}}}", sender.guess);
    }
    to += ']';
}

void append_payload(std::string &to, Bytes payload) {
    const std::string_view text = as_text(payload);
    if (is_plain_text(text)) {
        to += "\"text\":";
        append_json_string(to, text);
    } else {
        to += "\"base64\":\"";
        append_base64(to, payload);
        to += '"';
    }
}

}  // namespace sockwarden::json
