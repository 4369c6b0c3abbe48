// SPDX-License-Identifier: Apache-2.0
// The table sink; see table.h.
#include "output/table.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "catalog/catalog.h"
#include "decode/address.h"
#include "output/names.h"

namespace sockwarden {
namespace {

constexpr std::string_view kDim = "\x1b[2m", kRed = "\x1b[31m", kGreen = "\x1b[32m", kCyan = "\x1b[36m",
                           kReset = "\x1b[0m";

// Room for the longest name of an event.
std::size_t event_width() {
    static const std::size_t width = [] {
        std::size_t longest = 8;
        for (const EventRow &row : events()) {
            longest = std::max(longest, row.name.size());
        }
        return longest;
    }();
    return width;
}

// Columns of a text as a terminal shows it, one a code point.
std::size_t columns(std::string_view text) {
    std::size_t count = 0;
    for (const char c : text) {
        count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

std::string strip(std::string_view name, std::string_view prefix) {
    return std::string(name.starts_with(prefix) ? name.substr(prefix.size()) : name);
}

// "unix dgram", "inet stream".
std::string socket_text(const Message &message) {
    if (message.socket == nullptr) {
        return "-";
    }
    const std::string_view family = constant_name("family", message.socket->family);
    const std::string_view type = constant_name("socket_type", message.socket->type);
    std::string text = family.empty() ? std::to_string(message.socket->family) : strip(family, "AF_");
    text += ' ';
    text += type.empty() ? std::to_string(message.socket->type) : strip(type, "SOCK_");
    for (char &c : text) {
        c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    return text;
}

// The other side: the sender's name, else the address that names it best; of a send, the address that it goes to.
std::string peer_text(const Message &message) {
    std::string text;
    if (!message.senders.empty()) {
        const Sender &sender = message.senders.front();
        if (sender.process != nullptr && !sender.process->comm.empty()) {
            append_printable(text, sender.process->comm);
            text += ' ';
        }
        text += fmt::format("{}{}", sender.pid, sender.guess ? "?" : "");
        return text;
    }
    if (!message.name.empty()) {
        text = address_text(decode_address(message.name, 0));
    }
    if (text.empty() && message.socket != nullptr && !message.socket->remote.empty()) {
        text = address_text(decode_address(as_bytes_of(message.socket->remote), message.socket->family));
    }
    if (text.empty()) {
        return "-";
    }
    return message.has_senders ? text : "→ " + text;
}

// On which socket: its own address or, unnamed, its inode.
std::string at_text(const Message &message) {
    if (message.socket == nullptr) {
        return message.wire->sockfd < 0 ? std::string("-") : fmt::format("fd {}", message.wire->sockfd);
    }
    const Bytes remote = as_bytes_of(message.socket->remote);
    std::string text = address_text(decode_address(as_bytes_of(message.socket->local), message.socket->family));
    if (text.empty() && message.socket->family == AF_UNIX && !remote.empty()) {
        text = "→" + address_text(decode_address(remote, AF_UNIX));
    }
    return text.empty() || text == "→" ? fmt::format("fd {}", message.wire->sockfd) : text;
}

// What else is worth a word: descriptors, credentials, flags, truncation.
std::string notes_text(const Message &message) {
    std::string text;
    auto note = [&](std::string_view word) {
        text += text.empty() ? "" : " ";
        text += word;
    };
    if (!way_name(message.wire->way).empty()) {
        note(way_name(message.wire->way));
    }
    if (message.passed != nullptr) {
        std::string what = fmt::format("{} {}", file_type(*message.passed), access_mode(message.passed->access));
        if (message.passed_socket != nullptr && !message.passed_socket->local.empty()) {
            what += ' ';
            what +=
                address_text(decode_address(as_bytes_of(message.passed_socket->local), message.passed_socket->family));
        } else if (message.passed->path_known) {
            what += ' ';
            append_printable(what, message.passed->path, 64);
        }
        note(what);
    }
    if (message.fds_sent != 0 && !message.bare) {
        std::string fds = message.send ? fmt::format("fds {}", message.fds_sent)
                                       : fmt::format("fds {}/{}", message.fds_delivered, message.fds_sent);
        if (!message.fds.empty() && message.fds.front().path_known) {
            fds += ' ';
            append_printable(fds, message.fds.front().path, 32);
        }
        note(fds);
    }
    for (const ControlMessage &control : message.control) {
        const std::string_view name = control.level == SOL_SOCKET
                                          ? constant_name("cmsg_socket", static_cast<std::uint64_t>(control.type))
                                          : std::string_view();
        if (name == "SCM_CREDENTIALS") {
            note("creds");
        }
    }
    if (message.flags_reason == wire::REASON_here) {
        for (const auto &[bit, word] : {std::pair<std::uint32_t, std::string_view>{MSG_TRUNC, "truncated"},
                                        {MSG_CTRUNC, "ctruncated"},
                                        {MSG_OOB, "oob"},
                                        {MSG_ERRQUEUE, "errqueue"}}) {
            if ((message.wire->msg_flags & bit) != 0) {
                note(word);
            }
        }
    }
    if (message.wire->peek != 0) {
        note("peek");
    }
    if (message.wire->compat != 0) {
        note("i386");
    }
    if (message.late) {
        note("late");
    }
    return text;
}

// "deny docker-socket/only-clients", and what a guard only reported.
std::string ruling_text(const Ruling &ruling) {
    std::string text;
    if (ruling.action != "allow") {
        text = fmt::format("{}{}{} {}/{}{}", ruling.escaped ? "escaped " : "",
                           ruling.enforced || ruling.escaped ? "" : "would ", ruling.action, ruling.policy,
                           ruling.rule.empty() ? "(default)" : ruling.rule, ruling.certain ? "" : " in doubt");
        if (ruling.refusals >= wire::TOLD_REFUSALS) {
            text += fmt::format(" {} times", ruling.refusals);
        }
    }
    for (const Ruling::Alert &alert : ruling.alerts) {
        text += fmt::format("{}alert {}/{}{}", text.empty() ? "" : ", ", alert.policy, alert.rule,
                            alert.certain ? "" : " in doubt");
    }
    return text;
}

}  // namespace

void TableSink::append_clock(std::int64_t wall_ns) {
    const auto second = static_cast<std::time_t>(wall_ns / 1'000'000'000);
    fmt::format_to(std::back_inserter(writer_.buffer()), "{:%H:%M:%S}.{:06} ",
                   style_.utc ? fmt::gmtime(second) : fmt::localtime(second), wall_ns % 1'000'000'000 / 1000);
}

void TableSink::append_cell(std::string_view text, std::size_t width, bool right) {
    std::string &to = writer_.buffer();
    std::string shown;
    append_printable(shown, text, width);
    const std::size_t used = columns(shown);
    const std::size_t pad = used < width ? width - used : 0;
    to.append(right ? pad : 0, ' ');
    to += shown;
    to.append(right ? 0 : pad, ' ');
    to += ' ';
}

void TableSink::start(const StreamStart & /*start*/) {
    std::string &to = writer_.buffer();
    to += style_.color ? kDim : "";
    to += fmt::format("{:<15} {:<{}} {:>7} {:<15} {:>3} {:<14} {:<28} {:<20} {:>8} {}", "TIME", "EVENT", event_width(),
                      "PID", "COMM", "FD", "SOCKET", "AT", "PEER", "RESULT", "PAYLOAD");
    to += style_.color ? kReset : "";
    to += '\n';
    writer_.wrote();
}

void TableSink::message(const Message &message) {
    std::string &to = writer_.buffer();
    const wire::message_record &wire = *message.wire;
    append_clock(message.wall_ns);
    append_cell(event(static_cast<EventId>(wire.head.event)).name, event_width());
    append_cell(std::to_string(wire.tgid), 7, true);
    append_cell({wire.comm, ::strnlen(wire.comm, sizeof(wire.comm))}, 15);
    append_cell(wire.sockfd < 0 ? std::string("-") : std::to_string(wire.sockfd), 3, true);
    to += style_.color ? kCyan : "";
    append_cell(socket_text(message), 14);
    to += style_.color ? kReset : "";
    append_cell(at_text(message), 28);
    append_cell(peer_text(message), 20);
    to += style_.color ? (wire.ret < 0 ? kRed : kGreen) : "";
    const bool is_before = message.ruling != nullptr ? !message.ruling->after : is_told_before(wire);
    const std::string done = is_before ? "-" : std::to_string(wire.ret);
    append_cell(wire.ret < 0 ? errno_name(-wire.ret) : done, 8, true);
    to += style_.color ? kReset : "";
    if (message.ruling != nullptr) {
        to += style_.color ? kRed : "";
        to += ruling_text(*message.ruling);
        to += style_.color ? kReset : "";
        to += message.payload.empty() ? "" : " ";
    }
    if (!message.payload.empty()) {
        to += '"';
        append_printable(to, as_text(message.payload), style_.payload_width);
        to += '"';
    }
    if (const std::string notes = notes_text(message); !notes.empty()) {
        to += style_.color ? kDim : "";
        to += message.payload.empty() ? "" : " ";
        to += '[';
        to += notes;
        to += ']';
        to += style_.color ? kReset : "";
    }
    while (to.ends_with(' ')) {
        to.pop_back();
    }
    to += '\n';
    writer_.wrote();
}

void TableSink::lost(const StreamLost &lost) {
    append_clock(lost.wall_ns);
    std::string &to = writer_.buffer();
    to += style_.color ? kRed : "";
    fmt::format_to(std::back_inserter(to), "lost {} ({})", lost.count, lost.reason);
    to += style_.color ? kReset : "";
    to += '\n';
    writer_.wrote();
}

void TableSink::stop(const StreamStop & /*stop*/) {}

}  // namespace sockwarden
