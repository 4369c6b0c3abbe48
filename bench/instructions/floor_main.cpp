// SPDX-License-Identifier: Apache-2.0
// bench-floor: runs a command while the floor's programs are attached, and exits as it did.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/child.h"
#include "common/clock.h"
#include "floor/floor.h"

namespace sockwarden::bench {
namespace {

constexpr std::uint64_t drain_pause_ns = 5 * ns_per_ms;
constexpr std::uint64_t command_limit_ns = 600 * ns_per_second;

// Empties the ring from a child, so that waiting for the command is all that is left to do here.
Result<Child> drain_beside(const Floor &floor) {
    return Child::fork(
        [&floor]() -> int {
            for (;;) {
                floor.drain();
                sleep_ns(drain_pause_ns);
            }
        },
        std::nullopt);
}

Result<int> run(FloorKind kind, const std::vector<std::string> &command) {
    Result<Floor> floor = Floor::attach(kind);
    if (!floor)
        return floor.error();
    Result<Child> drain = drain_beside(*floor);
    if (!drain)
        return drain.error();
    Result<Child> child = Child::execute(command, {}, std::nullopt);
    if (!child)
        return child.error();
    Result<Exit> exit = child->wait(command_limit_ns);
    if (!exit)
        return exit.error();
    Result<std::uint64_t> lost = floor->lost();
    if (!lost)
        return lost.error();
    if (*lost != 0)
        return Error{fmt::format("{} records lost", *lost)};
    return WIFEXITED(exit->status) ? WEXITSTATUS(exit->status) : 128 + WTERMSIG(exit->status);
}

}  // namespace
}  // namespace sockwarden::bench

int main(int argc, char **argv) {
    using namespace sockwarden::bench;
    FloorKind kind = FloorKind::empty;
    std::vector<std::string> command;
    CLI::App app{"Runs a command with the floor's programs attached: bench-floor ring -- COMMAND"};
    app.add_option("kind", kind,
                   "empty: two empty programs; ring: and one bare record a message; hooks: four empty programs on the "
                   "trampoline engine's hooks")
        ->required()
        ->transform(CLI::CheckedTransformer(std::map<std::string, FloorKind>{
            {"empty", FloorKind::empty}, {"hooks", FloorKind::hooks}, {"ring", FloorKind::record}}));
    app.add_option("command", command, "what to run")->required();
    CLI11_PARSE(app, argc, argv);

    Result<int> code = run(kind, command);
    if (!code) {
        fmt::print(stderr, "bench-floor: {}\n", code.error().text);
        return 125;
    }
    return *code;
}
