// SPDX-License-Identifier: Apache-2.0
// Recorded messages as facts.
#include "policy/recorded.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "catalog/catalog.h"
#include "output/message_facts.h"
#include "policy/network.h"
#include "records.h"

namespace sockwarden::policy {
namespace {

using nlohmann::json;

// A recvmsg over a UNIX socket, with one descriptor of two.
json plain_record() {
    return json::parse(R"({"event":"recvmsg","seq":18,"engine":"trampoline","return":5,"errno":null,
        "process":{"id":"1231@1","pid":1231,"uid":0,"gid":7,"comm":"dbus-daemon","exe":"/usr/bin/dbus-daemon",
                   "cgroup":"/system.slice/dbus.service","unit":"dbus.service","container":null},
        "socket":{"family":"AF_UNIX","type":"SOCK_STREAM","protocol":0,"netns":"4026531840",
                  "local":{"family":"AF_UNIX","path":"/run/bus"},"remote":{"family":"AF_UNIX","abstract":"x"}},
        "args":{"msg":{"iovlen":2,"control":[{"level":"SOL_SOCKET","type":"SCM_RIGHTS","fds":[
                  {"fd":6,"type":"regular","path":"/etc/hostname","inode":"99","device":"259:1","access":"r",
                   "status":"delivered"}]}],"flags":[]},"flags":["MSG_DONTWAIT"]},
        "fds":{"sent":2,"delivered":1,"denied":0,"lost":1},"peeked":false,
        "senders":[{"id":"1200@2","pid":1200,"uid":5,"gid":6,"comm":"systemd","exe":"/usr/lib/systemd/systemd",
                    "cgroup":"/init.scope","unit":null,"container":null,"bytes":5,"guess":false},
                   {"id":null,"pid":1300,"uid":0,"guess":true}],
        "payload":{"length":5,"captured":5,"origin":"K","text":"hello"},"missing":{}})");
}

Facts facts_of(const json &record, NamedFiles &files) {
    auto message = read_record(record.dump(), files);
    if (!message || !*message) {
        ADD_FAILURE() << (message ? "no message" : message.error().message);
        return {};
    }
    return (**message).facts;
}
Facts facts_of(const json &record) {
    NamedFiles files;
    return facts_of(record, files);
}

const Value kUnknown = Unknown{}, kAbsent = Absent{};

TEST(Recorded, FactsOfTheMessage) {
    NamedFiles files;
    const Facts facts = facts_of(plain_record(), files);
    const auto is = [&](FactId id, const Value &wanted) {
        EXPECT_EQ(value_of(facts.values, id), wanted) << fact(id).path;
    };
    is(FactId::event, Text{"recvmsg"});
    is(FactId::process_exe, files("/usr/bin/dbus-daemon"));
    is(FactId::process_exe_path, Text{"/usr/bin/dbus-daemon"});
    is(FactId::process_comm, Text{"dbus-daemon"});
    is(FactId::process_uid, std::int64_t{0});
    is(FactId::process_unit, Text{"dbus.service"});
    is(FactId::process_container, kAbsent);
    is(FactId::process_parent_exe, kUnknown);
    is(FactId::process_parent_exe_path, kUnknown);
    is(FactId::socket_family, Text{"AF_UNIX"});
    is(FactId::socket_netns, std::int64_t{4026531840});
    is(FactId::local_path, files("/run/bus"));
    is(FactId::local_path_text, Text{"/run/bus"});
    is(FactId::remote_path, kAbsent);
    is(FactId::remote_abstract, Text{"x"});
    is(FactId::remote_address, kAbsent);
    is(FactId::payload, Text{"hello"});
    is(FactId::payload_length, std::int64_t{5});
    is(FactId::args_flags, Flags{{"MSG_DONTWAIT"}});
    is(FactId::iovlen, std::int64_t{2});
    is(FactId::peeked, false);
    is(FactId::credentials, false);
}

TEST(Recorded, FactsOfElements) {
    NamedFiles files;
    const Facts facts = facts_of(plain_record(), files);
    const Elements &fds = facts.lists.at(FactId::fds);
    ASSERT_EQ(fds.items.size(), 1U);
    EXPECT_FALSE(fds.complete) << "two were sent";
    EXPECT_EQ(value_of(fds.items[0], FactId::fds_type), Value(Text{"regular"}));
    EXPECT_EQ(value_of(fds.items[0], FactId::fds_device), Value(Text{"259:1"}));
    const Elements &senders = facts.lists.at(FactId::senders);
    ASSERT_EQ(senders.items.size(), 2U);
    EXPECT_TRUE(senders.complete);
    EXPECT_EQ(value_of(senders.items[0], FactId::senders_exe), Value(files("/usr/lib/systemd/systemd")));
    EXPECT_EQ(value_of(senders.items[0], FactId::senders_uid), Value(std::int64_t{5}));
    EXPECT_EQ(value_of(senders.items[0], FactId::senders_unit), kAbsent) << "its cgroup is known";
    EXPECT_EQ(value_of(senders.items[0], FactId::senders_parent_exe), kUnknown);
    for (const FactRow &row : sockwarden::facts()) {
        if (list_of(row) == &fact(FactId::senders)) {
            EXPECT_EQ(value_of(senders.items[1], row.id), kUnknown) << "a guess: " << row.path;
        }
    }
}

TEST(Recorded, WhatIsMissingIsUnknown) {
    json record = plain_record();
    record["payload"] = {{"length", 9}, {"captured", 0}, {"text", ""}};
    record["senders"] = nullptr;
    record["args"]["msg"]["control"] = nullptr;
    record["socket"] = nullptr;
    record["missing"] = {
        {"payload.text", "ktls"}, {"senders", "engine"}, {"args.msg.control", "light"}, {"socket", "gone"}};
    const Facts facts = facts_of(record);
    EXPECT_EQ(value_of(facts.values, FactId::payload), kUnknown);
    EXPECT_EQ(value_of(facts.values, FactId::payload_length), Value(std::int64_t{9}));
    EXPECT_EQ(value_of(facts.values, FactId::credentials), kUnknown);
    EXPECT_EQ(value_of(facts.values, FactId::socket_family), kUnknown);
    EXPECT_EQ(value_of(facts.values, FactId::remote_path_text), kUnknown);
    EXPECT_FALSE(facts.lists.at(FactId::senders).complete);
    EXPECT_FALSE(facts.lists.at(FactId::fds).complete);
}

TEST(Recorded, WhatDoesNotApplyIsAbsent) {
    json record = plain_record();
    record["event"] = "sendto";
    record["senders"] = nullptr;
    record["payload"] = nullptr;
    record["fds"] = {{"sent", nullptr}};
    record["args"] = {{"sockfd", 1}};
    const Facts facts = facts_of(record);
    EXPECT_EQ(value_of(facts.values, FactId::payload), kAbsent);
    EXPECT_EQ(value_of(facts.values, FactId::args_flags), kAbsent);
    EXPECT_FALSE(facts.lists.contains(FactId::senders));
    EXPECT_FALSE(facts.lists.contains(FactId::fds));
}

TEST(Recorded, PayloadMayBeCutAndInBase64) {
    json record = plain_record();
    record["payload"] = {{"length", 900}, {"captured", 4}, {"base64", "AP/+QQ=="}};
    EXPECT_EQ(value_of(facts_of(record).values, FactId::payload), Value(Text{{"\0\xff\xfe"
                                                                              "A",
                                                                              4},
                                                                             true}));
    record["payload"] = {{"length", 4}, {"captured", 4}, {"base64", "AP*"}};
    EXPECT_EQ(value_of(facts_of(record).values, FactId::payload), kUnknown);
}

TEST(Recorded, ConnectHasThePeerThatItAsksFor) {
    json record = plain_record();
    record["event"] = "connect";
    record["args"] = {{"addr", {{"family", "AF_INET"}, {"address", "10.0.0.1"}, {"port", 53}}}};
    const Facts facts = facts_of(record);
    EXPECT_EQ(value_of(facts.values, FactId::remote_address), Value(*parse_address("10.0.0.1")));
    EXPECT_EQ(value_of(facts.values, FactId::remote_port), Value(std::int64_t{53}));
    EXPECT_EQ(value_of(facts.values, FactId::remote_abstract), kAbsent);
}

TEST(Recorded, ArrivedDescriptorsAreElements) {
    json record = plain_record();
    record["event"] = "fd_received";
    record["fds"] = {{"sent", nullptr}};
    record["args"] = {{"file", {{"type", "block"}, {"path", "/dev/sda"}, {"device", "0:5"}, {"access", "rw"}}}};
    const Elements fds = facts_of(record).lists.at(FactId::fds);
    ASSERT_EQ(fds.items.size(), 1U);
    EXPECT_TRUE(fds.complete);
    EXPECT_EQ(value_of(fds.items[0], FactId::fds_type), Value(Text{"block"}));
}

// What the JSON sink writes today is what is read here.
TEST(Recorded, RecordsOfEveryEventOfTheSinkAreRead) {
    for (const EventRow &event : events()) {
        auto wire = sockwarden::test::plain_message();
        wire.head.event = static_cast<wire::u16>(event.id);
        const auto records =
            sockwarden::test::json_of({sockwarden::test::process_record(), sockwarden::test::socket_record(),
                                       sockwarden::test::message_record(wire)});
        ASSERT_EQ(records.size(), 1U) << event.name;
        NamedFiles files;
        const Facts facts = facts_of(records[0], files);
        const auto is = [&](FactId id, const Value &wanted) {
            EXPECT_EQ(value_of(facts.values, id), wanted) << event.name << ": " << fact(id).path;
        };
        is(FactId::event, Text{std::string(event.name)});
        is(FactId::process_exe, files("/usr/bin/cat"));
        is(FactId::process_pid, std::int64_t{1231});
        is(FactId::process_comm, Text{"cat"});
        is(FactId::process_cgroup, Text{"/system.slice/x.service"});
        is(FactId::process_unit, Text{"x.service"});
        is(FactId::process_container, kAbsent);
        is(FactId::socket_family, Text{"AF_UNIX"});
        is(FactId::socket_type, Text{"SOCK_DGRAM"});
        is(FactId::local_path, files("/run/x"));
        is(FactId::peeked, false);
        if (!records[0]["payload"].is_null()) {
            is(FactId::payload, Text{"hello"});
            is(FactId::payload_length, std::int64_t{5});
        }
    }
}

// Messages of every event, whole and with losses, as wire records.
std::vector<wire::message_record> many_messages() {
    std::vector<wire::message_record> all;
    for (const EventRow &event : events()) {
        auto plain = sockwarden::test::plain_message();
        plain.head.event = static_cast<wire::u16>(event.id);
        all.push_back(plain);
        auto failed = plain;
        failed.ret = -11;
        failed.inline_payload = 0;
        all.push_back(failed);
        auto lossy = plain;
        lossy.socket_state = wire::REASON_engine;
        lossy.iov_state = lossy.name_state = lossy.control_state = wire::REASON_light;
        lossy.payload_state = wire::REASON_ktls;
        lossy.iovlen = 0;
        lossy.flags = 0x42;
        all.push_back(lossy);
        auto cut = plain;
        cut.ret = 100;
        cut.sender_known = wire::SENDER_PEER;
        cut.sender_pid = 5;
        cut.fds_sent = 2;
        all.push_back(cut);
    }
    return all;
}

// A filter sees a message as policies see the record of it, but for files, which a record has as paths.
TEST(Recorded, SaysWhatFiltersSeeOfTheMessage) {
    for (const wire::message_record &wire : many_messages()) {
        const std::vector<sockwarden::test::Record> records = {sockwarden::test::process_record(),
                                                               sockwarden::test::socket_record(),
                                                               sockwarden::test::message_record(wire)};
        const std::string event_name(event(static_cast<EventId>(wire.head.event)).name);
        Facts of_message;
        Assembler assembler(
            "tracepoint", [&](Message &message) { of_message = sockwarden::facts_of(message); }, wire::INLINE_PAYLOAD,
            event_bit(static_cast<EventId>(wire.head.event)));
        for (const auto &record : records) {
            assembler.take(record, 0);
        }
        const auto lines = sockwarden::test::json_of(records);
        if (lines.empty()) {
            continue;
        }
        NamedFiles files;
        const Facts of_record = facts_of(lines[0], files);
        for (const FactRow &row : facts()) {
            if (row.type == FactType::list) {
                const auto a = std::as_const(of_message).lists.find(row.id), b = of_record.lists.find(row.id);
                ASSERT_EQ(a == std::as_const(of_message).lists.end(), b == of_record.lists.end())
                    << event_name << ' ' << row.path;
                if (b != of_record.lists.end()) {
                    EXPECT_EQ(a->second.complete, b->second.complete) << event_name << ' ' << row.path;
                    EXPECT_EQ(a->second.items.size(), b->second.items.size()) << event_name << ' ' << row.path;
                }
            } else if (list_of(row) == nullptr && row.type != FactType::file) {
                EXPECT_EQ(value_of(of_message.values, row.id), value_of(of_record.values, row.id))
                    << event_name << ' ' << row.path << ' ' << lines[0].dump();
            }
        }
    }
}

TEST(Recorded, OtherRecordsAreNoMessages) {
    NamedFiles files;
    for (const char *line : {R"({"event":"start"})", R"({"event":"lost"})", R"({"event":"stop"})"}) {
        const auto message = read_record(line, files);
        ASSERT_TRUE(message) << line;
        EXPECT_FALSE(*message) << line;
    }
    for (const char *line : {"", "x", "[]", "{}", R"({"event":1})", R"({"event":"zzz"})"}) {
        EXPECT_FALSE(read_record(line, files)) << line;
    }
}

// Values of a wrong type are unknown, and nothing worse.
TEST(Recorded, HostileRecordsDoNoHarm) {
    NamedFiles files;
    const json plain = plain_record().flatten();
    for (const auto &[path, value] : plain.items()) {
        for (const json &other : {json(), json(-1), json(1.5), json("x"), json::array({1, "x"}), json({{"a", 1}})}) {
            json record = plain_record();
            record[json::json_pointer(path)] = other;
            if (path != "/event") {
                EXPECT_TRUE(read_record(record.dump(), files)) << path << other;
            }
        }
    }
}

}  // namespace
}  // namespace sockwarden::policy
