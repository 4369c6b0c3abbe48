// SPDX-License-Identifier: Apache-2.0
// What the sinks print of hostile bytes, and what a writer does when nobody takes its lines.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <sstream>

#include "base/fd.h"
#include "output/json.h"
#include "output/names.h"
#include "output/stream.h"
#include "records.h"
#include "schema.h"

namespace sockwarden {
namespace {

using namespace std::string_view_literals;
using nlohmann::json;
using test::bytes_of;
using test::message_record;
using test::plain_message;
using test::Record;

constexpr std::string_view kHostile = "\x1b]0;x\x07\x1b[2J\r\n\t\0\x7f\xc2\x9b\xe2\x80\xae\xff\"\\</script>"sv;

// Everything that comes from outside is hostile.
std::vector<Record> hostile_records() {
    auto message = plain_message();
    message.ret = static_cast<wire::s64>(kHostile.size());
    message.name_state = wire::REASON_here;
    message.control_state = wire::REASON_here;
    message.pieces = 4;
    message.fds_sent = 1;
    message.sender_known = wire::SENDER_WRITER;
    message.sender_pid = 1231;
    std::memcpy(message.comm, "\x1b[31m\xff\n\xc2\x9b", 10);
    cmsghdr header{};
    header.cmsg_len = 20;
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = SCM_RIGHTS;
    wire::fd_part file{};
    file.mode = 0100644;
    file.links = 1;
    std::string name("\1\0", 2);
    name += kHostile;
    const std::string path = std::string("\x1b[31m\xff\0\xe2\x80\xae\n\0", 13);
    return {test::process_record(path),
            test::socket_record("/run/\x1b[31m\xe2\x80\xae\n\xff"),
            test::piece_record(wire::PIECE_NAME, name),
            test::piece_record(wire::PIECE_FDS, bytes_of(file)),
            test::piece_record(wire::PIECE_FD_PATH, path),
            test::piece_record(wire::PIECE_CONTROL, bytes_of(header) + std::string("\6\0\0\0\0\0\0\0", 8)),
            message_record(message, kHostile),
            message_record(message, kHostile)};
}

void expect_harmless(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = decode_utf8(text.substr(at));
        ASSERT_NE(point.length, 0U) << "not UTF-8 at " << at;
        EXPECT_TRUE(point.value == '\n' ||
                    (point.value >= 0x20 && point.value != 0x7f && !(point.value >= 0x80 && point.value < 0xa0)))
            << "control character " << static_cast<unsigned>(point.value);
        EXPECT_FALSE(point.value >= 0x200b && point.value <= 0x202e && point.value != 0x2026 &&
                     (point.value < 0x2010 || point.value > 0x2027));
        at += point.length;
    }
}

TEST(Table, NeverShowsControlCharacters) {
    const std::string text = test::table_of(hostile_records());
    expect_harmless(text);
    EXPECT_EQ(std::ranges::count(text, '\n'), 3) << text;
}

TEST(Table, ColorsAreTheOnlyEscapes) {
    std::string text = test::table_of(hostile_records(), {.color = true});
    for (const std::string_view color : {"\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[0m"}) {
        for (std::size_t at = text.find(color); at != std::string::npos; at = text.find(color)) {
            text.erase(at, color.size());
        }
    }
    expect_harmless(text);
}

TEST(Table, OneLineAMessage) {
    auto failed = plain_message();
    failed.ret = -EAGAIN;
    const std::string text = test::table_of(
        {test::process_record(), test::socket_record(), message_record(plain_message()), message_record(failed, "")});
    EXPECT_NE(text.find(" recvmsg             1231 cat             "), std::string::npos) << text;
    EXPECT_NE(text.find("\"hello\"\n"), std::string::npos) << text;
    EXPECT_NE(text.find("EAGAIN\n"), std::string::npos) << text;
}

TEST(Json, HostileBytesMakeValidLines) {
    for (const json &line : test::json_of(hostile_records())) {
        EXPECT_EQ(test::schema_errors(line), std::vector<std::string>{});
        if (line["event"] == "fd_received") {
            EXPECT_TRUE(line["payload"].is_null());
            continue;
        }
        EXPECT_EQ(line["payload"]["captured"], kHostile.size());
        EXPECT_TRUE(line["payload"].contains("base64"));
    }
    expect_harmless(test::json_text_of({test::process_record(), message_record(plain_message())}));
}

// Types do not depend on values: each of these states satisfies the contract.
TEST(Json, EveryStateSatisfiesTheContract) {
    std::vector<Record> records{test::process_record(), test::socket_record()};
    auto failed = plain_message();
    failed.ret = -EBADF;
    failed.socket_key = 0;
    failed.socket_state = wire::REASON_failed;
    failed.iov_state = wire::REASON_fault;
    failed.iovlen = 0;
    failed.flags_state = wire::REASON_fault;
    records.push_back(message_record(failed, ""));
    failed.ret = -512;
    records.push_back(message_record(failed, ""));
    failed.ret = -4000;
    records.push_back(message_record(failed, ""));
    for (unsigned reason = wire::REASON_here; reason <= wire::REASON_snaplen; ++reason) {
        auto message = plain_message();
        const auto state = static_cast<wire::u8>(reason);
        message.name_state = message.iov_state = message.control_state = message.flags_state = message.payload_state =
            message.fds_state = state;
        message.fds_sent = 1;
        records.push_back(message_record(message, ""));
        message.socket_state = state;
        message.socket_key = 0;
        records.push_back(message_record(message, ""));
    }
    auto flags = plain_message();
    flags.flags = 0xffffffff;
    flags.msg_flags = 0x00080000;
    flags.compat = 1;
    flags.entry = 10;
    records.push_back(message_record(flags));
    const auto lines = test::json_of(records);
    EXPECT_EQ(lines.size(), records.size() - 2);
    for (const json &line : lines) {
        EXPECT_EQ(test::schema_errors(line), std::vector<std::string>{}) << line.dump();
    }
    EXPECT_EQ(lines[0]["errno"], "EBADF");
    EXPECT_EQ(lines[1]["errno"], "ERESTARTSYS");
    EXPECT_EQ(lines.back()["args"]["msg"]["flags"], json::array({"0x80000"}));
    EXPECT_EQ(lines.back()["process"]["compat"], "i386");
    EXPECT_EQ(lines.back()["duration_ns"], 990);
}

json control_of(int level, int type, const std::string &data) {
    auto message = plain_message();
    message.control_state = wire::REASON_here;
    message.pieces = 1;
    wire::cmsg_part part{level, type, static_cast<wire::u32>(data.size()), 0};
    const auto lines =
        test::json_of({test::process_record(), test::socket_record(),
                       test::piece_record(wire::PIECE_CMSG, bytes_of(part) + data), message_record(message)});
    EXPECT_EQ(test::schema_errors(lines.at(0)), std::vector<std::string>{}) << lines.at(0)["args"].dump();
    return lines.at(0)["args"]["msg"]["control"].at(0);
}

TEST(Json, ControlMessagesAreDecoded) {
    EXPECT_EQ(control_of(SOL_SOCKET, SCM_CREDENTIALS, bytes_of(ucred{5, 6, 7})),
              json::parse(R"({"level":"SOL_SOCKET","type":"SCM_CREDENTIALS","pid":5,"uid":6,"gid":7})"));
    EXPECT_EQ(control_of(SOL_SOCKET, SO_TIMESTAMP, bytes_of(timeval{5, 6}))["nanoseconds"], 6000);
    EXPECT_EQ(control_of(SOL_SOCKET, SO_TIMESTAMPNS, bytes_of(timespec{5, 6}))["seconds"], 5);
    EXPECT_EQ(control_of(SOL_SOCKET, SO_TIMESTAMPING, bytes_of(std::array<timespec, 3>{}))["times"].size(), 3U);
    EXPECT_EQ(
        control_of(IPPROTO_IP, IP_PKTINFO, bytes_of(in_pktinfo{2, {htonl(INADDR_LOOPBACK)}, {htonl(INADDR_LOOPBACK)}})),
        json::parse(R"({"level":"SOL_IP","type":"IP_PKTINFO","ifindex":2,"local":"127.0.0.1","address":"127.0.0.1"})"));
    sock_extended_err error{};
    error.ee_errno = ECONNREFUSED;
    error.ee_origin = SO_EE_ORIGIN_ICMP;
    error.ee_type = 3;
    error.ee_code = 3;
    sockaddr_in offender{};
    offender.sin_family = AF_INET;
    offender.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(control_of(IPPROTO_IP, IP_RECVERR, bytes_of(error) + bytes_of(offender)),
              json::parse(R"({"level":"SOL_IP","type":"IP_RECVERR","errno":"ECONNREFUSED","origin":2,"icmp_type":3,
                              "icmp_code":3,"offender":{"family":"AF_INET","address":"127.0.0.1","port":0}})"));
    EXPECT_EQ(control_of(77, 78, "\xab"), json::parse(R"({"level":"77","type":"78","data":"ab"})"));
}

TEST(Json, ControlMessagesOfAnyLengthMakeValidRecords) {
    for (const auto &[level, type] : {std::pair<int, int>{SOL_SOCKET, SCM_CREDENTIALS},
                                      {SOL_SOCKET, SCM_RIGHTS},
                                      {SOL_SOCKET, SO_TIMESTAMP},
                                      {SOL_SOCKET, SO_TIMESTAMPNS},
                                      {SOL_SOCKET, SO_TIMESTAMPING},
                                      {SOL_SOCKET, SO_RXQ_OVFL},
                                      {IPPROTO_IP, IP_PKTINFO},
                                      {IPPROTO_IP, IP_RECVERR},
                                      {IPPROTO_IP, IP_TTL},
                                      {IPPROTO_IPV6, IPV6_PKTINFO},
                                      {IPPROTO_IPV6, IPV6_RECVERR},
                                      {IPPROTO_IPV6, IPV6_HOPLIMIT}}) {
        for (std::size_t size = 0; size <= 64; ++size) {
            control_of(level, type, std::string(size, '\xff'));
        }
    }
}

std::string time_text(std::int64_t wall_ns) {
    std::string to;
    append_time(to, wall_ns);
    return to;
}

TEST(Json, TimeIsUtcWithNineDigits) {
    EXPECT_EQ(time_text(0), "1970-01-01T00:00:00.000000000Z");
    EXPECT_EQ(time_text(1), "1970-01-01T00:00:00.000000001Z");
    EXPECT_EQ(time_text(1'795'456'347'123'456'789), "2026-11-23T17:52:27.123456789Z");
    EXPECT_EQ(time_text(951'782'399'999'999'999), "2000-02-28T23:59:59.999999999Z");
    EXPECT_EQ(time_text(-1), "1969-12-31T23:59:59.999999999Z");
}

TEST(Json, StartLostAndStopSatisfyTheContract) {
    const std::string text = test::written_by([](int fd) {
        LineWriter writer(fd);
        JsonSink sink(writer);
        sink.start({1, "0.1.0", "host\x1b\xff", "id", "tracepoint", "6.12", {"a\"b"}});
        sink.lost({1, 2, 12, "ring_full", 1});
        sink.lost({2, 2, 12, "probe_missed", -1});
        sink.stop({3, 4, 1.5, 17, 3, 5, {}, {{"ring_full", 12}, {"none", 0}}, {{"probe_missed", 12}}});
        writer.flush();
    });
    std::istringstream lines(text);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        EXPECT_EQ(test::schema_errors(json::parse(line)), std::vector<std::string>{}) << line;
    }
    EXPECT_EQ(count, 4U);
}

TEST(Names, OfErrors) {
    EXPECT_EQ(errno_name(EAGAIN), "EAGAIN");
    EXPECT_EQ(errno_name(512), "ERESTARTSYS");
    EXPECT_EQ(errno_name(516), "ERESTARTSYS");
    EXPECT_EQ(errno_name(4000), "4000");
    EXPECT_EQ(errno_name(INT64_MAX), "9223372036854775807");
}

class FakeSource : public Source {
public:
    std::size_t drain(const Take &, bool, std::size_t) override { return 0; }
    int wake_fd() const override { return -1; }
    bool prepare_sleep() override { return true; }
    std::vector<Loss> losses() override { return now; }
    std::vector<Loss> now;
};

TEST(Stream, ReportsEachLossOnce) {
    const std::string text = test::written_by([](int fd) {
        LineWriter writer(fd);
        JsonSink sink(writer);
        FakeSource source;
        Stream stream(sink, {&source});
        stream.begin({});
        source.now = {{"ring_full", "dropped", 0, 5}, {"filtered", "filtered", 0, 9}, {"pieces_lost", "none", 0, 3}};
        stream.report_losses(1);
        stream.report_losses(2);
        source.now[0].count = 7;
        const StreamStop stop = stream.end(3);
        EXPECT_EQ(stop.dropped.at("ring_full"), 7U);
        EXPECT_EQ(stop.filtered, 9U);
        writer.flush();
    });
    std::istringstream lines(text);
    std::vector<json> records;
    for (std::string line; std::getline(lines, line);) {
        records.push_back(json::parse(line));
    }
    ASSERT_EQ(records.size(), 4U);
    EXPECT_EQ(records[1]["count"], 5);
    EXPECT_EQ(records[2]["count"], 2);
    EXPECT_EQ(records[3]["dropped"], json::parse(R"({"ring_full":7})"));
    EXPECT_EQ(records[3]["seq"], 3);
}

class FakeSink : public Sink {
public:
    void start(const StreamStart &) override {}
    void message(const Message &message) override { late.push_back(message.late); }
    void lost(const StreamLost &) override {}
    void stop(const StreamStop &) override {}
    std::vector<bool> late;
};

TEST(Stream, MarksWhatCameAfterANewerOne) {
    FakeSink sink;
    FakeSource source;
    Stream stream(sink, {&source});
    for (const std::int64_t wall_ns : {10, 9, 10, 11, 8}) {
        Message message;
        message.wall_ns = wall_ns;
        stream.message(message);
    }
    EXPECT_EQ(sink.late, (std::vector{false, true, false, false, true}));
}

TEST(LineWriter, KnowsAReaderThatWentAway) {
    ::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::close(ends[0]);
    const Fd out(ends[1]);
    LineWriter writer(out.get());
    writer.buffer() += "line\n";
    writer.flush();
    EXPECT_EQ(writer.state(), LineWriter::State::closed);
    writer.buffer() += "line\n";
    writer.flush();
    EXPECT_TRUE(writer.buffer().empty());
}

TEST(LineWriter, KnowsAFullDisk) {
    const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    LineWriter writer(full.get());
    writer.buffer() += "line\n";
    writer.flush();
    EXPECT_EQ(writer.state(), LineWriter::State::failed);
    EXPECT_EQ(writer.error(), ENOSPC);
}

// Nothing waits for a reader that does not read, and nothing is lost to it.
TEST(LineWriter, OffersWhatIsTaken) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd in(ends[0]), out(ends[1]);
    LineWriter writer(out.get());
    std::string written;
    while (!writer.is_clogged()) {
        const std::string line = std::to_string(written.size()) + "\n";
        written += line;
        writer.buffer() += line;
        writer.wrote();
    }
    EXPECT_FALSE(writer.is_empty());
    std::string got;
    while (!writer.is_empty()) {
        std::string part(5000, '\0');
        part.resize(static_cast<std::size_t>(::read(in.get(), part.data(), part.size())));
        got += part;
        writer.offer();
    }
    EXPECT_FALSE(writer.is_clogged());
    std::string rest(written.size(), '\0');
    rest.resize(static_cast<std::size_t>(::read(in.get(), rest.data(), rest.size())));
    EXPECT_TRUE(got + rest == written) << got.size() << " and " << rest.size() << " of " << written.size();
}

TEST(LineWriter, GathersAndFlushesWhenFull) {
    const std::string text = test::written_by([](int fd) {
        LineWriter writer(fd);
        for (int i = 0; i < 3000; ++i) {
            writer.buffer() += std::string(99, 'x') + "\n";
            writer.wrote();
        }
        EXPECT_GT(::lseek(fd, 0, SEEK_END), 250'000);
        EXPECT_LT(::lseek(fd, 0, SEEK_END), 300'000);
        writer.flush();
    });
    EXPECT_EQ(text.size(), 300'000U);
}

}  // namespace
}  // namespace sockwarden
