// SPDX-License-Identifier: Apache-2.0
// The commands of sockwarden. Each adds itself to the command line and runs with what the user gave.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace sockwarden {

// What to run once the arguments are read; its result is the exit code.
using Run = std::function<int()>;

// `command` is what stands behind `--`.
void add_trace(CLI::App &app, Run &run, std::vector<std::string> command);
void add_events(CLI::App &app, Run &run);
void add_explain(CLI::App &app, Run &run);
void add_doctor(CLI::App &app, Run &run);
void add_guard(CLI::App &app, Run &run, std::vector<std::string> command);
void add_demo(CLI::App &app, Run &run);
void add_policy(CLI::App &app, Run &run);
void add_run(CLI::App &app, Run &run, std::vector<std::string> command);
void add_render(CLI::App &app, Run &run);

}  // namespace sockwarden
