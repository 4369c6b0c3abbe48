// SPDX-License-Identifier: Apache-2.0
// The options of `sockwarden trace`, read and checked.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "output/table.h"
#include "source/source.h"

namespace sockwarden {

struct TraceOptions {
    Selection selection;
    std::string events = "receive";
    std::string engine = "auto";
    std::string output;  // empty: table
    std::string file;    // -w
    std::string snaplen = "256";
    std::string duration, ring, color = "auto", as_user;
    std::uint64_t count = 0;
    std::uint32_t places = kDefaultPlaces;
    bool no_follow = false;
    bool utc = false;
    std::vector<std::string> command;

    std::uint64_t duration_ns = 0;
    std::size_t ring_size = 0;

    bool json() const { return output == "json" || (output.empty() && !file.empty()); }
    TableStyle table() const;

    // Declares the options on `command_line`.
    void declare(CLI::App &command_line);
    // Checks what was read and fills what is derived. The error says what was wrong and what is valid.
    Status check();
};

}  // namespace sockwarden
