// SPDX-License-Identifier: Apache-2.0
// Quartiles by linear interpolation between order statistics.
#include "common/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sockwarden::bench {
namespace {

double quantile(const std::vector<double> &sorted, double share) {
    if (sorted.empty())
        return std::numeric_limits<double>::quiet_NaN();
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

Quartiles quartiles(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return {quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)};
}

double median(std::vector<double> values) { return quartiles(std::move(values)).median; }

}  // namespace sockwarden::bench
