// SPDX-License-Identifier: Apache-2.0
// The program to trace: started, but held before its first instruction until the hooks are in place.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace sockwarden {

struct CommandSetup {
    std::string as_user;         // empty: as who started us
    std::function<int()> enter;  // what its process does before it waits; returns 0 or an errno
    bool ends_with_us = false;   // it and all its descendants; it then counts as ended when they all have (guardian.h)
};

class Command {
public:
    // Forks. The child waits for release(); it dies with us until then.
    static Result<Command> hold(const std::vector<std::string> &words, const CommandSetup &setup);

    Command(Command &&other) noexcept = default;
    Command &operator=(Command &&other) noexcept = default;
    // A child that was never released is told to end; one that runs is left alone.
    ~Command();

    // Of the command, or of the guardian that stands between, which passes signals on.
    pid_t pid() const { return pid_; }

    // Lets the child run. An error has exit code 127 (not found) or 126 (found, but not to be executed), as shells do.
    Status release();

    // Collects the child if it has ended: its wait status.
    std::optional<int> ended();

private:
    Command(std::string name, pid_t pid, Fd go, Fd report)
        : name_(std::move(name)), pid_(pid), go_(std::move(go)), report_(std::move(report)) {}

    std::string name_;
    pid_t pid_ = -1;
    Fd go_;      // a byte lets the child run; closing it unwritten ends the child
    Fd report_;  // gets the errno of a failed exec; closed by a good one
};

}  // namespace sockwarden
