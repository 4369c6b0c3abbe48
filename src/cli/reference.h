// SPDX-License-Identifier: Apache-2.0
// What can be told of the command line from its declaration alone: the manual page and the shell's completion.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sockwarden {

// Commands that are shown to people: `render`, which the build uses, is none of them.
std::vector<CLI::App *> shown_commands(const CLI::App &app);

// sockwarden(1), in roff.
std::string manual_page(const CLI::App &app, std::string_view version);
// A completion script for bash.
std::string bash_completion(const CLI::App &app);

}  // namespace sockwarden
