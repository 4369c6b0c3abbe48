// SPDX-License-Identifier: Apache-2.0
// The one clock of all benchmarks: monotonic, in nanoseconds.
#pragma once

#include <time.h>

#include <cstdint>

namespace sockwarden::bench {

constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr std::uint64_t ns_per_ms = 1'000'000;

inline std::uint64_t now_ns() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * ns_per_second + static_cast<std::uint64_t>(now.tv_nsec);
}

inline void sleep_ns(std::uint64_t ns) {
    timespec left{static_cast<time_t>(ns / ns_per_second), static_cast<long>(ns % ns_per_second)};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) != 0) {
    }
}

}  // namespace sockwarden::bench
