// SPDX-License-Identifier: Apache-2.0
// Which messages `sockwarden trace` is to show: options and the user's expression, as one expression.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/compile/image.h"

namespace sockwarden {

// Values of one option are alternatives; options restrict each other.
struct FilterOptions {
    std::string expression;
    std::vector<std::uint32_t> pids, uids;
    std::vector<std::string> comms, containers;
    std::vector<std::string> sockets;  // /PATH, @ABSTRACT, ADDR:PORT, [ADDR]:PORT or :PORT
};

// Compiled; nothing where every message is wanted. Files are those of now. The error names the place in the user's
// expression and what to write instead.
Result<std::optional<policy::Image>> read_filter(const FilterOptions &options);

}  // namespace sockwarden
