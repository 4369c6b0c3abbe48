// SPDX-License-Identifier: Apache-2.0
// Which CPU measures, and which are left to whoever reads.
#pragma once

#include <sched.h>

#include "common/result.h"

namespace sockwarden::bench {

struct CpuPlan {
    cpu_set_t measuring;
    cpu_set_t reading;
    int measuring_cpu;
};

// The last allowed CPU measures, the others read; a machine with one CPU does both on it.
CpuPlan plan_cpus();

Result<Done> run_on(const cpu_set_t &cpus);

}  // namespace sockwarden::bench
