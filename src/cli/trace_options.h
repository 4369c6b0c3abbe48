// SPDX-License-Identifier: Apache-2.0
// The options of `sockwarden trace`, read and checked.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/filter.h"
#include "cli/run_options.h"
#include "source/source.h"

namespace sockwarden {

struct TraceOptions : RunOptions {
    Selection selection;
    FilterOptions filter;
    std::vector<std::uint32_t> pids;
    std::string events = "receive";
    std::string engine = "auto";
    std::string snaplen = "256";
    std::uint32_t places = kDefaultPlaces;
    bool no_follow = false;

    std::optional<policy::Image> wanted;  // nothing: every message

    // Declares the options on `command_line`. The command to trace stands behind `--` and is no part of it.
    void declare(CLI::App &command_line);
    // Checks what was read and fills what is derived. The error says what was wrong and what is valid.
    Status check();

private:
    Status check_supervised() const;
};

}  // namespace sockwarden
