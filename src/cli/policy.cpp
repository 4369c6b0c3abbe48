// SPDX-License-Identifier: Apache-2.0
// `sockwarden policy`: checks policies, runs their tests, and lists what rules may ask. None of it needs privilege.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/facts.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/policy_files.h"
#include "cli/policy_replay.h"
#include "cli/report.h"
#include "policy/advice.h"
#include "policy/placement.h"
#include "policy/test_run.h"

namespace sockwarden {
namespace {

constexpr const char *kPolicyExamples = R"(Examples:
  sockwarden policy facts                       what rules may ask, and how
  sockwarden policy check my.yaml               what is wrong with a policy, and where
  sockwarden policy test my.yaml                runs the tests inside it
  sockwarden policy test my.yaml --records r.json   what it would have decided about recorded messages)";

struct PolicyOptions {
    std::vector<std::string> files;
    std::string records;
    std::string output = "table";
};

std::string rule_line(const policy::Rule &rule, std::size_t width) {
    const std::string error = rule.error == 0 ? "" : fmt::format(" {}", ::strerrorname_np(rule.error));
    return fmt::format("  {:<{}}  {}{}", rule.name, width, action(rule.action).name, error);
}

std::string joined(const std::vector<std::string_view> &words) {
    std::string text;
    for (const std::string_view word : words) {
        text += (text.empty() ? "" : ", ") + std::string(word);
    }
    return text;
}

bool is_everything(const policy::Placement &placement) {
    return std::ranges::all_of(events(), [&](const EventRow &event) {
        return !has_event(*placement.point, event.name) ||
               std::ranges::find(placement.events, event.name) != placement.events.end();
    });
}

// "at queueing: recvmsg, read (datagrams, seqpackets and netlink, no streams)", or why nowhere.
std::string placement_line(const policy::Placement &placement) {
    if (placement.point == nullptr) {
        return fmt::format("nowhere: {}: {}", joined(placement.events), placement.reason);
    }
    return fmt::format("at {}{}{}", placement.point->name,
                       is_everything(placement) ? "" : ": " + joined(placement.events),
                       placement.point->limits.empty() ? "" : fmt::format(" ({})", placement.point->limits));
}

// Of both enforcers, as `of` finds them.
template <typename Of>
void print_placements(Of of) {
    for (const auto &[by, name] : {std::pair(Enforcer::guard, "guard"), std::pair(Enforcer::cgroup, "cgroup"),
                                   std::pair(Enforcer::supervisor, "run")}) {
        const std::vector<policy::Placement> placements = of(by);
        const bool is_placed = std::ranges::any_of(placements, [](const auto &one) { return one.point != nullptr; });
        if (by == Enforcer::cgroup && std::ranges::none_of(placements, &policy::Placement::is_possible)) {
            fmt::print("    {:<6} nowhere: no program of a cgroup can do that\n", name);
        }
        for (const policy::Placement &placement : placements) {
            // What the supervisor does not see it keeps the command from doing, and of cgroups nobody expects all.
            const bool is_needless = by == Enforcer::cgroup || (by == Enforcer::supervisor && is_placed);
            if (is_needless && placement.point == nullptr && !placement.is_possible) {
                continue;
            }
            fmt::print("    {:<6} {}\n", name, placement_line(placement));
        }
    }
}

int run_check(const PolicyOptions &options) {
    const Result<std::vector<PolicyFile>> read = read_policies(options.files);
    if (!read) {
        return fail(read.error());
    }
    for (const PolicyFile &file : *read) {
        const policy::Policy &policy = file.policy;
        fmt::print("{}: {}, {}, default {}\n", file.name, policy.name,
                   policy.mode == policy::Mode::enforce ? "enforce" : "audit", action(policy.otherwise).name);
        std::size_t width = 0;
        for (const policy::Rule &rule : policy.rules) {
            width = std::max(width, rule.name.size());
        }
        for (const policy::Rule &rule : policy.rules) {
            fmt::print("{}\n", rule_line(rule, width));
            print_placements([&](Enforcer by) { return policy::placements_of(policy, rule, by); });
            for (const std::string &advice : policy::advice_on(rule)) {
                fmt::print("    note: {}\n", advice);
            }
        }
        if (policy.otherwise != ActionId::allow) {
            fmt::print("  {:<{}}  {}\n", "(default)", width, action(policy.otherwise).name);
            print_placements([&](Enforcer by) { return policy::placements_of_default(policy, by); });
        }
    }
    fmt::print(
        "guard: `sockwarden guard` enforces there, for every process, on kernels that let it\n"
        "cgroup: `sockwarden guard --engine cgroup` does there, also on kernels that do not\n"
        "run: `sockwarden run` enforces there, for one command, without privilege\n");
    return 0;
}

int run_facts(const PolicyOptions &options) {
    if (const Status status = check_choice("--output", options.output, choices_of("--output")); !status) {
        return fail(status.error());
    }
    std::fputs((options.output == "json" ? facts_as_json() : facts_as_text()).c_str(), stdout);
    return 0;
}

int run_test(const PolicyOptions &options) {
    Result<std::vector<PolicyFile>> read = read_policies(options.files);
    if (!read) {
        return fail(read.error());
    }
    bool failed = false;
    for (PolicyFile &file : *read) {
        const std::vector<policy::TestFailure> failures = policy::run_tests(file.policy);
        for (const policy::TestFailure &failure : failures) {
            std::fprintf(stderr, "%s\n", policy::mistake_text(file.name, {failure.place, failure.message, ""}).c_str());
        }
        failed = failed || !failures.empty();
        fmt::print("{}: {} of {} tests passed\n", file.name, file.policy.tests.size() - failures.size(),
                   file.policy.tests.size());
    }
    if (!options.records.empty()) {
        if (const Status status = replay(*read, options.records); !status) {
            return fail(status.error());
        }
    }
    return failed ? kExitFailure : 0;
}

CLI::App *add_with_files(CLI::App &app, const char *name, const char *description,
                         const std::shared_ptr<PolicyOptions> &options) {
    CLI::App *command = app.add_subcommand(name, description);
    command->add_option("FILE", options->files, "Policies")->type_name("FILE")->required();
    return command;
}

}  // namespace

void add_policy(CLI::App &app, Run &run) {
    CLI::App *command = app.add_subcommand("policy", "Check and test policies, and list what their rules may ask");
    command->footer(kPolicyExamples);
    auto options = std::make_shared<PolicyOptions>();
    CLI::App *check = add_with_files(*command, "check",
                                     "Say what is wrong with policies, and where their rules can be enforced", options);
    check->callback([options, &run] { run = [options] { return run_check(*options); }; });
    CLI::App *facts = command->add_subcommand("facts", "List what rules may ask, and how");
    facts->add_option("-o,--output", options->output, "table (default) or json, one object a line")
        ->type_name("FORMAT");
    facts->callback([options, &run] { run = [options] { return run_facts(*options); }; });
    CLI::App *test = add_with_files(*command, "test", "Run the tests inside policies", options);
    test->add_option("--records", options->records,
                     "Say what the policies would have decided about these records of `sockwarden trace -o json`")
        ->type_name("FILE");
    test->callback([options, &run] { run = [options] { return run_test(*options); }; });
}

}  // namespace sockwarden
