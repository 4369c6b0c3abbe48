// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
namespace sockwarden {
void add_events(CLI::App &, Run &) {}
void add_explain(CLI::App &, Run &) {}
}  // namespace sockwarden
