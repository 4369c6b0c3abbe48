// SPDX-License-Identifier: Apache-2.0
// Counts how often a tracer's BPF programs run: a fact where time is only an estimate.
#pragma once

#include <sys/types.h>

#include "common/result.h"
#include "overhead/subject.h"

namespace sockwarden::bench {

// Program runs per getppid, and per pair (which shows that counting works). 0.00 is what is wanted
// of getppid; other processes' messages make it a little more.
struct RunCounts {
    double per_getppid;
    double per_pair;
};

Result<RunCounts> count_runs(Subject &subject, const TestBed &bed);

}  // namespace sockwarden::bench
