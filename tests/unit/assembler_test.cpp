// SPDX-License-Identifier: Apache-2.0
// Whole messages out of records that are lost, cut, out of order or made of noise.
#include "decode/assembler.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <random>

#include "output/json.h"
#include "records.h"
#include "schema.h"

namespace sockwarden {
namespace {

using namespace std::string_view_literals;
using nlohmann::json;
using test::bytes_of;
using test::message_record;
using test::piece_record;
using test::plain_message;
using test::Record;

std::vector<json> with_descriptions(std::vector<Record> records) {
    records.insert(records.begin(), {test::process_record(), test::socket_record()});
    return test::json_of(records);
}

TEST(Assembler, JoinsProcessAndSocket) {
    const auto lines = with_descriptions({message_record(plain_message())});
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0]["process"]["exe"], "/usr/bin/cat");
    EXPECT_EQ(lines[0]["process"]["unit"], "x.service");
    EXPECT_EQ(lines[0]["process"]["cgroup"], "/system.slice/x.service");
    EXPECT_EQ(lines[0]["socket"]["local"]["path"], "/run/x");
    EXPECT_EQ(lines[0]["payload"]["text"], "hello");
    EXPECT_EQ(lines[0]["args"]["msg"]["iov"], json::parse(R"([{"base":"0x55d0","len":100}])"));
    EXPECT_EQ(test::schema_errors(lines[0]), std::vector<std::string>{});
}

TEST(Assembler, MarksALostSocket) {
    const auto lines = test::json_of({test::process_record(), message_record(plain_message())});
    EXPECT_TRUE(lines.at(0)["socket"].is_null());
    EXPECT_EQ(lines[0]["missing"]["socket"], "description_lost");
}

TEST(Assembler, PutsPiecesTogetherInAnyOrder) {
    auto message = plain_message();
    message.ret = 5 + 8192;
    message.pieces = 2;
    const Record first = piece_record(wire::PIECE_PAYLOAD, std::string(4096, 'a'), 5);
    const Record second = piece_record(wire::PIECE_PAYLOAD, std::string(4096, 'b'), 5 + 4096);
    const std::string whole = "hello" + std::string(4096, 'a') + std::string(4096, 'b');
    for (const auto &pieces : {std::vector{first, second}, std::vector{second, first}}) {
        const auto lines = with_descriptions({pieces[0], pieces[1], message_record(message)});
        EXPECT_EQ(lines.at(0)["payload"]["text"].get<std::string>(), whole);
        EXPECT_EQ(lines[0]["missing"].count("payload"), 0U);
    }
}

TEST(Assembler, MarksEachPartThatWasLost) {
    auto message = plain_message();
    message.ret = 5 + 4096;
    message.iovlen = 2;
    message.name_state = wire::REASON_here;
    message.control_state = wire::REASON_here;
    message.pieces = 4;
    const auto lines = with_descriptions({message_record(message)});
    const json &missing = lines.at(0)["missing"];
    EXPECT_EQ(missing["args.msg.iov"], "ring_full");
    EXPECT_EQ(missing["args.msg.name"], "ring_full");
    EXPECT_EQ(missing["args.msg.control"], "ring_full");
    EXPECT_EQ(missing["payload"], "ring_full") << "5 of 4101 bytes came, and 256 were asked for at least";
    EXPECT_EQ(lines[0]["payload"]["text"], "hello");
}

TEST(Assembler, EndsThePayloadAtAPieceThatWasLost) {
    auto message = plain_message();
    message.ret = 5 + 3 * 4096;
    message.pieces = 3;
    const auto lines = with_descriptions({piece_record(wire::PIECE_PAYLOAD, std::string(4096, 'a'), 5),
                                          piece_record(wire::PIECE_PAYLOAD, std::string(4096, 'c'), 5 + 8192),
                                          message_record(message)});
    EXPECT_EQ(lines.at(0)["payload"]["captured"], 5 + 4096);
    EXPECT_EQ(lines[0]["missing"]["payload"], "ring_full");
}

TEST(Assembler, KeepsPiecesOfOtherCallsApart) {
    auto message = plain_message();
    message.pieces = 1;
    message.call = 2;  // the piece is of call 1
    message.name_state = wire::REASON_here;
    const auto lines = with_descriptions({piece_record(wire::PIECE_NAME, "\1\0/y"sv), message_record(message)});
    EXPECT_TRUE(lines.at(0)["args"]["msg"]["name"].is_null());
    EXPECT_EQ(lines[0]["missing"]["args.msg.name"], "ring_full");
}

TEST(Assembler, ForgetsSendersOfTheMessageBefore) {
    auto sent = plain_message();
    sent.sender_known = wire::SENDER_WRITER;
    sent.sender_pid = 1231;
    const auto lines = with_descriptions({message_record(sent), message_record(plain_message())});
    EXPECT_EQ(lines.at(0)["senders"].size(), 1U);
    EXPECT_EQ(lines.at(1)["senders"].size(), 0U);
}

TEST(Assembler, TellsPassedDescriptors) {
    auto message = plain_message();
    message.fds_sent = 2;
    message.control_state = wire::REASON_here;
    message.pieces = 3;
    cmsghdr header{};
    header.cmsg_len = 20;
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = SCM_RIGHTS;
    wire::fd_part file{};
    file.inode = 77;
    file.mode = 0100644;
    file.access = 1;
    file.links = 1;
    file.device = 259U << 20 | 1;
    const auto lines =
        with_descriptions({piece_record(wire::PIECE_FDS, bytes_of(file) + bytes_of(file)),
                           piece_record(wire::PIECE_FD_PATH, "hostname\0etc\0"sv),
                           piece_record(wire::PIECE_CONTROL, bytes_of(header) + std::string("\6\0\0\0\0\0\0\0", 8)),
                           message_record(message)});
    const json wanted = json::parse(
        R"([{"fd":6,"type":"regular","path":"/etc/hostname","inode":"77","device":"259:1","access":"r","status":"delivered"}])");
    EXPECT_EQ(lines.at(0)["args"]["msg"]["control"][0]["fds"], wanted);
    EXPECT_EQ(lines[0]["fds"], json::parse(R"({"sent":2,"delivered":1,"denied":null,"lost":1})"));
    EXPECT_EQ(test::schema_errors(lines[0]), std::vector<std::string>{});

    ASSERT_EQ(lines.size(), 2U);
    const json arrived = lines[1];
    EXPECT_EQ(arrived["event"], "fd_received");
    EXPECT_EQ(arrived["return"], 6);
    EXPECT_EQ(
        arrived["args"],
        json::parse(
            R"({"sockfd":3,"way":"SCM_RIGHTS","file":{"type":"regular","path":"/etc/hostname","inode":"77","device":"259:1","access":"r","local":null,"remote":null}})"));
    EXPECT_TRUE(arrived["payload"].is_null());
    EXPECT_EQ(test::schema_errors(arrived), std::vector<std::string>{});
}

TEST(Assembler, DeliversOfOtherEventsWhatTheyCarry) {
    std::vector<std::string> events_seen;
    Assembler assembler(
        "tracepoint",
        [&](Message &one) { events_seen.emplace_back(event(static_cast<EventId>(one.wire->head.event)).name); }, 256,
        event_bit(EventId::fd_received));
    auto message = plain_message();
    assembler.take(message_record(message), 0);
    EXPECT_EQ(events_seen, std::vector<std::string>{});
    message.control_state = wire::REASON_here;
    message.pieces = 2;
    for (const int number : {6, 9}) {
        assembler.take(piece_record(wire::PIECE_FD_NUMBER, bytes_of(wire::fd_number{number, 0})), 0);
    }
    assembler.take(message_record(message), 0);
    EXPECT_EQ(events_seen, (std::vector<std::string>{"fd_received", "fd_received"}));
}

TEST(Assembler, NamesSendersInTheirOrder) {
    auto message = plain_message();
    message.sender_known = wire::SENDER_TASK;
    message.sender_start = message.start;
    message.sender_pid = message.tgid;
    message.sender_tid = 1232;
    message.sender_exec = message.exec;
    message.sender_bytes = 2;
    message.pieces = 1;
    wire::sender_part first{};
    first.start = 77;
    first.tgid = first.tid = 9;
    first.uid = 4242;
    first.bytes = 3;
    const auto lines = with_descriptions({piece_record(wire::PIECE_SENDER, bytes_of(first)), message_record(message)});
    const json senders = lines.at(0)["senders"];
    ASSERT_EQ(senders.size(), 2U);
    EXPECT_EQ(senders[0]["pid"], 9);
    EXPECT_EQ(senders[0]["uid"], 4242);
    EXPECT_EQ(senders[0]["bytes"], 3);
    EXPECT_TRUE(senders[0]["exe"].is_null()) << "never described";
    EXPECT_EQ(senders[1]["tid"], 1232);
    EXPECT_EQ(senders[1]["bytes"], 2);
    EXPECT_EQ(senders[1]["exe"], "/usr/bin/cat");
    EXPECT_EQ(senders[1]["guess"], false);
    EXPECT_EQ(test::schema_errors(lines[0]), std::vector<std::string>{});
}

// A worker of io_uring's writes them, and the message is of the thread that it works for.
TEST(Assembler, JoinsPiecesByWhoWroteThem) {
    auto message = plain_message();
    message.tid = message.tgid;
    message.writer = 1231;
    message.pieces = 1;
    wire::verdict_part part{};
    part.generation = 7;
    std::vector<bool> verdicts;
    Assembler assembler("lsm", [&](Message &one) { verdicts.push_back(one.verdict && one.verdict->generation == 7); });
    assembler.take(piece_record(wire::PIECE_VERDICT, bytes_of(part)), 0);
    assembler.take(message_record(message), 0);
    EXPECT_EQ(verdicts, std::vector<bool>{true});
}

TEST(Assembler, CountsWhatIsMalformed) {
    std::size_t delivered = 0;
    Assembler assembler("tracepoint", [&](Message &) { ++delivered; });
    const auto take = [&](Record record) { assembler.take(record, 0); };
    take({});
    take(Record(15));
    Record unknown(16);
    unknown[8] = std::byte{16};
    take(unknown);
    Record cut = message_record(plain_message());
    cut.resize(cut.size() - 1);
    take(cut);
    auto claims = plain_message();
    Record too_much = message_record(claims);
    claims.inline_payload = 6;
    claims.head.size = static_cast<wire::u32>(too_much.size());
    std::memcpy(too_much.data(), &claims, sizeof(claims));
    take(too_much);
    Record event = message_record(plain_message());
    reinterpret_cast<wire::message_record *>(event.data())->head.event = 999;
    take(event);
    EXPECT_EQ(assembler.malformed(), 6U);
    EXPECT_EQ(delivered, 0U);
}

TEST(Assembler, TakesEveryBeginningOfEachRecord) {
    for (const Record &record : {test::process_record(), test::socket_record(), message_record(plain_message()),
                                 piece_record(wire::PIECE_CONTROL, "some data")}) {
        for (std::size_t size = 0; size < record.size(); ++size) {
            Record cut(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(size));
            if (size >= sizeof(wire::record_head)) {
                reinterpret_cast<wire::record_head *>(cut.data())->size = static_cast<wire::u32>(size);
            }
            test::json_of({cut, message_record(plain_message())});
        }
    }
}

// Noise behind plausible heads: nothing may fault (run under sanitizers), and every line must be JSON.
TEST(Assembler, SurvivesRandomRecords) {
    std::mt19937_64 random(3);
    std::size_t lines = 0;
    const std::string text = test::written_by([&](int fd) {
        LineWriter writer(fd);
        JsonSink json_sink(writer);
        Assembler assembler("tracepoint", [&](Message &message) {
            json_sink.message(message);
            ++lines;
        });
        for (int round = 0; round < 100'000; ++round) {
            Record record(random() % 600 + (round % 7 == 0 ? 0 : 16));
            for (std::byte &byte : record) {
                byte = static_cast<std::byte>(random() % 3 == 0 ? random() : random() % 8);
            }
            if (record.size() >= sizeof(wire::record_head) && round % 11 != 0) {
                wire::record_head head{random(), static_cast<wire::u32>(record.size()),
                                       static_cast<wire::u16>(1 + random() % 4), static_cast<wire::u16>(random() % 10)};
                if (head.kind == wire::RECORD_MESSAGE) {
                    head.event = 0;
                }
                std::memcpy(record.data(), &head, sizeof(head));
                if (head.kind == wire::RECORD_MESSAGE && record.size() >= sizeof(wire::message_record)) {
                    auto *message = reinterpret_cast<wire::message_record *>(record.data());
                    message->inline_payload %= static_cast<wire::u16>(record.size() - sizeof(*message) + 1);
                    message->ret = static_cast<std::int32_t>(message->ret % (round % 5 == 0 ? INT32_MAX : 6000));
                    message->writer %= 8;
                    message->call %= 2;
                    message->tgid = 0x7fffffff - message->tgid % 4;  // no process that /proc could tell of
                    message->sender_pid = message->tgid;
                } else if (head.kind == wire::RECORD_PIECE && record.size() >= sizeof(wire::piece_record)) {
                    auto *piece = reinterpret_cast<wire::piece_record *>(record.data());
                    piece->writer %= 8;
                    piece->call %= 2;
                    piece->offset %= 9000;
                    piece->size = static_cast<wire::u32>(record.size() - sizeof(*piece)) - (random() % 20 == 0 ? 1 : 0);
                }
            }
            assembler.take(record, static_cast<std::int64_t>(random()));
        }
        writer.flush();
    });
    EXPECT_GT(lines, 5000U);
    std::size_t at = 0;
    for (std::size_t n = 0; at < text.size(); ++n) {
        const std::size_t end = text.find('\n', at);
        if (n % 16 == 0) {
            EXPECT_TRUE(json::accept(text.begin() + static_cast<std::ptrdiff_t>(at),
                                     text.begin() + static_cast<std::ptrdiff_t>(end)))
                << text.substr(at, end - at);
        }
        at = end + 1;
    }
}

TEST(Assembler, BoundsWhatItKeepsOfLostMessages) {
    Assembler assembler("tracepoint", [](Message &) {});
    for (std::uint32_t thread = 0; thread < 20'000; ++thread) {
        Record record = piece_record(wire::PIECE_PAYLOAD, "x");
        reinterpret_cast<wire::piece_record *>(record.data())->writer = thread;
        assembler.take(record, 0);
    }
    EXPECT_LE(assembler.pending(), 4096U);
}

}  // namespace
}  // namespace sockwarden
