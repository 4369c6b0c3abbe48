// SPDX-License-Identifier: Apache-2.0
// K means K: a field that the catalogue says is read from kernel memory shows what the kernel did, whatever another
// thread of the caller writes over it. Which fields those are is the catalogue's word, not this test's.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "catalog/catalog.h"
#include "compare.h"
#include "options.h"
#include "process.h"
#include "stream.h"
#include "temporary.h"

namespace live {
namespace {

constexpr long long kProvoked = 100;  // times that the caller's memory must have lied, or the race was none

Json FieldAt(const Json &record, std::string path) {
    std::replace(path.begin(), path.end(), '.', '/');
    return At(record, "/" + path);
}

// Whether the record claims that this field cannot have been forged.
bool ClaimsKernel(const sockwarden::FieldRow &field, sockwarden::EngineId engine, const Json &record) {
    const sockwarden::Tags tags = sockwarden::origin_of(field.id, engine).tags;
    if ((tags & sockwarden::kTagU) == 0 || (tags & sockwarden::kTagK) == 0)
        return (tags & sockwarden::kTagU) == 0;
    // Both: the payload says which; arguments are the caller's memory only for i386 callers.
    return field.id == sockwarden::FieldId::payload ? At(record, "/payload/origin") == "K"
                                                    : At(record, "/process/compat").is_null();
}

struct Tally {
    long long claimed = 0, wrong = 0;
    std::string first_wrong;
};

struct Race {
    const char *scenario, *events;
    std::vector<const char *> everywhere;  // fields that are K under every engine
};

void PrintTo(const Race &race, std::ostream *out) { *out << race.scenario; }

class KernelMemory : public testing::TestWithParam<Race> {};

TEST_P(KernelMemory, CannotBeForgedByAnotherThread) {
    const TemporaryFile file;
    const Ended ended = RunCommand(TraceCommand(Chosen(), {"--events", GetParam().events, "--", Chosen().traffic,
                                                           "--truth", file.path(), GetParam().scenario}),
                                   Seconds(300));  // two busy threads are slow in a guest
    ASSERT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    const Truth truth = ReadTruth(file.path());
    const Stream stream = ParseStream(ended.out);
    ASSERT_EQ(Joined(CheckStream(stream)), "");
    ASSERT_GE(truth.lines.size(), 10000U);
    ASSERT_EQ(stream.calls.size(), truth.lines.size()) << stream.records.back();
    const auto engine = sockwarden::find_engine(TextAt(stream.records.front(), "/engine"));
    ASSERT_TRUE(engine.has_value());

    std::set<std::string> claimed;
    for (const sockwarden::FieldRow &field : sockwarden::fields()) {
        const std::string path(field.path);
        Tally tally;
        for (size_t i = 0; i < truth.lines.size(); ++i) {
            const Json expected = FieldAt(truth.lines[i]["record"], path);
            if (expected.is_null() || !ClaimsKernel(field, *engine, stream.calls[i]))
                continue;
            const Json shown = FieldAt(stream.calls[i], path);
            ++tally.claimed;
            if (shown != expected && tally.wrong++ == 0)
                tally.first_wrong = "truth " + expected.dump() + ", record " + shown.dump();
        }
        if (tally.claimed == 0)
            continue;
        claimed.insert(path);
        EXPECT_EQ(tally.claimed, static_cast<long long>(truth.lines.size())) << path;
        EXPECT_EQ(tally.wrong, 0) << path << ": " << tally.first_wrong;
    }
    for (const char *everywhere : GetParam().everywhere)
        EXPECT_TRUE(claimed.contains(everywhere)) << everywhere << " is K under every engine";
    for (const auto &[path, times] : truth.differed.items())
        EXPECT_GE(times.get<long long>(), kProvoked) << path << ": the race was not provoked";
}

INSTANTIATE_TEST_SUITE_P(
    Calls, KernelMemory,
    testing::Values(
        Race{"race", "receive", {"return", "args.sockfd", "args.msg.address", "args.flags", "payload.text"}},
        Race{"race-send", "send", {"return", "args.sockfd", "args.msg.address", "args.flags"}},
        Race{"race-connect", "connect", {"return", "args.sockfd"}}),
    [](const testing::TestParamInfo<Race> &race) {
        std::string name = race.param.scenario;
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    });

}  // namespace
}  // namespace live
