// SPDX-License-Identifier: Apache-2.0
// Tests of what the benchmarks compute from what they read. No privilege, no sockwarden.
#include <cmath>
#include <cstdio>

#include "common/statistics.h"
#include "common/stop_record.h"
#include "pace/verdict.h"

namespace sockwarden::bench {
namespace {

int failures = 0;

void expect(bool condition, std::string_view what) {
    if (condition)
        return;
    fmt::print(stderr, "FAILED: {}\n", what);
    failures++;
}

void test_quartiles() {
    const Quartiles odd = quartiles({5, 1, 3, 2, 4});
    expect(odd.first == 2 && odd.median == 3 && odd.third == 4, "quartiles of five");
    expect(median({1, 2}) == 1.5, "the median of two lies between");
    expect(std::isnan(median({})), "no values have no median");
}

void test_stop_record() {
    Result<StopRecord> stop =
        parse_stop_record(R"({"event":"stop","seq":20,"time":"…","seconds":10.0,"written":17,"filtered":3,)"
                          R"("dropped":{"ring_full":12},"missed":{"recursion":1,"no_storage":4}})");
    expect(stop && stop->written == 17 && stop->filtered == 3, "plain counts");
    expect(stop && stop->dropped == 12 && stop->missed == 5, "counts by reason are added");
    stop = parse_stop_record(R"({"event":"stop","written":0,"filtered":0,"dropped":{},"missed":{}})");
    expect(stop && stop->dropped == 0 && stop->missed == 0, "no reasons");
    expect(!parse_stop_record(R"({"event":"lost","count":1})"), "another event");
    expect(!parse_stop_record(R"({"event":"stop","written":17)"), "a record cut short");
    expect(!parse_stop_record(R"({"event":"stop","written":1,"filtered":0,"dropped":{"a":null},"missed":{}})"),
           "a count that is none");
}

void test_summary() {
    expect(lost_in_summary("sockwarden: tracing\nsockwarden: 0.7 s, 34950 messages, filtered 0, "
                           "dropped 12 (ring_full 12), missed 3 (recursion 1, no_storage 2)\n") == 15,
           "dropped and missed");
    expect(lost_in_summary("0.7 s, 3 messages, filtered 9, dropped 0, missed 0") == 0, "nothing");
    expect(!lost_in_summary("17 messages"), "not told");
}

void test_lines() {
    LineCounter counter;
    const std::string_view stream =
        "{\"event\":\"start\"}\n{\"event\":\"recvmsg\",\"seq\":1}\n{\"event\":\"stop\"}\n{\"eve";
    expect(counter.take(stream) == stream.size() - 5, "the part of a line stays");
    expect(counter.lines().all == 3 && counter.lines().messages == 1, "lines by kind");
    expect(counter.lines().last == "{\"event\":\"stop\"}", "the last line");
    expect(counter.take("no newline") == 0, "no line, nothing taken");
    expect(counter.lines().last == "{\"event\":\"stop\"}", "the last line is kept");
    counter.take("broken\n");
    expect(counter.lines().malformed == 1, "a line that is no record");
}

Lines messages(std::uint64_t count) {
    Lines lines{};
    lines.messages = count;
    return lines;
}

void test_balance() {
    expect(balance(10, {10, 99, 0, 0}, messages(10)).problems.empty(), "all there");
    const Balance dropped = balance(10, {7, 0, 3, 0}, messages(7));
    expect(dropped.problems.empty() && dropped.lost == 3, "dropped and counted");
    expect(balance(10, {7, 0, 1, 2}, messages(7)).problems.empty(), "missed and counted");
    expect(balance(10, {8, 0, 1, 2}, messages(8)).problems.empty(), "missed runs of others");
    expect(!balance(10, {9, 0, 0, 0}, messages(9)).problems.empty(), "one unaccounted for");
    expect(!balance(10, {11, 0, 0, 0}, messages(11)).problems.empty(), "one too many");
    expect(!balance(10, {10, 0, 0, 0}, messages(9)).problems.empty(), "a line missing");
}

void test_pace() {
    const std::uint64_t second = 1'000'000'000;
    expect(kept_pace({1000, 2}, {2000, 2 * second, false}), "on time");
    expect(!kept_pace({1000, 2}, {2000, 3 * second, false}), "all made, but late");
    expect(kept_pace({0, 2}, {1, 3 * second, false}), "unpaced is always on time");
}

}  // namespace
}  // namespace sockwarden::bench

int main() {
    using namespace sockwarden::bench;
    test_quartiles();
    test_stop_record();
    test_summary();
    test_lines();
    test_balance();
    test_pace();
    return failures == 0 ? 0 : 1;
}
