// SPDX-License-Identifier: Apache-2.0
// What a run of bench-overhead says: the table, the targets, and the same as JSON.
#pragma once

#include <string>
#include <vector>

#include "overhead/measure.h"
#include "overhead/run_count.h"

namespace sockwarden::bench {

struct Target {
    std::string name;
    std::string measured;
    bool holds;
};

struct Report {
    const std::vector<Variant> &variants;
    std::vector<VariantResult> results;
    Result<RunCounts> light_runs;
    Result<RunCounts> default_runs;
    int rounds;
};

// Added by a variant to a pair, as a multiple of the bare ring record.
double ratio_to_floor(const Report &report, std::size_t variant, Workload workload);

std::vector<Target> judge(Report &report);

std::string table(const Report &report);
std::string target_lines(const std::vector<Target> &targets);
std::string json(const Report &report, const std::vector<Target> &targets);

}  // namespace sockwarden::bench
