// SPDX-License-Identifier: Apache-2.0
// Can the live tests fail? Takes true records, breaks one field after the other, and expects each
// to be noticed.
#include <gtest/gtest.h>

#include <set>

#include "compare.h"
#include "options.h"
#include "process.h"
#include "stream.h"
#include "temporary.h"

namespace live {
namespace {

constexpr size_t kWhole = 65535;

// What a perfect tool would print.
Json Perfect(const Json &truth) {
    Json record = truth;
    record["engine"] = "trampoline";
    record["late"] = false;
    record["time"] = "2026-11-23T17:52:27.123456789Z";
    record["process"]["id"] = "1@2";
    record["missing"] = Json::object();
    record["verdict"] = {{"action", "allow"}};
    if (record.contains("payload"))
        record["payload"]["origin"] = "K";
    if (record.contains("senders"))
        record["senders"][0]["guess"] = false;
    return record;
}

Case CaseOf(const std::string &scenario) {
    Case one;
    one.engine = "trampoline";
    one.scenario = scenario;
    return one;
}

void Leaves(const Json &value, const Json::json_pointer &at, std::vector<Json::json_pointer> &all) {
    if (value.is_structured() && !value.empty()) {
        for (const auto &item : value.items())
            Leaves(item.value(), at / item.key(), all);
    } else {
        all.push_back(at);
    }
}

Json Broken(const Json &value) {
    if (value.is_boolean())
        return !value.get<bool>();
    if (value.is_number())
        return value.get<long long>() + 1;
    if (value.is_array())
        return Json::array({"MSG_FIN"});
    if (value.is_null())
        return Json({{"family", "AF_UNIX"}});
    const std::string text = value.get<std::string>();
    return text.empty() ? "x" : text.substr(0, text.size() - 1);
}

Truth TruthOf(const std::string &scenario) {
    const TemporaryFile file;
    const Ended ended = RunCommand({Chosen().traffic, "--truth", file.path(), scenario});
    if (ended.Exited(77))
        return {};
    EXPECT_TRUE(ended.Exited(0)) << ended.err;
    return ReadTruth(file.path());
}

const char *const kScenarios[] = {"unix-datagram-path", "udp6",      "tcp4",        "netlink-link",
                                  "fds-types",          "exec",      "other-flags", "timestamping",
                                  "errqueue4",          "pktinfo6",  "eagain",      "ebadf",
                                  "payload-not-utf8",   "buffers-8", "restarted",   "credentials-stream"};

TEST(Comparison, AcceptsWhatIsTrue) {
    for (const std::string scenario : kScenarios) {
        for (const Json &line : TruthOf(scenario).lines) {
            const Json &truth = line["record"];
            EXPECT_EQ(Joined(CompareOne(truth, Perfect(truth), CaseOf(scenario), kWhole)), "") << scenario;
        }
    }
}

TEST(Comparison, NoticesEveryBrokenField) {
    size_t broken = 0;
    for (const std::string scenario : kScenarios) {
        for (const Json &line : TruthOf(scenario).lines) {
            const Json &truth = line["record"];
            std::vector<Json::json_pointer> leaves;
            Leaves(truth, Json::json_pointer(), leaves);
            for (const Json::json_pointer &leaf : leaves) {
                Json record = Perfect(truth);
                record[leaf] = Broken(record[leaf]);
                ++broken;
                EXPECT_NE(Joined(CompareOne(truth, record, CaseOf(scenario), kWhole)), "")
                    << scenario << ": nobody noticed " << leaf << " = " << record[leaf];
            }
        }
    }
    EXPECT_GT(broken, 500u);
}

TEST(Comparison, NoticesWhatIsNull) {
    for (const std::string scenario : kScenarios) {
        for (const Json &line : TruthOf(scenario).lines) {
            const Json &truth = line["record"];
            std::vector<Json::json_pointer> leaves;
            Leaves(truth, Json::json_pointer(), leaves);
            for (const Json::json_pointer &leaf : leaves) {
                Json record = Perfect(truth);
                // Null says the same as none for lists, and for the fds of what passes none.
                const bool none = record[leaf].is_null() || record[leaf].empty() ||
                                  leaf.parent_pointer() == Json::json_pointer("/fds");
                if (none)
                    continue;
                record[leaf] = nullptr;
                EXPECT_NE(Joined(CompareOne(truth, record, CaseOf(scenario), kWhole)), "")
                    << scenario << ": nobody noticed that " << leaf << " is null";
            }
        }
    }
}

TEST(Comparison, NoticesCallsTooFewAndTooMany) {
    const Truth truth = TruthOf("unix-stream-partial");
    Stream stream;
    for (const Json &line : truth.lines)
        stream.calls.push_back(Perfect(line["record"]));
    const Case one = CaseOf("unix-stream-partial");
    EXPECT_EQ(Joined(CompareAll(truth, stream, one, kWhole)), "");
    Stream fewer = stream;
    fewer.calls.pop_back();
    EXPECT_NE(Joined(CompareAll(truth, fewer, one, kWhole)), "");
    Stream more = stream;
    more.calls.push_back(more.calls.back());
    EXPECT_NE(Joined(CompareAll(truth, more, one, kWhole)), "");
    Stream strange = stream;
    strange.calls.push_back(more.calls.back());
    strange.calls.back()["process"]["tid"] = 1;
    EXPECT_NE(Joined(CompareAll(truth, strange, one, kWhole)), "");
}

TEST(Comparison, MissingNeedsARow) {
    const Json truth = TruthOf("udp4").lines.at(0)["record"];
    Json record = Perfect(truth);
    record["args"]["msg"]["name"] = nullptr;
    record["missing"]["args.msg.name"] = "light";
    Case one = CaseOf("udp4");
    EXPECT_NE(Joined(CompareOne(truth, record, one, kWhole)), "");
    record["engine"] = one.engine = "tracepoint";
    one.light = true;
    EXPECT_EQ(Joined(CompareOne(truth, record, one, kWhole)), "");
    record["missing"]["args.msg.name"] = "engine";
    EXPECT_NE(Joined(CompareOne(truth, record, one, kWhole)), "");
}

std::vector<std::string> Lines() {
    return {R"({"event":"start","engine":"trampoline"})",
            R"({"event":"recvmsg","seq":1,"time":"2026-11-23T17:52:27.123456789Z","late":false})",
            R"({"event":"recvmsg","seq":2,"time":"2026-11-23T17:52:27.123456790Z","late":false})",
            R"({"event":"stop","seq":3,"written":2,"filtered":0,"dropped":{},"missed":{}})"};
}

std::string Verdict(const std::vector<std::string> &lines) {
    std::string text;
    for (const std::string &line : lines)
        text += line + "\n";
    return Joined(CheckStream(ParseStream(text)));
}

void Replace(std::string &line, const std::string &from, const std::string &to) {
    line.replace(line.find(from), from.size(), to);
}

TEST(StreamCheck, NoticesEveryBreach) {
    EXPECT_EQ(Verdict(Lines()), "");
    std::vector<std::string> lines = Lines();
    lines.erase(lines.begin());
    EXPECT_NE(Verdict(lines), "") << "no start";
    lines = Lines();
    lines.pop_back();
    EXPECT_NE(Verdict(lines), "") << "no stop";
    lines = Lines();
    lines.erase(lines.begin() + 1);
    EXPECT_NE(Verdict(lines), "") << "a gap";
    lines = Lines();
    Replace(lines[1], "123456789Z", "123456799Z");
    EXPECT_NE(Verdict(lines), "") << "out of order";
    lines = Lines();
    Replace(lines[3], "\"written\":2", "\"written\":3");
    EXPECT_NE(Verdict(lines), "") << "wrong count";
    lines = Lines();
    Replace(lines[2], "}", ",\"extra\":1}");
    EXPECT_NE(Verdict(lines), "") << "another key";
    lines = Lines();
    lines[1] = lines[1].substr(0, 20);
    EXPECT_NE(Verdict(lines), "") << "half a line";
}

}  // namespace
}  // namespace live
