// SPDX-License-Identifier: Apache-2.0
// Recordings as facts; see recorded.h.
#include "policy/recorded.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "catalog/catalog.h"
#include "policy/given.h"
#include "policy/network.h"

namespace sockwarden::policy {
namespace {

using nlohmann::json;

const json kNull;

// The value at a dotted path; null where there is none.
const json &at_path(const json &from, std::string_view path) {
    const json *at = &from;
    while (!path.empty()) {
        const std::string_view key = path.substr(0, path.find('.'));
        path.remove_prefix(std::min(key.size() + 1, path.size()));
        if (!at->is_object() || !at->contains(key)) {
            return kNull;
        }
        at = &(*at)[std::string(key)];
    }
    return *at;
}

std::string text_or_empty(const json &value) { return value.is_string() ? value.get<std::string>() : std::string(); }

// Nothing where the text is not base64.
std::optional<std::string> from_base64(std::string_view text) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text.substr(0, text.find('='))) {
        const std::size_t digit = kDigits.find(c);
        if (digit == std::string_view::npos) {
            return std::nullopt;
        }
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(bits >> count & 0xff);
        }
    }
    return bytes;
}

// A value of the fact's type, or Unknown where the record's is of another.
Value value_from(const json &value, const FactRow &row) {
    switch (row.type) {
        case FactType::boolean:
            return value.is_boolean() ? Value(value.get<bool>()) : Unknown{};
        case FactType::u16:
        case FactType::u32:
        case FactType::u64: {
            std::int64_t number = 0;
            const std::string digits = value.is_string() ? value.get<std::string>() : value.dump();
            const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
            return error == std::errc{} && rest == digits.data() + digits.size() ? Value(number) : Unknown{};
        }
        case FactType::address: {
            const std::optional<IpAddress> address = parse_address(text_or_empty(value));
            return address ? Value(*address) : Unknown{};
        }
        case FactType::flags: {
            Flags flags;
            for (const json &name : value) {
                flags.names.push_back(text_or_empty(name));
            }
            return value.is_array() ? Value(std::move(flags)) : Unknown{};
        }
        default:
            return value.is_string() ? Value(Text{value.get<std::string>()}) : Unknown{};
    }
}

class RecordReader {
public:
    RecordReader(const json &record, NamedFiles &files) : record_(record), files_(files) {}

    Facts run() {
        Facts facts;
        read_facts(nullptr, record_, facts.values);
        facts.values[FactId::payload] = payload();
        facts.values[FactId::credentials] = credentials();
        for (const FactId parent : {FactId::process_parent_exe, FactId::process_parent_exe_path}) {
            facts.values[parent] = Unknown{};
        }
        read_senders(facts);
        read_fds(facts);
        return facts;
    }

private:
    // Whether `missing` names the path or something around it.
    bool is_missing(std::string_view path) const {
        const json &missing = at_path(record_, "missing");
        return missing.is_object() && std::any_of(missing.items().begin(), missing.items().end(), [&](const auto &one) {
                   const std::string &key = one.key();
                   return path == key || (path.starts_with(key) && path[key.size()] == '.');
               });
    }
    Value none(std::string_view path) const { return is_missing(path) ? Value(Unknown{}) : Value(Absent{}); }

    // connect has in its arguments whom it asks for; a record of it may have no peer yet.
    std::string place_of(std::string_view path) const {
        constexpr std::string_view kRemote = "socket.remote";
        const std::string event = text_or_empty(at_path(record_, "event"));
        const EventRow *row = find_event(event);
        const bool asks = row != nullptr && (row->id == EventId::connect || row->id == EventId::io_uring_connect) &&
                          (at_path(record_, "args.addr").is_object() || is_missing("args.addr"));
        return asks && path.starts_with(kRemote) ? "args.addr" + std::string(path.substr(kRemote.size()))
                                                 : std::string(path);
    }

    // The facts of `list`, or of the message where that is null, which stand in `from` at their own paths.
    void read_facts(const FactRow *list, const json &from, FactMap &to) {
        for (const FactRow &row : facts()) {
            if (list_of(row) != list || row.type == FactType::list) {
                continue;
            }
            const std::string_view path = list == nullptr ? row.path : row.path.substr(list->path.size() + 1);
            const json &value = at_path(from, list == nullptr ? place_of(path) : path);
            if (value.is_null()) {
                to.try_emplace(row.id, list == nullptr ? none(place_of(path)) : Value(Unknown{}));
            } else if (row.type == FactType::file && value.is_string()) {
                set_file(to, row, value.get<std::string>(), files_);
            } else if (!value.is_object()) {
                to.try_emplace(row.id, value_from(value, row));
            }
        }
    }

    Value payload() const {
        const json &payload = at_path(record_, "payload");
        if (!payload.is_object() || is_missing("payload.text")) {
            return none("payload.text");
        }
        const std::optional<std::string> bytes = payload.contains("base64")
                                                     ? from_base64(text_or_empty(payload["base64"]))
                                                     : text_or_empty(at_path(payload, "text"));
        if (!bytes) {
            return Unknown{};
        }
        const json &length = at_path(payload, "length");
        return Text{*bytes, length.is_number() && length.get<std::uint64_t>() > bytes->size()};
    }

    Value credentials() const {
        const json &control = at_path(record_, "args.msg.control");
        if (!control.is_array()) {
            return is_missing("args.msg.control") ? Value(Unknown{}) : Value(false);
        }
        return std::any_of(control.begin(), control.end(),
                           [](const json &one) { return at_path(one, "type") == "SCM_CREDENTIALS"; });
    }

    void read_senders(Facts &facts) {
        const json &senders = at_path(record_, "senders");
        if (is_missing("senders")) {
            facts.lists[FactId::senders] = unknown_elements();
        }
        if (!senders.is_array()) {
            return;
        }
        Elements &elements = facts.lists[FactId::senders];
        for (const json &sender : senders) {
            const bool guess = at_path(sender, "guess") == true;
            FactMap &element = elements.items.emplace_back();
            read_facts(&fact(FactId::senders), guess ? kNull : sender, element);
            if (!guess && at_path(sender, "cgroup").is_string()) {  // unit and container are taken from its path
                for (const FactId derived : {FactId::senders_unit, FactId::senders_container}) {
                    if (std::holds_alternative<Unknown>(element[derived])) {
                        element[derived] = Absent{};
                    }
                }
            }
        }
    }

    void read_fds(Facts &facts) {
        Elements elements;
        const json &control = at_path(record_, "args.msg.control");
        for (const json &message : control.is_array() ? control : json::array()) {
            for (const json &fd : at_path(message, "fds")) {
                read_facts(&fact(FactId::fds), fd, elements.items.emplace_back());
            }
        }
        if (const json &file = at_path(record_, "args.file"); file.is_object()) {
            read_facts(&fact(FactId::fds), file, elements.items.emplace_back());
        }
        const json &sent = at_path(record_, "fds.sent");
        elements.complete = !is_missing("fds.sent") && !is_missing("args.file") &&
                            (!sent.is_number() || sent.get<std::uint64_t>() <= elements.items.size());
        if (sent.is_number() || !elements.complete || !elements.items.empty()) {
            facts.lists[FactId::fds] = std::move(elements);
        }
    }

    const json &record_;
    NamedFiles &files_;
};

}  // namespace

Result<std::optional<RecordedMessage>> read_record(std::string_view line, NamedFiles &files) {
    const json record = json::parse(line, nullptr, false);
    if (!record.is_object() || !at_path(record, "event").is_string()) {
        return Error{"not a record of `sockwarden trace -o json`"};
    }
    RecordedMessage message;
    message.event = text_or_empty(at_path(record, "event"));
    if (find_event(message.event) == nullptr) {
        const auto known = std::ranges::find(records(), message.event, &RecordRow::name);
        return known != records().end() ? Result<std::optional<RecordedMessage>>(std::nullopt)
                                        : Error{"an event that this sockwarden does not know: " + message.event};
    }
    const json &seq = at_path(record, "seq"), &pid = at_path(record, "process.pid");
    message.seq = seq.is_number_unsigned() ? seq.get<std::uint64_t>() : 0;
    message.pid = pid.is_number_integer() ? pid.get<std::int64_t>() : 0;
    message.comm = text_or_empty(at_path(record, "process.comm"));
    message.facts = RecordReader(record, files).run();
    return std::optional(std::move(message));
}

}  // namespace sockwarden::policy
