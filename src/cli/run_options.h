// SPDX-License-Identifier: Apache-2.0
// The options of every command that reads records and writes them out.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "output/table.h"

namespace sockwarden {

struct RunOptions {
    std::string output;  // empty: table
    std::string file;    // -w
    std::string duration, ring, color = "auto", as_user;
    std::uint64_t count = 0;
    bool utc = false;
    int output_fd = 1;                 // where records go without -w; "-" there is standard output
    std::vector<std::string> command;  // stands behind `--` and is no part of the command line

    std::uint64_t duration_ns = 0;
    std::size_t ring_size = 0;

    bool json() const { return output == "json" || (output.empty() && !file.empty()); }
    TableStyle table() const;

    void declare_run(CLI::App &command_line);
    // Checks what was read and fills what is derived. The error says what was wrong and what is valid.
    Status check_run();
};

// Of --snaplen: a number of bytes up to 65535.
Result<std::uint32_t> parse_snaplen(const std::string &text);

}  // namespace sockwarden
