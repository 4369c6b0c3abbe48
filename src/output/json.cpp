// SPDX-License-Identifier: Apache-2.0
// The JSON sink. Each row of fields.def becomes one step that writes what must come between the field before and this
// one, and then its value; values that do not change from message to message are rendered once per process and socket.
#include "output/json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "catalog/catalog.h"
#include "output/json_values.h"
#include "output/names.h"

namespace sockwarden {
namespace {

using json::append_number;
using json::append_text_or_null;

// What stands between one value and the next: the ends of objects that are done, a comma, the begins of new ones, a
// key. Fields that an event does not have are not `here`.
struct Lead {
    std::string close, open;
    bool here = true;
};
using Leads = std::array<Lead, kFieldCount + 1>;

std::vector<std::string_view> split_path(std::string_view path) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at <= path.size();) {
        const std::size_t end = std::min(path.find('.', at), path.size());
        parts.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

Leads make_leads(EventId event) {
    Leads leads;
    std::vector<std::string_view> before{""};
    for (std::size_t i = 0; i < kFieldCount; ++i) {
        leads[i].here = has_field(event, fields()[i].id);
        if (!leads[i].here) {
            continue;
        }
        const std::vector<std::string_view> path = split_path(fields()[i].path);
        std::size_t same = 0;
        while (same + 1 < before.size() && same + 1 < path.size() && before[same] == path[same]) {
            ++same;
        }
        leads[i].close.assign(before.size() - 1 - same, '}');
        leads[i].open = i == 0 ? "{" : ",";
        for (std::size_t at = same; at < path.size(); ++at) {
            if (at + 1 == path.size() && fields()[i].kind == Kind::payload) {
                break;  // its key depends on its bytes
            }
            leads[i].open += fmt::format("\"{}\":", path[at]);
            if (at + 1 < path.size()) {
                leads[i].open += '{';
            }
        }
        before = path;
    }
    leads[kFieldCount].close.assign(before.size() - 1, '}');
    leads[kFieldCount].open = "}\n";
    return leads;
}

const Leads &leads(EventId event) {
    static const std::vector<Leads> made = [] {
        std::vector<Leads> all;
        for (const EventRow &row : events()) {
            all.push_back(make_leads(row.id));
        }
        return all;
    }();
    return made[static_cast<std::size_t>(event)];
}

// Fields that are absent from one record, with their reasons.
struct Missing {
    struct Entry {
        FieldId field;
        std::uint8_t reason;
        std::string_view part;
    };
    std::array<Entry, kFieldCount> entries;
    std::size_t count = 0;

    // `part` is a member of the field's object, ".path".
    void add(FieldId field, std::uint8_t reason, std::string_view part = {}) {
        if (reason != wire::REASON_here && reason != wire::REASON_none && count < entries.size()) {
            entries[count++] = {field, reason, part};
        }
    }
};

struct Line {
    std::string &to;
    const Message &message;
    const wire::message_record &wire;
    const Leads &leads;
    Missing missing;
    bool closed = false;  // the object that the last field stood in was written as null

    // A field that the reason says is absent: null, and in `missing` when that is a loss.
    bool absent(FieldId field, std::uint8_t reason) {
        if (reason == wire::REASON_here) {
            return false;
        }
        to += "null";
        missing.add(field, reason);
        return true;
    }
};

template <FieldId>
struct Tag {};

#define MESSAGE_VALUE(id) void put(Tag<FieldId::id>, [[maybe_unused]] Line &line)
#define PROCESS_VALUE(id)                                                                \
    void put(Tag<FieldId::id>, std::string &to, [[maybe_unused]] const Process &process, \
             [[maybe_unused]] Missing &missing)
#define SOCKET_VALUE(id) void put(Tag<FieldId::id>, std::string &to, const Socket &socket)

MESSAGE_VALUE(event) { append_json_string(line.to, event(static_cast<EventId>(line.wire.head.event)).name); }
MESSAGE_VALUE(seq) { append_number(line.to, line.message.seq); }
MESSAGE_VALUE(time) {
    line.to += '"';
    append_time(line.to, line.message.wall_ns);
    line.to += '"';
}
MESSAGE_VALUE(late) { line.to += line.message.late ? "true" : "false"; }
MESSAGE_VALUE(engine) { append_json_string(line.to, line.message.engine); }
MESSAGE_VALUE(ret) {
    if (line.message.ruling != nullptr && !line.message.ruling->after && line.wire.ret >= 0) {
        line.to += "null";  // judged before the call did anything
    } else if (!line.absent(FieldId::ret, is_told_before(line.wire) ? wire::REASON_before : wire::REASON_here)) {
        append_number(line.to, std::int64_t{line.wire.ret < 0 ? -1 : line.wire.ret});
    }
}
MESSAGE_VALUE(error) {
    if (line.wire.ret < 0) {
        append_json_string(line.to, errno_name(-line.wire.ret));
    } else {
        line.to += "null";
    }
}
MESSAGE_VALUE(duration) {
    if (!line.absent(FieldId::duration, line.wire.entry_state)) {
        append_number(line.to, line.wire.head.time > line.wire.entry ? line.wire.head.time - line.wire.entry : 0);
    }
}

PROCESS_VALUE(id) { append_json_string(to, process.id); }
PROCESS_VALUE(pid) { append_number(to, std::uint64_t{process.key.tgid}); }
PROCESS_VALUE(ppid) { append_number(to, std::uint64_t{process.ppid}); }
PROCESS_VALUE(uid) { append_number(to, std::uint64_t{process.uid}); }
PROCESS_VALUE(gid) { append_number(to, std::uint64_t{process.gid}); }
PROCESS_VALUE(exe) { append_text_or_null(to, process.exe); }
PROCESS_VALUE(exe_deleted) { to += process.exe_deleted ? "true" : "false"; }
PROCESS_VALUE(cgroup) { append_text_or_null(to, process.cgroup); }
PROCESS_VALUE(unit) { append_text_or_null(to, process.unit); }
PROCESS_VALUE(container) { append_text_or_null(to, process.container); }
PROCESS_VALUE(pod) { append_text_or_null(to, process.pod); }

MESSAGE_VALUE(tid) { append_number(line.to, std::uint64_t{line.wire.tgid == 0 ? 0 : line.wire.tid}); }
MESSAGE_VALUE(comm) {
    append_json_string(line.to, {line.wire.comm, ::strnlen(line.wire.comm, sizeof(line.wire.comm))});
}
MESSAGE_VALUE(compat) { line.to += line.wire.compat != 0 ? "\"i386\"" : "null"; }

void put_constant(std::string &to, std::string_view set, std::uint64_t value) {
    const std::string_view name = constant_name(set, value);
    append_json_string(to, name.empty() ? std::to_string(value) : std::string(name));
}
void put_big(std::string &to, std::uint64_t value) {
    to += '"';
    append_number(to, value);
    to += '"';
}

SOCKET_VALUE(family) { put_constant(to, "family", socket.family); }
SOCKET_VALUE(type) { put_constant(to, "socket_type", socket.type); }
SOCKET_VALUE(protocol) { append_number(to, std::uint64_t{socket.protocol}); }
SOCKET_VALUE(cookie) {
    if (socket.cookie == 0) {
        to += "null";
    } else {
        put_big(to, socket.cookie);
    }
}
SOCKET_VALUE(inode) { put_big(to, socket.inode); }
SOCKET_VALUE(netns) { put_big(to, socket.netns); }
SOCKET_VALUE(local) { json::append_address(to, as_bytes_of(socket.local), socket.family); }
SOCKET_VALUE(remote) {
    if (socket.remote.empty()) {
        to += "null";  // not connected
    } else {
        json::append_address(to, as_bytes_of(socket.remote), socket.family);
    }
}

void append_pointer(std::string &to, std::uint64_t address) {
    fmt::format_to(std::back_inserter(to), "\"{:#x}\"", address);
}

MESSAGE_VALUE(sockfd) {
    const bool spliced = line.wire.head.event == wire::EVENT_splice && line.wire.sockfd < 0;
    const bool unseen =
        spliced || line.wire.head.event == wire::EVENT_io_uring || line.wire.head.event == wire::EVENT_io_uring_out;
    std::uint8_t reason = unseen ? wire::REASON_engine : wire::REASON_here;
    if (line.wire.way == wire::WAY_TAKEN || line.wire.way == wire::WAY_GIVEN) {
        reason = wire::REASON_none;
    }
    if (!line.absent(FieldId::sockfd, reason)) {
        append_number(line.to, std::int64_t{line.wire.sockfd});
    }
}
MESSAGE_VALUE(address) {
    if (!line.absent(FieldId::address, line.wire.index_state)) {  // the address follows from the place in a batch
        append_pointer(line.to, line.wire.address);
    }
}
MESSAGE_VALUE(name) {
    if (!line.absent(FieldId::name, line.message.name_reason)) {
        json::append_address(line.to, line.message.name, 0);
    }
}
MESSAGE_VALUE(iov) {
    if (!line.absent(FieldId::iov, line.message.iov_reason)) {
        json::append_iov(line.to, line.message);
    }
}
MESSAGE_VALUE(iovlen) {
    const bool unread = line.wire.iov_state != wire::REASON_here && line.wire.iovlen == 0;
    if (!line.absent(FieldId::iovlen, unread ? line.wire.iov_state : std::uint8_t{wire::REASON_here})) {
        append_number(line.to, line.wire.iovlen);
    }
}
MESSAGE_VALUE(control) {
    if (line.message.control_reason == wire::REASON_none) {
        line.to += line.wire.ret < 0 ? "null" : "[]";
    } else if (!line.absent(FieldId::control, line.message.control_reason)) {
        json::append_control(line.to, line.message);
    }
}
MESSAGE_VALUE(msg_flags) {
    if (!line.absent(FieldId::msg_flags, line.message.flags_reason)) {
        json::append_flags(line.to, line.wire.msg_flags);
    }
}
MESSAGE_VALUE(buffer) { append_pointer(line.to, line.wire.address); }
MESSAGE_VALUE(size) { append_number(line.to, line.wire.iov_len); }
MESSAGE_VALUE(vector) {
    if (!line.absent(FieldId::vector, line.message.iov_reason)) {
        json::append_iov(line.to, line.message);
    }
}
MESSAGE_VALUE(vector_length) { append_number(line.to, line.wire.iovlen); }
MESSAGE_VALUE(source) {
    if (!line.absent(FieldId::source, line.message.name_reason)) {
        json::append_address(line.to, line.message.name, 0);
    }
}
MESSAGE_VALUE(destination) {
    if (!line.absent(FieldId::destination, line.message.name_reason)) {
        json::append_address(line.to, line.message.name, 0);
    }
}
MESSAGE_VALUE(way) { append_text_or_null(line.to, way_name(line.wire.way)); }
MESSAGE_VALUE(file) {
    const bool known = line.message.passed != nullptr;
    const bool lost = line.message.pieces_lost;
    const std::uint8_t unknown = lost ? wire::REASON_ring_full : wire::REASON_engine;
    if (!line.absent(FieldId::file, known ? std::uint8_t{wire::REASON_here} : unknown)) {
        json::append_file(line.to, line.message);
        if (!line.message.passed->path_known) {
            line.missing.add(FieldId::file, lost ? wire::REASON_ring_full : wire::REASON_too_many, ".path");
        }
    }
}
MESSAGE_VALUE(out_fd) {
    const bool known = line.wire.in_fd >= 0;
    if (!line.absent(FieldId::out_fd, static_cast<std::uint8_t>(known ? wire::REASON_here : wire::REASON_engine))) {
        append_number(line.to, std::int64_t{line.wire.in_fd});
    }
}
MESSAGE_VALUE(in_fd) { append_number(line.to, std::int64_t{line.wire.in_fd}); }
MESSAGE_VALUE(vlen) { append_number(line.to, std::uint64_t{line.wire.vlen}); }
MESSAGE_VALUE(given) {
    if (!line.absent(FieldId::given, line.message.name_reason)) {
        json::append_address(line.to, line.message.name, 0);
    }
}
MESSAGE_VALUE(flags) { json::append_flags(line.to, line.wire.flags, flag_set(line.message)); }

// How many descriptors came, and of a send how many went, the engine may know only from the control data.
std::uint8_t known_or(std::uint8_t reason) {
    return reason == wire::REASON_none ? std::uint8_t{wire::REASON_here} : reason;
}
std::uint8_t delivered_reason(const Line &line) {
    if (line.message.send || line.message.bare) {
        return wire::REASON_none;
    }
    return known_or(line.wire.fds_sent != 0 ? line.message.control_reason : std::uint8_t{wire::REASON_here});
}
MESSAGE_VALUE(fds_sent) {
    std::uint8_t reason = wire::REASON_here;
    if (line.message.bare) {
        reason = wire::REASON_none;
    } else if (line.message.send) {
        reason = known_or(line.message.control_reason);
    }
    if (!line.absent(FieldId::fds_sent, reason)) {
        append_number(line.to, std::uint64_t{line.message.fds_sent});
    }
}
MESSAGE_VALUE(fds_delivered) {
    if (!line.absent(FieldId::fds_delivered, delivered_reason(line))) {
        append_number(line.to, std::uint64_t{line.message.fds_delivered});
    }
}
MESSAGE_VALUE(fds_denied) {
    std::uint8_t reason = wire::REASON_here;
    if (line.message.send || line.message.bare) {
        reason = wire::REASON_none;
    } else if (line.message.engine == "tracepoint" && line.message.fds_sent > line.message.fds_delivered) {
        reason = wire::REASON_engine;  // a refusal cannot be told from a loss
    }
    if (!line.absent(FieldId::fds_denied, reason)) {
        append_number(line.to, std::uint64_t{line.message.fds_denied});
    }
}
MESSAGE_VALUE(fds_lost) {
    if (!line.absent(FieldId::fds_lost, delivered_reason(line))) {
        const std::uint64_t arrived = std::uint64_t{line.message.fds_delivered} + line.message.fds_denied;
        append_number(line.to, line.wire.fds_sent > arrived ? line.wire.fds_sent - arrived : std::uint64_t{0});
    }
}

MESSAGE_VALUE(peeked) { line.to += line.wire.peek != 0 ? "true" : "false"; }
MESSAGE_VALUE(index) {
    const bool batched =
        (line.wire.head.event == wire::EVENT_recvmmsg || line.wire.head.event == wire::EVENT_sendmmsg) &&
        line.wire.ret >= 0;
    if (!line.absent(FieldId::index, batched ? line.wire.index_state : std::uint8_t{wire::REASON_none})) {
        append_number(line.to, std::uint64_t{line.wire.index});
    }
}
MESSAGE_VALUE(senders) {
    if (!line.message.has_senders) {
        line.to += "null";
        return;
    }
    const bool delivered = line.message.bare ? line.wire.ret >= 0 : line.wire.ret > 0;
    const bool unknown = line.message.senders.empty() && delivered && !line.message.remote;
    const auto why = static_cast<std::uint8_t>(
        line.message.socket_reason == wire::REASON_skipped ? wire::REASON_skipped : wire::REASON_engine);
    if (!line.absent(FieldId::senders, unknown ? why : std::uint8_t{wire::REASON_here})) {
        json::append_senders(line.to, line.message);
    }
}
MESSAGE_VALUE(length) { append_number(line.to, std::uint64_t(line.wire.ret > 0 ? line.wire.ret : 0)); }
MESSAGE_VALUE(captured) { append_number(line.to, std::uint64_t{line.message.payload.size()}); }
MESSAGE_VALUE(origin) {
    if (line.wire.origin == wire::ORIGIN_NONE) {
        line.to += "null";
    } else {
        line.to += line.wire.origin == wire::ORIGIN_KERNEL ? "\"K\"" : "\"U\"";
    }
}
MESSAGE_VALUE(payload) {
    json::append_payload(line.to, line.message.payload);
    if (line.message.payload_reason != wire::REASON_snaplen) {
        line.missing.add(FieldId::payload, line.message.payload_reason);
    }
}
MESSAGE_VALUE(verdict) {
    if (line.message.ruling == nullptr) {
        line.to += R"({"action":"allow","enforced":false,"certain":true,"point":null,"policy":null,"rule":null})";
        return;
    }
    const Ruling &ruling = *line.message.ruling;
    const auto name = [&](std::string_view key, std::string_view value) {
        line.to += key;
        json::append_text_or_null(line.to, value);
    };
    const auto truth = [&](std::string_view key, bool value) {
        line.to += key;
        line.to += value ? "true" : "false";
    };
    name("{\"action\":", ruling.action);
    truth(",\"enforced\":", ruling.enforced);
    truth(",\"certain\":", ruling.certain);
    if (ruling.escaped) {
        line.to += ",\"escaped\":true";
    }
    name(",\"point\":", ruling.point);
    name(",\"policy\":", ruling.policy);
    name(",\"rule\":", ruling.rule);
    if (ruling.refusals > 1) {
        line.to += ",\"refusals\":" + std::to_string(ruling.refusals);
    }
    if (!ruling.alerts.empty()) {
        line.to += ",\"alerts\":[";
        for (const Ruling::Alert &alert : ruling.alerts) {
            line.to += &alert == &ruling.alerts.front() ? "{\"policy\":" : ",{\"policy\":";
            name("", alert.policy);
            name(",\"rule\":", alert.rule);
            truth(",\"certain\":", alert.certain);
            line.to += '}';
        }
        line.to += ']';
    }
    line.to += '}';
}
MESSAGE_VALUE(missing) {
    line.to += '{';
    for (std::size_t i = 0; i < line.missing.count; ++i) {
        const Missing::Entry &entry = line.missing.entries[i];
        line.to += i == 0 ? "\"" : ",\"";
        const std::string_view path = field(entry.field).path;
        const bool whole = entry.field == FieldId::payload || entry.field == FieldId::family;
        line.to += whole ? path.substr(0, path.find('.')) : path;
        line.to += entry.part;
        line.to += "\":\"";
        line.to += reason_name(entry.reason);
        line.to += '"';
    }
    line.to += '}';
}

#undef MESSAGE_VALUE
#undef PROCESS_VALUE
#undef SOCKET_VALUE

void append_lead(std::string &to, const Leads &leads, FieldId id) {
    const Lead &lead = leads[static_cast<std::size_t>(id)];
    to += lead.close;
    to += lead.open;
}

// The rows of one group, in order; the others expand to nothing. Every event has them, and nothing before them differs.
void append_process(std::string &to, const Leads &leads, const Process &process, Missing &missing) {
#define PUT_process(id)                  \
    append_lead(to, leads, FieldId::id); \
    put(Tag<FieldId::id>{}, to, process, missing);
#define PUT_stream(id)
#define PUT_message(id)
#define PUT_socket(id)
#define FIELD(group, id, path, wire, kind, doc) PUT_##group(id)
#define PART(group, id, wire, doc)
#include "../../catalog/fields.def"
#undef PUT_process
#undef PUT_socket
}

void append_socket(std::string &to, const Leads &leads, const Socket &socket) {
#define PUT_process(id)
#define PUT_socket(id)                   \
    append_lead(to, leads, FieldId::id); \
    put(Tag<FieldId::id>{}, to, socket);
#include "../../catalog/fields.def"
#undef PUT_process
#undef PUT_socket
#undef PUT_message
#undef PUT_stream
}

constexpr bool is_of_payload(FieldId id) {
    return id == FieldId::length || id == FieldId::captured || id == FieldId::origin || id == FieldId::payload;
}

// An event that carries no message has no payload.
void put_no_payload(Line &line) {
    line.to += line.leads[static_cast<std::size_t>(FieldId::length)].close;
    line.to += ",\"payload\":null";
    line.closed = true;
}

template <FieldId Id>
void put_message(Line &line) {
    const Lead &lead = line.leads[static_cast<std::size_t>(Id)];
    if (!lead.here) {
        return;
    }
    if (is_of_payload(Id) && line.message.bare) {
        if (Id == FieldId::length) {
            put_no_payload(line);
        }
        return;
    }
    if (!line.closed) {
        line.to += lead.close;
    }
    line.closed = false;
    line.to += lead.open;
    put(Tag<Id>{}, line);
}

// A socket that the call never reached is null without a loss; one that we did not learn of is a loss.
void put_no_socket(Line &line) {
    line.to += line.leads[static_cast<std::size_t>(FieldId::family)].close;
    line.to += ",\"socket\":null";
    line.closed = true;
    const bool none =
        line.message.socket_reason == wire::REASON_failed && (line.wire.ret == -EBADF || line.wire.ret == -ENOTSOCK);
    if (!none) {
        line.missing.add(FieldId::family, line.message.socket_reason);
    }
}

void put_group(FieldId id, Line &line) {
    if (id == FieldId::id) {
        std::string &memo = line.message.process->rendered;
        if (memo.empty()) {
            append_process(memo, line.leads, *line.message.process, line.missing);
        }
        line.to += memo;
    } else if (id == FieldId::family) {
        if (line.message.socket == nullptr) {
            put_no_socket(line);
            return;
        }
        std::string &memo = line.message.socket->rendered;
        if (memo.empty()) {
            append_socket(memo, line.leads, *line.message.socket);
        }
        line.to += memo;
        if (line.message.socket->cookie == 0) {
            line.missing.add(FieldId::cookie, wire::REASON_engine);
        }
    }
}

std::string quoted_counts(const std::map<std::string, std::uint64_t> &counts) {
    std::string text = "{";
    for (const auto &[name, count] : counts) {
        if (count != 0) {
            fmt::format_to(std::back_inserter(text), "{}\"{}\":{}", text.size() == 1 ? "" : ",", name, count);
        }
    }
    return text + "}";
}

}  // namespace

void append_time(std::string &to, std::int64_t wall_ns) {
    static thread_local std::int64_t cached_second = INT64_MIN;
    static thread_local std::string cached;
    std::int64_t second = wall_ns / 1'000'000'000;
    std::int64_t part = wall_ns % 1'000'000'000;
    if (part < 0) {  // before 1970
        part += 1'000'000'000;
        --second;
    }
    if (second != cached_second) {
        cached = fmt::format("{:%Y-%m-%dT%H:%M:%S}.", fmt::gmtime(static_cast<std::time_t>(second)));
        cached_second = second;
    }
    to += cached;
    char digits[10] = "000000000";
    auto rest = static_cast<std::uint32_t>(part);
    for (int i = 8; i >= 0; --i, rest /= 10) {
        digits[i] = static_cast<char>('0' + rest % 10);
    }
    to.append(digits, 9);
    to += 'Z';
}

void JsonSink::message(const Message &message) {
    Line line{writer_.buffer(), message, *message.wire, leads(static_cast<EventId>(message.wire->head.event)), {}};
#define PUT_stream(id) put_message<FieldId::id>(line);
#define PUT_message(id) put_message<FieldId::id>(line);
#define PUT_process(id) put_group(FieldId::id, line);
#define PUT_socket(id) put_group(FieldId::id, line);
#define FIELD(group, id, path, wire, kind, doc) PUT_##group(id)
#define PART(group, id, wire, doc)
#include "../../catalog/fields.def"
    append_lead(line.to, line.leads, FieldId::count_);
    writer_.wrote();
}

void JsonSink::start(const StreamStart &start) {
    std::string &to = writer_.buffer();
    to += R"({"event":"start","schema":1,"version":)";
    append_json_string(to, start.version);
    to += ",\"time\":\"";
    append_time(to, start.wall_ns);
    to += "\",\"host\":";
    append_json_string(to, start.host);
    to += ",\"boot_id\":";
    append_json_string(to, start.boot_id);
    to += ",\"engine\":";
    append_json_string(to, start.engine);
    to += ",\"kernel\":";
    append_json_string(to, start.kernel);
    to += ",\"uncovered\":[";
    for (std::size_t i = 0; i < start.uncovered.size(); ++i) {
        to += i == 0 ? "" : ",";
        append_json_string(to, start.uncovered[i]);
    }
    to += "]}\n";
    writer_.wrote();
}

void JsonSink::lost(const StreamLost &lost) {
    std::string &to = writer_.buffer();
    fmt::format_to(std::back_inserter(to), R"({{"event":"lost","seq":{},"time":")", lost.seq);
    append_time(to, lost.wall_ns);
    fmt::format_to(std::back_inserter(to), R"(","count":{},"reason":"{}","cpu":)", lost.count, lost.reason);
    if (lost.cpu < 0) {
        to += "null}\n";
    } else {
        fmt::format_to(std::back_inserter(to), "{}}}\n", lost.cpu);
    }
    writer_.wrote();
}

void JsonSink::stop(const StreamStop &stop) {
    std::string &to = writer_.buffer();
    fmt::format_to(std::back_inserter(to), R"({{"event":"stop","seq":{},"time":")", stop.seq);
    append_time(to, stop.wall_ns);
    fmt::format_to(std::back_inserter(to),
                   R"(","seconds":{:.3f},"written":{},"filtered":{},"dropped":{},"skipped":{},"missed":{}}})"
                   "\n",
                   stop.seconds, stop.written, stop.filtered, quoted_counts(stop.dropped), stop.skipped,
                   quoted_counts(stop.missed));
    writer_.wrote();
}

}  // namespace sockwarden
