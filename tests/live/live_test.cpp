// SPDX-License-Identifier: Apache-2.0
// Runs every scenario under sockwarden and compares its records with the truth, field by field.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "compare.h"
#include "options.h"
#include "process.h"
#include "scenario_test.h"
#include "temporary.h"

namespace live {
namespace {

constexpr size_t kWhole = 65535;  // the tool's largest snaplen

// Scenarios of another set of events, which are many and pass in one trace.
struct Group {
    const char *name, *prefix, *events;
};
constexpr Group kGroups[] = {
    {"sends", "sent-", "send"}, {"connections", "connection-", "connections"}, {"passing", "passing-", "fds"}};

// The group that a scenario is of, or whose name it is; null for receives.
const Group *GroupOf(const std::string &name) {
    for (const Group &group : kGroups) {
        if (name == group.name || name.rfind(group.prefix, 0) == 0)
            return &group;
    }
    return nullptr;
}

class ScenarioTest : public testing::Test {
public:
    ScenarioTest(std::string program, std::vector<std::string> scenarios, size_t snaplen, std::string places)
        : program_(std::move(program)),
          scenarios_(std::move(scenarios)),
          snaplen_(snaplen),
          places_(std::move(places)) {}

    void TestBody() override;

private:
    void CheckConservation(const Truth &truth, const Stream &stream, const Case &base) const;

    std::string program_;
    std::vector<std::string> scenarios_;
    size_t snaplen_;
    std::string places_;
};

void ScenarioTest::TestBody() {
    constexpr int kSkipped = 77;
    const TemporaryFile file;
    const Group *group = GroupOf(scenarios_.front());
    std::vector<std::string> options = {"--places",  places_,
                                        "--snaplen", std::to_string(snaplen_),
                                        "--events",  group != nullptr ? group->events : "receive",
                                        "--",        program_,
                                        "--truth",   file.path()};
    options.insert(options.end(), scenarios_.begin(), scenarios_.end());
    const Ended ended = RunCommand(TraceCommand(Chosen(), options), Seconds(120));  // a guest is slow
    if (ended.Exited(kSkipped))
        GTEST_SKIP() << ended.err;
    ASSERT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;

    const Stream stream = ParseStream(ended.out);
    EXPECT_EQ(Joined(CheckStream(stream)), "");
    ASSERT_FALSE(stream.records.empty());
    Case base;
    base.engine = TextAt(stream.records.front(), "/engine");
    base.light = Chosen().light;
    base.scenario = scenarios_.front();
    base.skipped = StopCount(stream, "skipped") > 0;
    if (Chosen().engine != "auto") {
        EXPECT_EQ(base.engine, Chosen().engine);
    }

    const Truth truth = ReadTruth(file.path());
    ASSERT_EQ(truth.operations, static_cast<long long>(truth.lines.size())) << "the traffic program contradicts itself";
    EXPECT_EQ(Joined(CompareAll(truth, stream, base, snaplen_)), "") << stream.records.back();
    CheckConservation(truth, stream, base);
}

// `filtered` also counts other programs, so the sum can only be a lower bound; the command's own
// calls are all asked for, so each that was not lost must be a record.
void ScenarioTest::CheckConservation(const Truth &truth, const Stream &stream, const Case &base) const {
    long long unseen = 0;
    for (const Json &line : truth.lines) {
        Case one = base;
        one.scenario = line.value("scenario", base.scenario);
        unseen += MayBeUnseen(one, line);
    }
    const long long written = StopCount(stream, "written");
    const long long lost = StopCount(stream, "dropped") + StopCount(stream, "missed");
    EXPECT_LE(written, truth.operations - unseen);
    const long long skipped = StopCount(stream, "skipped");
    EXPECT_GE(written + lost + skipped, truth.operations - unseen);
    EXPECT_LE(lost, skipped) << stream.records.back();
}

// One trace of all `scenarios`.
void Register(const std::string &suite, std::string name, const std::string &program,
              const std::vector<std::string> &scenarios, size_t snaplen, const std::string &places = "4096") {
    std::replace(name.begin(), name.end(), '-', '_');
    testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [=]() -> ScenarioTest * { return new ScenarioTest(program, scenarios, snaplen, places); });
}

std::vector<std::string> List(const std::string &program) {
    const Ended ended = RunCommand({program, "--list"});
    std::vector<std::string> names;
    std::istringstream lines(ended.out);
    for (std::string line; std::getline(lines, line);) {
        names.push_back(line.substr(0, line.find('\t')));
    }
    if (names.empty())
        std::cerr << program << " lists no scenario: " << ended.err << "\n";
    return names;
}

}  // namespace

void RegisterScenarioTests() {
    const Options &chosen = Chosen();
    // All of them in one trace: what takes minutes one by one in a guest takes seconds.
    Register("Together", "all", chosen.traffic, {"all"}, kWhole);
    for (const Group &group : kGroups)
        Register("Together", group.name, chosen.traffic, {group.name}, kWhole);
    for (const std::string &name : List(chosen.traffic)) {
        if (GroupOf(name) == nullptr)
            Register("Scenario", name, chosen.traffic, {name}, kWhole);
    }
    for (const size_t snaplen : {0, 1, 255, 256, 257, 4096, 40000}) {
        Register(
            "Snaplen", std::to_string(snaplen), chosen.traffic,
            {"payload-256", "unix-stream-65535", "udp4-paged", "tcp4-partial", "unix-stream-glued-cut", "buffers-200"},
            snaplen);
    }
    // All threads share one place for their calls in progress, so that most have their state in task storage.
    for (const char *name : {"threads-200", "fork-two-write", "fork-child-receives", "exec", "fds-stream", "udp4",
                             "unix-stream-pair", "ebadf"}) {
        Register("OnePlace", name, chosen.traffic, {name}, kWhole, "1");
    }
    if (chosen.traffic32.empty()) {
        std::cerr << "skipped i386 callers: sockwarden-traffic32 was not built\n";
        return;
    }
    for (const std::string &name : List(chosen.traffic32)) {
        Register("Scenario", name, chosen.traffic32, {name}, kWhole);
    }
}

}  // namespace live
