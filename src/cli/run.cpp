// SPDX-License-Identifier: Apache-2.0
// `sockwarden run`: runs a command under policies, or traces it, without any privilege.
#include <unistd.h>

#include <memory>

#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/supervised_run.h"
#include "source/supervisor/calls.h"

namespace sockwarden {
namespace {

constexpr const char *kRunExamples = R"(Examples:
  sockwarden run -- curl http://localhost/           every message that it receives
  sockwarden run --policy my.yaml -- ./server        refuses what the policy refuses; needs no privilege
  sockwarden run --policy my.yaml --audit -- make    reports what would be refused, refuses nothing
Records go to standard error, or with -w to a file (- is standard output). What the command starts is supervised with
it; sockwarden ends when the last of them has ended, and none outlives it.)";

struct RunCommand : RunOptions {
    SupervisedRun run;
    std::string snaplen = "256", events;

    Status check() {
        if (command.empty()) {
            return Error{"run what? sockwarden run [OPTIONS] -- COMMAND ARGS…", kExitUsage};
        }
        if (run.audit && run.policies.empty()) {
            return Error{"--audit goes with --policy: there is nothing to refuse", kExitUsage};
        }
        if (Status status = check_run(); !status) {
            return status;
        }
        const Result<std::uint32_t> length = parse_snaplen(snaplen);
        if (!length) {
            return length.error();
        }
        run.supervisor.what.snaplen = *length;
        const Result<EventMask> named = events.empty() ? Result<EventMask>(0) : read_events(events);
        if (!named) {
            return named.error();
        }
        run.supervisor.what.traced = *named & supervised_events();
        if (!events.empty() && run.supervisor.what.traced == 0) {
            return Error{"sockwarden run sees receives, sends and connect, not " + events, kExitUsage};
        }
        return Done{};
    }
};

int run_run(RunCommand &options) {
    const Status status = options.check();
    return status ? run_supervised(options, options.run) : fail(status.error());
}

}  // namespace

void add_run(CLI::App &app, Run &run, std::vector<std::string> words) {
    CLI::App *command =
        app.add_subcommand("run", "Run the command behind -- under policies, or trace it, without privilege");
    auto options = std::make_shared<RunCommand>();
    options->command = std::move(words);
    options->output_fd = STDERR_FILENO;  // standard output is the command's
    command->add_option("--policy", options->run.policies, "Policies: files, or folders of .yaml files")
        ->type_name("FILE_OR_DIR")
        ->allow_extra_args(false);
    command->add_flag("--audit", options->run.audit, "Refuse nothing: report what would have been refused");
    command->add_flag("--allow-io-uring", options->run.supervisor.allow_rings,
                      "Let the command use io_uring and Linux AIO, which nothing here sees");
    command->add_flag("--allow-opaque", options->run.supervisor.what.allow_opaque,
                      "Let processes be that may not be looked into, such as ssh-agent; else their calls fail");
    options->declare_run(*command);
    command->add_option("--snaplen", options->snaplen, "Payload bytes to capture of each message, 0 to 65535 [256]")
        ->type_name("N");
    command
        ->add_option("--events", options->events,
                     "Events and sets of them to trace; with policies besides what they refuse [receive, or none]")
        ->type_name("NAMES");
    command->footer(kRunExamples);
    command->callback([options, &run] { run = [options] { return run_run(*options); }; });
}

}  // namespace sockwarden
