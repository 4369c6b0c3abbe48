// SPDX-License-Identifier: Apache-2.0
// The rounds of a run: every variant once in each, in an order that rotates, and "nothing attached"
// before the first, between any two and after the last. What drifts (heat, neighbours on the host)
// moves by half within a second, so a variant is compared with what was measured right beside it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "overhead/subject.h"

namespace sockwarden::bench {

// What was measured of one variant.
struct VariantResult {
    std::array<std::vector<double>, workload_count> times;  // ns per operation
    // ns more than the mean of "nothing attached" before and after, by round.
    std::array<std::vector<double>, workload_count> added;
    std::uint64_t lost = 0;  // over all rounds
    bool loss_known = true;
    std::string engine_line;
    std::string failure;  // why it could not be measured; empty when it was
};

// Fails where the operations themselves do; what cannot be attached is a failure of its variant.
Result<std::vector<VariantResult>> measure(std::vector<Variant> &variants, int rounds, int iterations,
                                           const TestBed &bed);

}  // namespace sockwarden::bench
