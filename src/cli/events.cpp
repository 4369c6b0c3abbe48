// SPDX-License-Identifier: Apache-2.0
// `sockwarden events`: what can be traced.
#include <fmt/format.h>

#include <algorithm>

#include "catalog/catalog.h"
#include "cli/commands.h"

namespace sockwarden {
namespace {

constexpr const char *kEventsExamples = R"(Examples:
  sockwarden events                        what can be traced
  sockwarden explain recvmsg               what one of them says
  sudo sockwarden trace --events recvmsg   traces it, or a whole set: --events receive)";

int run_events() {
    std::size_t name = 5;
    std::size_t set = 3;
    for (const EventRow &row : events()) {
        name = std::max(name, row.name.size());
        set = std::max(set, row.set.size());
    }
    fmt::print("{:<{}}  {:<{}}  {}\n", "EVENT", name, "SET", set, "WHAT IT IS");
    for (const EventRow &row : events()) {
        fmt::print("{:<{}}  {:<{}}  {}\n", row.name, name, row.set, set, row.intro);
    }
    return 0;
}

}  // namespace

void add_events(CLI::App &app, Run &run) {
    CLI::App *command = app.add_subcommand("events", "List what can be traced");
    command->footer(kEventsExamples);
    command->callback([&run] { run = run_events; });
}

}  // namespace sockwarden
