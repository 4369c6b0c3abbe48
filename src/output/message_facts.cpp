// SPDX-License-Identifier: Apache-2.0
// Messages as facts; see message_facts.h.
#include "output/message_facts.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "catalog/catalog.h"
#include "decode/address.h"
#include "output/names.h"
#include "policy/network.h"

namespace sockwarden {
namespace {

using policy::Absent;
using policy::Elements;
using policy::FactMap;
using policy::Facts;
using policy::File;
using policy::Text;
using policy::Unknown;
using policy::Value;

bool is_loss(std::uint8_t reason) { return reason != wire::REASON_here && reason != wire::REASON_none; }
Value none(std::uint8_t reason) { return is_loss(reason) ? Value(Unknown{}) : Value(Absent{}); }

Value number(std::uint64_t value) {
    constexpr std::uint64_t kMost = INT64_MAX;
    return static_cast<std::int64_t>(std::min(value, kMost));
}
Value text_or_absent(std::string_view text) { return text.empty() ? Value(Absent{}) : Value(Text{std::string(text)}); }
Value file_of(const FileIdentity &file) {
    return file.inode == 0 ? Value(Unknown{}) : Value(File{file.device, file.inode});
}
Value word(std::string_view set, std::uint64_t value) {
    const std::string_view name = constant_name(set, value);
    return Text{name.empty() ? std::to_string(value) : std::string(name)};
}

// ---- Processes, of the receiver and of senders.

// The facts that the process of a message and those of senders have alike.
struct ProcessFacts {
    FactId exe, exe_path, uid, gid, pid, cgroup, unit, container, parent_exe, parent_exe_path;
};
constexpr ProcessFacts kOwn{
    FactId::process_exe,        FactId::process_exe_path,       FactId::process_uid,  FactId::process_gid,
    FactId::process_pid,        FactId::process_cgroup,         FactId::process_unit, FactId::process_container,
    FactId::process_parent_exe, FactId::process_parent_exe_path};
constexpr ProcessFacts kSenders{
    FactId::senders_exe,        FactId::senders_exe_path,       FactId::senders_uid,  FactId::senders_gid,
    FactId::senders_pid,        FactId::senders_cgroup,         FactId::senders_unit, FactId::senders_container,
    FactId::senders_parent_exe, FactId::senders_parent_exe_path};

void put_process(const Process &process, const ProcessFacts &ids, FactMap &to) {
    const bool cut = !process.exe.empty() && !process.exe_known;
    to[ids.exe] = process.exe.empty() && process.described ? Value(Absent{}) : file_of(process.exe_file);
    to[ids.exe_path] =
        cut || (process.exe.empty() && !process.described) ? Value(Unknown{}) : text_or_absent(process.exe);
    to[ids.uid] = number(process.uid);
    to[ids.gid] = number(process.gid);
    to[ids.pid] = number(process.key.tgid);
    const bool placed = !process.cgroup.empty();
    to[ids.cgroup] = placed ? Value(Text{process.cgroup}) : Value(Unknown{});
    to[ids.unit] = placed ? text_or_absent(process.unit) : Value(Unknown{});
    to[ids.container] = placed ? text_or_absent(process.container) : Value(Unknown{});
    to[ids.parent_exe] = file_of(process.parent_file);
    to[ids.parent_exe_path] = Unknown{};
}

void put_nobody(const ProcessFacts &ids, FactMap &to) {
    for (const FactId id : {ids.exe, ids.exe_path, ids.uid, ids.gid, ids.pid, ids.cgroup, ids.unit, ids.container,
                            ids.parent_exe, ids.parent_exe_path}) {
        to[id] = Unknown{};
    }
}

void put_senders(const Message &message, Facts &facts) {
    if (!message.has_senders) {
        return;
    }
    Elements &elements = facts.lists[FactId::senders];
    const bool delivered = message.bare ? message.wire->ret >= 0 : message.wire->ret > 0;
    elements.complete = !message.senders.empty() || !delivered || message.remote;
    for (const Sender &sender : message.senders) {
        FactMap &element = elements.items.emplace_back();
        put_nobody(kSenders, element);
        element[FactId::senders_comm] = Unknown{};
        if (sender.guess) {
            continue;
        }
        if (sender.process != nullptr) {
            put_process(*sender.process, kSenders, element);
            element[FactId::senders_comm] = text_or_absent(sender.process->comm);
        }
        element[FactId::senders_pid] = number(sender.pid);
        element[FactId::senders_uid] = number(sender.uid);
        element[FactId::senders_gid] = number(sender.gid);
    }
}

// ---- Sockets.

struct AddressFacts {
    FactId path, path_text, abstract, address, port;
};
constexpr AddressFacts kLocal{FactId::local_path, FactId::local_path_text, FactId::local_abstract,
                              FactId::local_address, FactId::local_port};
constexpr AddressFacts kRemote{FactId::remote_path, FactId::remote_path_text, FactId::remote_abstract,
                               FactId::remote_address, FactId::remote_port};

void put_all(const AddressFacts &ids, const Value &value, FactMap &to) {
    for (const FactId id : {ids.path, ids.path_text, ids.abstract, ids.address, ids.port}) {
        to[id] = value;
    }
}

void put_address(const Address &address, const FileIdentity &file, const AddressFacts &ids, FactMap &to) {
    switch (address.form) {
        case Address::Form::unix_path:
            to[ids.path] = file_of(file);
            to[ids.path_text] = Text{std::string(address.name)};
            break;
        case Address::Form::unix_abstract:
            to[ids.abstract] = Text{std::string(address.name)};
            break;
        case Address::Form::inet:
        case Address::Form::inet6:
            to[ids.address] = policy::parse_address(address.host).value_or(policy::IpAddress{});
            to[ids.port] = number(address.port);
            break;
        default:
            break;
    }
}

// connect asks for an address, whether or not the socket gets it for its peer.
bool asks_for_peer(const Message &message) {
    const auto id = static_cast<EventId>(message.wire->head.event);
    return id == EventId::connect || id == EventId::io_uring_connect;
}

void put_asked(const Message &message, FactMap &to) {
    if (message.name_reason == wire::REASON_none) {
        return;
    }
    put_all(kRemote, none(message.name_reason), to);
    if (message.name_reason == wire::REASON_here) {
        const bool connected = message.socket != nullptr && !message.socket->remote.empty() && message.wire->ret == 0;
        put_address(decode_address(message.name, 0), connected ? message.socket->remote_file : FileIdentity{}, kRemote,
                    to);
    }
}

void put_socket(const Message &message, FactMap &to) {
    const Socket *socket = message.socket;
    if (socket == nullptr) {
        const Value value = none(message.socket_reason);
        for (const FactId id :
             {FactId::socket_family, FactId::socket_type, FactId::socket_protocol, FactId::socket_netns}) {
            to[id] = value;
        }
        put_all(kLocal, value, to);
        put_all(kRemote, value, to);
    } else {
        to[FactId::socket_family] = word("family", socket->family);
        to[FactId::socket_type] = word("socket_type", socket->type);
        to[FactId::socket_protocol] = number(socket->protocol);
        to[FactId::socket_netns] = number(socket->netns);
        put_address(decode_address(as_bytes_of(socket->local), socket->family), socket->local_file, kLocal, to);
        if (!socket->remote.empty()) {
            put_address(decode_address(as_bytes_of(socket->remote), socket->family), socket->remote_file, kRemote, to);
        }
    }
    if (asks_for_peer(message)) {
        put_asked(message, to);
    }
}

// ---- The message.

Value flags_of(const Message &message) {
    policy::Flags flags;
    each_flag(message.wire->flags, flag_set(message), [&](std::string_view name) { flags.names.emplace_back(name); });
    return flags;
}

Value payload_of(const Message &message) {
    const auto length = static_cast<std::uint64_t>(std::max<std::int64_t>(message.wire->ret, 0));
    if (is_loss(message.payload_reason) && message.payload_reason != wire::REASON_snaplen) {
        return Unknown{};
    }
    return Text{std::string(as_text(message.payload)), length > message.payload.size()};
}

Value credentials_of(const Message &message) {
    const auto id = static_cast<EventId>(message.wire->head.event);
    if (has_field(id, FieldId::control) && is_loss(message.control_reason)) {
        return Unknown{};
    }
    return std::ranges::any_of(message.control, [](const ControlMessage &control) {
        return control.level == SOL_SOCKET && control.type == SCM_CREDENTIALS;
    });
}

void put_fd(const PassedFd &fd, FactMap &to) {
    for (const FactId id : {FactId::fds_type, FactId::fds_path, FactId::fds_device, FactId::fds_access}) {
        to[id] = Unknown{};
    }
    if (fd.described) {
        to[FactId::fds_type] = Text{std::string(file_type(fd))};
        to[FactId::fds_device] = Text{fmt::format("{}:{}", fd.device >> 20, fd.device & 0xfffff)};
        to[FactId::fds_access] = Text{std::string(access_mode(fd.access))};
    }
    if (fd.path_known) {
        to[FactId::fds_path] = Text{fd.path};
    }
}

void put_fds(const Message &message, Facts &facts) {
    const auto id = static_cast<EventId>(message.wire->head.event);
    Elements elements;
    for (const PassedFd &fd : message.fds) {
        put_fd(fd, elements.items.emplace_back());
    }
    if (has_field(id, FieldId::file)) {
        if (message.passed != nullptr) {
            put_fd(*message.passed, elements.items.emplace_back());
        } else {
            elements.complete = false;
        }
    } else if (!has_field(id, FieldId::fds_sent) || message.bare) {
        return;
    } else {
        const bool unread = message.send && is_loss(message.control_reason);
        elements.complete = !unread && message.fds_sent <= elements.items.size();
    }
    facts.lists[FactId::fds] = std::move(elements);
}

void put_message(const Message &message, FactMap &to) {
    const wire::message_record &wire = *message.wire;
    const auto id = static_cast<EventId>(wire.head.event);
    to[FactId::event] = Text{std::string(event(id).name)};
    to[FactId::process_comm] = Text{std::string(wire.comm, ::strnlen(wire.comm, sizeof(wire.comm)))};
    if (!message.bare) {
        to[FactId::payload] = payload_of(message);
        to[FactId::payload_length] = number(static_cast<std::uint64_t>(std::max<std::int64_t>(wire.ret, 0)));
    }
    if (has_field(id, FieldId::flags)) {
        to[FactId::args_flags] = flags_of(message);
    }
    if (has_field(id, FieldId::iovlen)) {
        const bool unread = is_loss(wire.iov_state) && wire.iovlen == 0;
        to[FactId::iovlen] = unread ? Value(Unknown{}) : number(wire.iovlen);
    }
    if (has_field(id, FieldId::peeked)) {
        to[FactId::peeked] = wire.peek != 0;
    }
    to[FactId::credentials] = credentials_of(message);
}

}  // namespace

Facts facts_of(const Message &message) {
    Facts facts;
    put_message(message, facts.values);
    put_process(*message.process, kOwn, facts.values);
    put_socket(message, facts.values);
    put_senders(message, facts);
    put_fds(message, facts);
    return facts;
}

}  // namespace sockwarden
