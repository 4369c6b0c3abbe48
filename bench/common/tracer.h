// SPDX-License-Identifier: Apache-2.0
// A tracing program, started, waited for until it traces, and ended by SIGINT.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/child.h"
#include "common/fd.h"

namespace sockwarden::bench {

struct TracerCommand {
    std::vector<std::string> words;
    std::string ready;              // the beginning of the line that says it is attached
    int out = -1;                   // its standard output; -1: the same pipe as standard error
    std::optional<cpu_set_t> cpus;  // where it runs; everywhere when absent
};

// `sockwarden trace` with these options, JSON to `out`.
TracerCommand sockwarden_command(std::string_view program, std::string_view engine,
                                 const std::vector<std::string> &options, int out);

// The given program, or where it is empty the one that was built beside this benchmark, or PATH's.
std::string find_sockwarden(std::string_view given);

struct TracerEnd {
    std::string text;  // what it said on standard error from first to last
    Exit exit;
};

class Tracer {
public:
    static Result<Tracer> start(const TracerCommand &command);

    pid_t pid() const { return child_.pid(); }
    std::uint64_t ready_after_ns() const { return ready_after_ns_; }
    const std::string &ready_line() const { return ready_line_; }

    // Fails when it does not end, or had ended before.
    Result<TracerEnd> stop();

private:
    Tracer(Child child, Fd messages) : child_(std::move(child)), messages_(std::move(messages)) {}
    Result<Done> wait_for(std::string_view ready);
    bool read_some();
    Error ended_at_once();

    Child child_;
    Fd messages_;
    std::string text_;
    std::string ready_line_;
    std::uint64_t ready_after_ns_ = 0;
};

}  // namespace sockwarden::bench
