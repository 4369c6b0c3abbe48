// SPDX-License-Identifier: Apache-2.0
// What is attached while a workload runs: nothing, a floor, sockwarden with some options, a peer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/affinity.h"
#include "common/result.h"
#include "overhead/workload.h"

namespace sockwarden::bench {

// What a subject says when it is detached.
struct Detached {
    std::optional<std::uint64_t> lost;  // messages; empty where the subject does not tell
};

class Subject {
public:
    virtual ~Subject() = default;
    virtual Result<Done> attach() = 0;
    virtual Result<Detached> detach() = 0;
    // Nanoseconds per operation while it is attached; in this process, where it does not have to start what it watches.
    virtual Result<double> time(Workload workload, Repeats repeats, Meter meter, const TestBed &bed) {
        return time_workload(workload, repeats, meter, bed);
    }

    // The process whose programs are attached; 0 for none.
    virtual pid_t pid() const { return 0; }
    // The line with which it said that it traces.
    virtual std::string ready_line() const { return {}; }
};

// One subject, and the workloads that it is measured by.
struct Variant {
    std::string key;  // stable, for JSON
    std::string name;
    std::vector<Workload> workloads;  // in the enumeration's order
    int divisor;                      // of iterations, for slow tracers
    Meter meter;
    std::unique_ptr<Subject> subject;
};

struct SubjectOptions {
    std::string sockwarden;
    std::string engine;
    std::optional<cpu_set_t> readers;  // where tracers and drains run
    pid_t idle;                        // a process that does nothing
    int null;                          // a descriptor of /dev/null
};

// Places of variants that the report refers to. The baseline has no subject.
constexpr std::size_t baseline_variant = 0;
constexpr std::size_t floor_variant = 2;
constexpr std::size_t light_variant = 3;
constexpr std::size_t default_variant = 4;
constexpr std::size_t idle_filter_variant = 5;
constexpr std::size_t strace_variant = 7;
constexpr std::size_t supervised_variant = 10;  // rules on sockets
constexpr std::size_t guard_variant = 13;       // of one rule; the next is of 1,024 clauses

std::vector<Variant> make_variants(const SubjectOptions &options);

}  // namespace sockwarden::bench
