// SPDX-License-Identifier: Apache-2.0
// The plan of CPUs, made from the ones this process may use.
#include "common/affinity.h"

namespace sockwarden::bench {

CpuPlan plan_cpus() {
    CpuPlan plan{};
    sched_getaffinity(0, sizeof(plan.reading), &plan.reading);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &plan.reading))
            plan.measuring_cpu = cpu;
    CPU_SET(plan.measuring_cpu, &plan.measuring);
    if (CPU_COUNT(&plan.reading) > 1)
        CPU_CLR(plan.measuring_cpu, &plan.reading);
    return plan;
}

Result<Done> run_on(const cpu_set_t &cpus) {
    if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0)
        return system_error("sched_setaffinity");
    return Done{};
}

}  // namespace sockwarden::bench
