// SPDX-License-Identifier: Apache-2.0
// Attach, time, detach, and the differences of each round.
#include "overhead/measure.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace sockwarden::bench {
namespace {

using Times = std::array<double, workload_count>;

// Times of these workloads; the others stay zero.
Result<Times> time_all(const Variant &variant, const std::vector<Workload> &workloads, int iterations,
                       const TestBed &bed) {
    Times times{};
    for (const Workload workload : workloads) {
        const Repeats repeats = repeats_of(workload, iterations, variant.divisor);
        Result<double> time = variant.subject == nullptr ? time_workload(workload, repeats, variant.meter, bed)
                                                         : variant.subject->time(workload, repeats, variant.meter, bed);
        if (!time)
            return time.error();
        times[static_cast<std::size_t>(workload)] = *time;
    }
    return times;
}

Result<Times> time_attached(Variant &variant, int iterations, const TestBed &bed, VariantResult &result) {
    if (const Result<Done> attached = variant.subject->attach(); !attached)
        return attached.error();
    result.engine_line = variant.subject->ready_line();
    Result<Times> times = time_all(variant, variant.workloads, iterations, bed);
    Result<Detached> detached = variant.subject->detach();
    if (!times)
        return times.error();
    if (!detached)
        return detached.error();
    result.loss_known &= detached->lost.has_value();
    result.lost += detached->lost.value_or(0);
    return times;
}

void add_times(const std::vector<Workload> &workloads, const Times &before, const Times &times, const Times &after,
               VariantResult &result) {
    for (const Workload workload : workloads) {
        const auto at = static_cast<std::size_t>(workload);
        result.times[at].push_back(times[at]);
        result.added[at].push_back(times[at] - (before[at] + after[at]) / 2);
    }
}

// What is measured of either of them, in the one order that all lists of workloads have.
std::vector<Workload> workloads_of(const Variant &one, const Variant &other) {
    std::vector<Workload> all;
    std::set_union(one.workloads.begin(), one.workloads.end(), other.workloads.begin(), other.workloads.end(),
                   std::back_inserter(all));
    return all;
}

// Times "nothing attached" between two variants, by their workloads only, so that the two are soon compared. Keeps the
// result as that variant's own.
Result<Times> time_baseline(const Variant &baseline, const std::vector<Workload> &workloads, int iterations,
                            const TestBed &bed, VariantResult &result) {
    Result<Times> times = time_all(baseline, workloads, iterations, bed);
    if (!times)
        return times.error();
    add_times(workloads, *times, *times, *times, result);
    return times;
}

// The variants of a round, in its order. One that failed once is not tried again: its rounds would not be those of the
// others.
std::vector<std::size_t> order_of(int round, const std::vector<VariantResult> &results) {
    std::vector<std::size_t> order;
    const std::size_t others = results.size() - 1;
    for (std::size_t i = 0; i < others; i++) {
        const std::size_t at = 1 + (i + static_cast<std::size_t>(round)) % others;
        if (results[at].failure.empty())
            order.push_back(at);
    }
    return order;
}

Result<Done> measure_round(std::vector<Variant> &variants, int round, int iterations, const TestBed &bed,
                           std::vector<VariantResult> &results) {
    const auto baseline = [&](const Variant &one, const Variant &other) {
        return time_baseline(variants[baseline_variant], workloads_of(one, other), iterations, bed,
                             results[baseline_variant]);
    };
    const std::vector<std::size_t> order = order_of(round, results);
    if (order.empty())
        return Done{};
    Result<Times> before = baseline(variants[order.front()], variants[order.front()]);
    if (!before)
        return before.error();
    for (std::size_t i = 0; i < order.size(); i++) {
        const std::size_t at = order[i];
        const std::size_t next = order[std::min(i + 1, order.size() - 1)];
        Result<Times> times = time_attached(variants[at], iterations, bed, results[at]);
        if (!times)
            results[at].failure = times.error().text;
        Result<Times> after = baseline(variants[at], variants[next]);
        if (!after)
            return after.error();
        if (times)
            add_times(variants[at].workloads, *before, *times, *after, results[at]);
        before = after;
    }
    return Done{};
}

}  // namespace

Result<std::vector<VariantResult>> measure(std::vector<Variant> &variants, int rounds, int iterations,
                                           const TestBed &bed) {
    std::vector<VariantResult> results(variants.size());
    for (int round = 0; round < rounds; round++) {
        fmt::print(stderr, "round {} of {}\n", round + 1, rounds);
        const Result<Done> done = measure_round(variants, round, iterations, bed, results);
        if (!done)
            return done.error();
    }
    return results;
}

}  // namespace sockwarden::bench
