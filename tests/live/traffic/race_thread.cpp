// SPDX-License-Identifier: Apache-2.0
// The second thread of a race.
#include <sched.h>
#include <unistd.h>

#include "race.h"
#include "scenario.h"

namespace traffic {
namespace {

void RunOn(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    Check(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
}

}  // namespace

Disturber::Disturber(const std::function<void()> &disturb, std::atomic<bool> &done) : done_(done) {
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        throw Skip("one CPU");
    thread_ = std::thread([disturb] {
        RunOn(0);
        disturb();
    });
    RunOn(1);
}

Disturber::~Disturber() {
    done_ = true;
    thread_.join();
}

}  // namespace traffic
