// SPDX-License-Identifier: Apache-2.0
// `sockwarden trace`: shows messages as they are received, until told to stop.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/trace_options.h"
#include "cli/trace_run.h"

namespace sockwarden {
namespace {

constexpr const char *kExamples = R"(Examples:
  sockwarden trace                              every recvmsg of every process
  sockwarden trace -- dbus-send --system …      one program and its descendants
  sockwarden trace --pid 1231 -o json | jq .    one running process, for programs
  sockwarden trace --comm systemd --duration 10s
  sockwarden trace --light -w messages.json     cheapest, into a file)";

// Ends as the command ended: its exit code, or the signal that killed it.
int end_like(int status) {
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);  // the command's core is of interest, ours is not
    const int signal = WTERMSIG(status);
    ::signal(signal, SIG_DFL);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signal);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(signal);
    return 128 + signal;
}

int run_trace(TraceOptions &options) {
    if (const Status status = options.check(); !status) {
        return fail(status.error());
    }
    const TraceEnd end = trace(options);
    return end.command_status ? end_like(*end.command_status) : end.exit_code;
}

}  // namespace

void add_trace(CLI::App &app, Run &run) {
    CLI::App *command = app.add_subcommand("trace", "Show messages as they are received");
    auto options = std::make_shared<TraceOptions>();
    options->declare(*command);
    command->footer(kExamples);
    command->callback([options, &run] { run = [options] { return run_trace(*options); }; });
}

}  // namespace sockwarden
