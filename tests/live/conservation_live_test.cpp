// SPDX-License-Identifier: Apache-2.0
// More messages than any ring holds: what was made = records + dropped + missed, to the last one.
#include <gtest/gtest.h>

#include "compare.h"
#include "options.h"
#include "process.h"
#include "stream.h"
#include "temporary.h"

namespace live {
namespace {

struct Sum {
    long long operations = 0;
    long long records = 0;
    long long lost = 0;       // as `stop` says
    long long lost_told = 0;  // as the `lost` records inside the stream say
    long long skipped = 0;    // runs of programs that the kernel skipped
};

// `filtered` counts other programs only: the command's own calls are all asked for.
Sum Flood(const std::string &scenario, const std::vector<std::string> &options) {
    const TemporaryFile truth;
    std::vector<std::string> more = options;
    more.insert(more.end(), {"--", Chosen().traffic, "--truth", truth.path(), scenario});
    const Ended ended = RunCommand(TraceCommand(Chosen(), more), Seconds(120));
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    const Stream stream = ParseStream(ended.out);
    EXPECT_EQ(Joined(CheckStream(stream)), "");
    Sum sum;
    sum.operations = ReadTruth(truth.path()).operations;
    sum.records = static_cast<long long>(stream.calls.size());
    sum.lost = StopCount(stream, "dropped") + StopCount(stream, "missed");
    sum.skipped = StopCount(stream, "skipped");
    for (const Json &record : stream.records) {
        if (TextAt(record, "/event") == "lost")
            sum.lost_told += record["count"].get<long long>();
    }
    return sum;
}

// Exact, unless the kernel skipped every program of a call: then its number of skipped runs is all that is left of it.
void ExpectConserved(const Sum &sum) {
    EXPECT_GE(sum.operations, sum.records + sum.lost) << sum.records << " records and " << sum.lost << " lost";
    EXPECT_LE(sum.operations, sum.records + sum.lost + sum.skipped)
        << sum.records << " records, " << sum.lost << " lost, " << sum.skipped << " skipped runs";
    EXPECT_EQ(sum.lost_told, sum.lost) << "lost records and stop disagree";
}

TEST(Conservation, OneThread) { ExpectConserved(Flood("flood", {})); }
TEST(Conservation, FourThreads) { ExpectConserved(Flood("flood-threads", {})); }

TEST(Conservation, RingTooSmall) {
    const Sum sum = Flood("flood-threads", {"--ring-size", "64K"});
    ExpectConserved(sum);
    EXPECT_GT(sum.lost, 0) << "the ring was to overflow, or this shows nothing";
}

}  // namespace
}  // namespace live
