// SPDX-License-Identifier: Apache-2.0
// `sockwarden trace`: shows messages as they are received, until told to stop.
#include <fmt/format.h>

#include <functional>
#include <memory>

#include "cli/commands.h"
#include "cli/own_sockets.h"
#include "cli/privilege.h"
#include "cli/reading.h"
#include "cli/report.h"
#include "cli/supervised_run.h"
#include "cli/trace_options.h"
#include "output/filter.h"
#include "source/bpf/choose.h"
#include "source/supervisor/calls.h"

namespace sockwarden {
namespace {

constexpr const char *kTraceExamples = R"(Examples:
  sockwarden trace                              every recvmsg of every process
  sockwarden trace -- dbus-send --system …      one program and its descendants
  sockwarden trace --pid 1231 -o json | jq .    one running process, for programs
  sockwarden trace 'payload.length > 4096 && socket.family == "AF_UNIX"'
  sockwarden trace --socket /run/docker.sock    who talks to it, and what they say
  sockwarden trace --comm systemd --duration 10s
  sockwarden trace --light -w messages.json     cheapest, into a file)";

Result<Opened> open_trace(const TraceOptions &options, std::function<bool(const Message &)> wants) {
    EngineOptions wanted;
    wanted.selection = options.selection;
    wanted.ring_size = options.ring_size;
    wanted.places = options.places;
    wanted.own = own_sockets();
    Result<ChosenEngine> chosen = choose_engine(options.engine, std::move(wanted));
    if (!chosen) {
        return chosen.error();
    }
    BpfEngine &engine = *chosen->engine;
    for (const std::uint32_t pid : options.selection.pids) {
        if (Status status = engine.mark(pid); !status) {
            return status.error();
        }
    }
    Opened opened;
    opened.feeds.push_back({std::move(chosen->engine), chosen->name, options.selection.snaplen,
                            options.selection.events, std::move(wants)});
    opened.uncovered = engine.uncovered();
    opened.saying = fmt::format("tracing with the {} engine{}", chosen->name, options.selection.light ? ", light" : "");
    opened.mark = [&engine](std::uint32_t pid) { return engine.mark(pid); };
    return opened;
}

int run_trace(TraceOptions &options) {
    if (const Status status = options.check(); !status) {
        return fail(status.error());
    }
    std::function<bool(const Message &)> wants;
    if (options.wanted) {
        wants = [filter = Filter(*options.wanted)](const Message &message) { return filter.wants(message); };
    }
    // Without privilege one command can be traced all the same.
    const bool is_unprivileged = options.engine == "auto" && !options.command.empty() && options.pids.empty() &&
                                 !options.selection.light && !check_privilege() &&
                                 (options.selection.events & supervised_events()) != 0;
    if (options.engine == kSupervisorEngine || is_unprivileged) {
        SupervisedRun run;
        run.supervisor.what.snaplen = options.selection.snaplen;
        run.supervisor.what.traced = options.selection.events & supervised_events();
        run.wants = std::move(wants);
        return run_supervised(options, std::move(run));
    }
    Plan plan;
    plan.open = [&] { return open_trace(options, wants); };
    return end_like(read_out(options, plan));
}

}  // namespace

void add_trace(CLI::App &app, Run &run, std::vector<std::string> words) {
    CLI::App *command =
        app.add_subcommand("trace", "Show messages as they are received, by anyone or by the command behind --");
    auto options = std::make_shared<TraceOptions>();
    options->command = std::move(words);
    options->declare(*command);
    command->footer(kTraceExamples);
    command->callback([options, &run] { run = [options] { return run_trace(*options); }; });
}

}  // namespace sockwarden
