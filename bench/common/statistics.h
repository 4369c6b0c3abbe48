// SPDX-License-Identifier: Apache-2.0
// Order statistics of a few measurements.
#pragma once

#include <vector>

namespace sockwarden::bench {

struct Quartiles {
    double first;
    double median;
    double third;
};

// Interpolates between neighbours. All three are NaN for no values.
Quartiles quartiles(std::vector<double> values);

double median(std::vector<double> values);

}  // namespace sockwarden::bench
