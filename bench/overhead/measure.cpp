// SPDX-License-Identifier: Apache-2.0
// Attach, time, detach, and the differences of each round.
#include "overhead/measure.h"

#include <cstdio>

namespace sockwarden::bench {
namespace {

using Times = std::array<double, workload_count>;

// Times of the variant's workloads; the others stay zero.
Result<Times> time_all(const Variant &variant, int iterations, const TestBed &bed) {
    Times times{};
    for (const Workload workload : variant.workloads) {
        Result<double> time =
            time_workload(workload, repeats_of(workload, iterations, variant.divisor), variant.meter, bed);
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
    Result<Times> times = time_all(variant, iterations, bed);
    Result<Detached> detached = variant.subject->detach();
    if (!times)
        return times.error();
    if (!detached)
        return detached.error();
    result.loss_known &= detached->lost.has_value();
    result.lost += detached->lost.value_or(0);
    return times;
}

void add_times(const Variant &variant, const Times &before, const Times &times, const Times &after,
               VariantResult &result) {
    for (const Workload workload : variant.workloads) {
        const auto at = static_cast<std::size_t>(workload);
        result.times[at].push_back(times[at]);
        result.added[at].push_back(times[at] - (before[at] + after[at]) / 2);
    }
}

// Times "nothing attached" and keeps the result as that variant's own.
Result<Times> time_baseline(std::vector<Variant> &variants, int iterations, const TestBed &bed,
                            std::vector<VariantResult> &results) {
    const Variant &variant = variants[baseline_variant];
    Result<Times> times = time_all(variant, iterations, bed);
    if (!times)
        return times.error();
    add_times(variant, *times, *times, *times, results[baseline_variant]);
    return times;
}

// A variant that failed once is not tried again: its rounds would not be those of the others.
Result<Done> measure_round(std::vector<Variant> &variants, int round, int iterations, const TestBed &bed,
                           std::vector<VariantResult> &results) {
    Result<Times> before = time_baseline(variants, iterations, bed, results);
    if (!before)
        return before.error();
    const std::size_t others = variants.size() - 1;
    for (std::size_t i = 0; i < others; i++) {
        const std::size_t at = 1 + (i + static_cast<std::size_t>(round)) % others;
        if (!results[at].failure.empty())
            continue;
        Result<Times> times = time_attached(variants[at], iterations, bed, results[at]);
        if (!times)
            results[at].failure = times.error().text;
        Result<Times> after = time_baseline(variants, iterations, bed, results);
        if (!after)
            return after.error();
        if (times)
            add_times(variants[at], *before, *times, *after, results[at]);
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
