// SPDX-License-Identifier: Apache-2.0
// The CPU time that this process and its ended children have used, in nanoseconds.
#pragma once

#include <sys/resource.h>
#include <time.h>

#include "common/clock.h"

namespace sockwarden::bench {

inline std::uint64_t ns_of(const timeval &time) {
    return static_cast<std::uint64_t>(time.tv_sec) * ns_per_second + static_cast<std::uint64_t>(time.tv_usec) * 1000;
}

inline std::uint64_t cpu_time_ns() {
    timespec own;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    rusage children;
    getrusage(RUSAGE_CHILDREN, &children);
    return static_cast<std::uint64_t>(own.tv_sec) * ns_per_second + static_cast<std::uint64_t>(own.tv_nsec) +
           ns_of(children.ru_utime) + ns_of(children.ru_stime);
}

}  // namespace sockwarden::bench
