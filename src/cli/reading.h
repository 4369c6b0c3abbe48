// SPDX-License-Identifier: Apache-2.0
// One run of a command that reads records and writes them out, from opening the source to the summary.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/run_options.h"
#include "decode/message.h"
#include "source/source.h"

namespace sockwarden {

// One source, and how its records are read.
struct Feed {
    std::shared_ptr<Source> source;
    std::string engine;  // as records name it
    std::uint32_t snaplen = wire::INLINE_PAYLOAD;
    EventMask events = 0;
    std::function<bool(Message &)> wants;  // may complete the message; empty: every message
    bool judges = false;                   // and act by it, so it is asked though nobody reads the output
};

// What is read, once it is open.
struct Opened {
    std::vector<Feed> feeds;  // the first names the engine of the run
    std::vector<std::string> uncovered;
    std::string saying;                         // on standard error: what is done now
    std::function<Status(std::uint32_t)> mark;  // takes the process of a command in
    bool loads_more = false;                    // later, for which privilege is kept
    bool loads_for_cgroups = false;             // likewise
    bool kills = false;                         // other processes, for which privilege is kept
    bool needs_reader = false;                  // that nobody reads the output any more is a failure
    int control = -1;                           // a descriptor; when it is readable, on_control is called
    std::function<bool()> on_control;           // false ends the run
    std::function<void()> on_end;               // when nothing but to write what is there is left; may be empty
    std::function<void()> on_hangup;            // for SIGHUP, which else ends the run
    std::function<void()> look;                 // called ten times a second; may be empty
};

struct Plan {
    std::function<Result<Opened>()> open;
    std::function<int()> enter;  // what the command's process does last before it executes; see Command
    bool is_privileged = true;   // loads programs into the kernel
};

struct RunEnd {
    int exit_code = 0;
    std::optional<int> command_status;  // the wait status of the command, where it has ended and counts
};

// Says on standard error what it does and why it failed. `options` are checked.
RunEnd read_out(const RunOptions &options, const Plan &plan);

// Ends the program as the command ended: by its exit code, or the signal that killed it.
int end_like(const RunEnd &end);

}  // namespace sockwarden
