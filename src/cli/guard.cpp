// SPDX-License-Identifier: Apache-2.0
// `sockwarden guard`, which enforces policies and reports each verdict that was not a plain allow; and `status`,
// `reload` and `release`, which ask the guard that is at work.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <systemd/sd-daemon.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "catalog/catalog.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/guard_run.h"
#include "cli/guard_status.h"
#include "cli/reading.h"
#include "cli/report.h"
#include "cli/supervised_run.h"
#include "control/lock.h"
#include "source/bpf/kept.h"

namespace sockwarden {
namespace {

constexpr const char *kGuardExamples = R"(Examples:
  sockwarden guard --policy docker.yaml --duration 60s          enforces for a minute: a safe trial
  sockwarden guard --policy docker.yaml --audit                 reports what would be refused, refuses nothing
  sockwarden guard --policy /etc/sockwarden/policies -w log.json
SIGHUP, or `sockwarden reload`, reads the policies anew.)";

constexpr std::string_view kEngines[] = {"auto", kGuardEngine, kModifyEngine, kCgroupEngine, kSupervisorEngine};

struct GuardCommand : RunOptions {
    GuardPlan plan;
    std::string on_exit = "release", engine = "auto", cgroup, snaplen = "4096";

    Status check_guard() {
        if (Status status = check_run(); !status) {
            return status;
        }
        if (Status status = check_choice("--on-exit", on_exit, choices_of("--on-exit")); !status) {
            return status;
        }
        if (Status status = check_choice("--engine", engine, kEngines); !status) {
            return status;
        }
        if (Status status = choose_engine(); !status) {
            return status;
        }
        const Result<std::uint32_t> length = parse_snaplen(snaplen);
        if (!length) {
            return length.error();
        }
        plan.snaplen = *length;
        plan.keep = on_exit == "keep";
        plan.is_trial = !plan.keep && (plan.audit || duration_ns != 0 || count != 0);
        if (plan.keep && duration_ns != 0) {
            return Error{"--duration releases at its end: it cannot go with --on-exit keep", kExitUsage};
        }
        return Done{};
    }

private:
    // What guards, and what goes with it.
    Status choose_engine() {
        if (engine == "auto" && !command.empty()) {
            engine = kSupervisorEngine;  // it enforces the most for one command
        }
        if (engine == "auto" && !cgroup.empty()) {
            engine = kCgroupEngine;
        }
        plan.may_choose = engine == "auto";
        if (engine == kSupervisorEngine && command.empty()) {
            return Error{"--engine supervisor guards one command: sockwarden guard --engine supervisor … -- COMMAND",
                         kExitUsage};
        }
        if (engine != kSupervisorEngine && engine != kCgroupEngine && !command.empty()) {
            return Error{
                "the guard in the kernel judges every process: for one command, use --engine supervisor or cgroup",
                kExitUsage};
        }
        if (!command.empty() && on_exit == "keep") {
            return Error{"--on-exit keep goes without a command: what guards one ends with it", kExitUsage};
        }
        if (!cgroup.empty() && (engine != kCgroupEngine || !command.empty())) {
            return Error{command.empty() ? "--cgroup goes with --engine cgroup"
                                         : "--cgroup guards what runs in a cgroup; a command gets one of its own",
                         kExitUsage};
        }
        plan.kind = engine == kCgroupEngine   ? GuardKind::cgroup
                    : engine == kModifyEngine ? GuardKind::modify
                                              : GuardKind::lsm;
        plan.for_command = !command.empty();
        plan.cgroup = cgroup.empty() ? "/" : cgroup;
        return Done{};
    }
};

// What the running guard holds on to.
struct Held {
    Fd lock;
    Control control;
};

// For a service manager that waits for it; for nobody else.
void tell_manager(const std::string &state) { ::sd_notify(0, state.c_str()); }

Result<Opened> open_guard(std::unique_ptr<GuardRun> run, std::uint32_t snaplen, Held &held) {
    Result<Fd> lock = lock_guard();
    if (!lock) {
        return lock.error();
    }
    held.lock = std::move(*lock);
    Result<Control> control = Control::open();
    if (!control) {
        return control.error();
    }
    held.control = std::move(*control);
    if (Status status = run->start(held.control.file()); !status) {
        return status.error();
    }
    GuardRun &guard = *run;
    tell_manager("READY=1\nSTATUS=" + guard.saying());
    Opened opened;
    opened.saying = guard.saying();
    opened.uncovered = guard.uncovered();
    opened.mark = [&guard](std::uint32_t pid) { return guard.mark(pid); };  // into the cgroup it has gone by itself
    opened.on_end = [&guard] { guard.stop(); };
    opened.loads_for_cgroups = guard.is_in_cgroup();
    opened.feeds.push_back({std::move(run), guard.engine(), wire::INLINE_PAYLOAD, ~EventMask{0},
                            [&guard](Message &message) { return guard.complete(message); }});
    opened.feeds.push_back({guard.deliveries(), guard.delivery_engine(), snaplen, ~event_bit(EventId::fd_received),
                            [&guard](Message &message) { return guard.deliveries()->complete(message); }, true});
    opened.kills = true;
    opened.loads_more = true;
    opened.needs_reader = true;
    opened.control = held.control.fd();
    opened.on_control = [&] {
        held.control.serve([&](std::string_view request) { return guard.answer(request); });
        return !guard.is_released();
    };
    const auto tell = [&guard](const Status &status) {
        tell_manager("STATUS=" + guard.saying());
        say("{}", status ? guard.saying() : status.error().message + "; the policies in force stay");
    };
    opened.on_hangup = [&guard, tell] { tell(guard.reload()); };
    opened.look = [&guard, tell] {
        if (const std::optional<Status> followed = guard.follow_files()) {
            say("files that the policies name have changed");
            tell(*followed);
        }
    };
    return opened;
}

int run_guard(GuardCommand &options) {
    if (const Status status = options.check_guard(); !status) {
        return fail(status.error());
    }
    if (options.engine == kSupervisorEngine) {
        return run_supervised(options, {{}, options.plan.policies, options.plan.audit, {}});
    }
    options.plan.ring_size = options.ring_size;
    Result<std::unique_ptr<GuardRun>> run = GuardRun::prepare(options.plan);
    if (!run) {
        return fail({"nothing is guarded: " + run.error().message, run.error().exit_code});
    }
    GuardRun &guard = **run;
    Held held;
    Plan plan;
    plan.open = [&] { return open_guard(std::move(*run), options.plan.snaplen, held); };
    if (!options.command.empty()) {
        plan.enter = [&] { return guard.take_in(); };
    }
    const RunEnd end = read_out(options, plan);
    tell_manager("STOPPING=1");
    if (const auto kept = kept_guards(); options.plan.keep && kept && !kept->empty()) {
        say("the policies stay in force until `sockwarden release`");
    }
    return end_like(end);
}

int release_all(const std::vector<std::string> &kept) {
    const Result<Fd> lock = lock_guard();
    if (!lock) {
        return fail(lock.error());
    }
    for (const std::string &name : kept) {
        if (const Status status = release_kept(name); !status) {
            return fail(status.error());
        }
    }
    fmt::print("released\n");
    return 0;
}

int answer_without_guard(const std::string &request, const std::string &output) {
    const Result<std::vector<std::string>> kept = kept_guards();
    if (!kept) {
        return fail(kept.error());
    }
    if (kept->empty() || request == "reload") {
        return fail({"there is no guard at work", kExitUsage});
    }
    if (request == "release") {
        return release_all(*kept);
    }
    print_kept(*kept, output);
    return 0;
}

int run_asking(const std::string &request, const std::string &output) {
    if (const Status status = check_choice("--output", output, choices_of("--output")); !status) {
        return fail(status.error());
    }
    const Result<std::optional<std::string>> answer = ask_guard(request);
    if (!answer) {
        return fail(answer.error());
    }
    if (!*answer) {
        return answer_without_guard(request, output);
    }
    if (request == "status" && output == "table") {
        print_status(**answer);
    } else {
        fmt::print("{}", **answer);
    }
    return 0;
}

}  // namespace

void add_guard(CLI::App &app, Run &run, std::vector<std::string> words) {
    CLI::App *command = app.add_subcommand("guard", "Enforce policies, and report what they refuse");
    auto options = std::make_shared<GuardCommand>();
    options->command = std::move(words);
    command->add_option("--policy", options->plan.policies, "Policies: files, or folders of .yaml files")
        ->type_name("FILE_OR_DIR")
        ->required()
        ->allow_extra_args(false);
    command->add_flag("--audit", options->plan.audit, "Refuse nothing: report what would have been refused");
    command->add_option("--on-exit", options->on_exit, "release (default), or keep: enforce until `sockwarden release`")
        ->type_name("WHAT");
    command
        ->add_option(
            "--engine", options->engine,
            "lsm: every process, where the kernel asks its security modules; fmod_ret: the same where bpf is none of "
            "them, best-effort; cgroup: connections, datagrams to "
            "a name and content of UDP, without those; supervisor: one command behind --; auto (default)")
        ->type_name("NAME");
    command->add_option("--cgroup", options->cgroup, "Guard what runs in a cgroup and below; implies --engine cgroup")
        ->type_name("PATH");
    command->add_flag("--recheck", options->plan.recheck,
                      "Judge what was delivered once more, and tell what escaped a refusal; costs what tracing costs");
    command
        ->add_option("--snaplen", options->snaplen,
                     "Payload bytes of each delivered message that rules can ask about, 0 to 65535 [4096]")
        ->type_name("N");
    options->declare_run(*command);
    command->footer(kGuardExamples);
    command->callback([options, &run] { run = [options] { return run_guard(*options); }; });
    for (const auto &[name, what] : {std::pair("status", "Say what the guard at work enforces, and how often"),
                                     std::pair("reload", "Let the guard at work read its policies anew"),
                                     std::pair("release", "End the guard at work")}) {
        CLI::App *asking = app.add_subcommand(name, what);
        auto output = std::make_shared<std::string>("table");
        if (std::string_view(name) == "status") {
            asking->add_option("-o,--output", *output, "table (default) or json")->type_name("FORMAT");
        }
        asking->callback([request = std::string(name), output, &run] {
            run = [request, output] { return run_asking(request, *output); };
        });
    }
}

}  // namespace sockwarden
