// SPDX-License-Identifier: Apache-2.0
// `sockwarden run`: runs a command under policies, or traces it, without any privilege.
#include <fmt/format.h>

#include <unistd.h>

#include <charconv>
#include <memory>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/reading.h"
#include "cli/report.h"
#include "cli/supervised_policies.h"
#include "source/supervisor/supervisor.h"

namespace sockwarden {
namespace {

constexpr const char *kExamples = R"(Examples:
  sockwarden run -- curl http://localhost/           every message that it receives
  sockwarden run --policy my.yaml -- ./server        refuses what the policy refuses; needs no privilege
  sockwarden run --policy my.yaml --audit -- make    reports what would be refused, refuses nothing
Records go to standard error, or with -w to a file (- is standard output). What the command starts is supervised with
it; sockwarden ends when the last of them has ended, and none outlives it.)";

struct RunCommand : RunOptions {
    std::vector<std::string> policies;
    std::string events = "receive";
    std::string snaplen = "256";
    bool audit = false, allow_rings = false, allow_opaque = false;

    SupervisorOptions supervisor;

    Status check() {
        if (command.empty()) {
            return Error{"run what? sockwarden run [OPTIONS] -- COMMAND ARGS…", kExitUsage};
        }
        if (audit && policies.empty()) {
            return Error{"--audit goes with --policy: there is nothing to refuse", kExitUsage};
        }
        if (Status status = check_run(); !status) {
            return status;
        }
        std::uint64_t length = 0;
        const auto [rest, error] = std::from_chars(snaplen.data(), snaplen.data() + snaplen.size(), length);
        if (error != std::errc{} || rest != snaplen.data() + snaplen.size() || length > 65535) {
            return Error{"--snaplen: \"" + snaplen + "\" is not a number of bytes from 0 to 65535", kExitUsage};
        }
        supervisor.what.snaplen = static_cast<std::uint32_t>(length);
        supervisor.what.allow_opaque = allow_opaque;
        supervisor.what.say = [](const std::string &line) {
            std::string shown;
            append_printable(shown, line);
            say("{}", shown);
        };
        supervisor.allow_rings = allow_rings;
        supervisor.ring_size = ring_size;
        return Done{};
    }
};

int run_run(RunCommand &options) {
    if (const Status status = options.check(); !status) {
        return fail(status.error());
    }
    std::unique_ptr<SupervisedPolicies> policies;
    if (options.policies.empty()) {
        options.supervisor.what.traced = events_named("receive") & supervised_events();
    } else {
        Result<std::unique_ptr<SupervisedPolicies>> read = SupervisedPolicies::read(options.policies, options.audit);
        if (!read) {
            return fail({"nothing is run: " + read.error().message, read.error().exit_code});
        }
        policies = *std::move(read);
        options.supervisor.what.judged = policies->events();
        options.supervisor.what.judge = [&](const Message &message, Known known) {
            return policies->judge(message, known);
        };
    }
    Result<std::unique_ptr<Supervisor>> opened = Supervisor::open(options.supervisor);
    if (!opened) {
        return fail(opened.error());
    }
    Supervisor &supervisor = **opened;
    Plan plan;
    plan.is_privileged = false;
    plan.enter = [&] { return supervisor.enter(); };
    plan.open = [&]() -> Result<Opened> {
        Opened source;
        source.engine = "supervisor";
        source.uncovered = supervisor.uncovered();
        source.saying = policies == nullptr ? "tracing with the supervisor engine"
                                            : fmt::format("{} at {} with the supervisor engine",
                                                          options.audit ? "watching" : "enforcing", policies->where());
        source.snaplen = options.supervisor.what.snaplen;
        source.events = supervised_events() | event_bit(EventId::refused);
        source.mark = [&](std::uint32_t pid) { return supervisor.supervise(static_cast<pid_t>(pid)); };
        source.source = *std::move(opened);
        return source;
    };
    if (policies != nullptr) {
        plan.wants = [&](Message &message) { return policies->complete(message); };
    }
    return end_like(read_out(options, plan));
}

}  // namespace

void add_run(CLI::App &app, Run &run, std::vector<std::string> words) {
    CLI::App *command =
        app.add_subcommand("run", "Run the command behind -- under policies, or trace it, without privilege");
    auto options = std::make_shared<RunCommand>();
    options->command = std::move(words);
    options->output_fd = STDERR_FILENO;  // standard output is the command's
    command->add_option("--policy", options->policies, "Policies: files, or folders of .yaml files")
        ->type_name("FILE_OR_DIR")
        ->allow_extra_args(false);
    command->add_flag("--audit", options->audit, "Refuse nothing: report what would have been refused");
    command->add_flag("--allow-io-uring", options->allow_rings,
                      "Let the command use io_uring and Linux AIO, which nothing here sees");
    command->add_flag("--allow-opaque", options->allow_opaque,
                      "Let processes be that may not be looked into, such as ssh-agent; else their calls fail");
    options->declare_run(*command);
    command->add_option("--snaplen", options->snaplen, "Payload bytes to capture of each message, 0 to 65535 [256]")
        ->type_name("N");
    command->add_option("--as-user", options->as_user, "Run the command as this user")->type_name("NAME");
    command->footer(kExamples);
    command->callback([options, &run] { run = [options] { return run_run(*options); }; });
}

}  // namespace sockwarden
