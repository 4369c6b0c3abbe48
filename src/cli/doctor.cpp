// SPDX-License-Identifier: Apache-2.0
// `sockwarden doctor`: what this kernel lets sockwarden see, hook by hook. Exit 0 when something can be traced.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/privilege.h"
#include "cli/report.h"
#include "policy/compile/compile.h"
#include "policy/policy.h"
#include "source/bpf/choose.h"
#include "source/bpf/engine.h"
#include "source/bpf/guard.h"
#include "source/supervisor/supervisor.h"

namespace sockwarden {
namespace {

std::string read_text(const char *path) {
    std::ifstream file(path);
    std::string text;
    std::getline(file, text);
    return text;
}

// "[none] integrity confidentiality" -> "none".
std::string lockdown_state() {
    const std::string text = read_text("/sys/kernel/security/lockdown");
    const std::size_t begin = text.find('[');
    const std::size_t end = text.find(']');
    if (begin == std::string::npos || end == std::string::npos) {
        return "cannot be read (/sys/kernel/security is not mounted)";
    }
    return text.substr(begin + 1, end - begin - 1);
}

void print_system() {
    utsname system{};
    ::uname(&system);
    const std::string lsm = read_text("/sys/kernel/security/lsm");
    fmt::print("kernel        {} {}\n", system.release, system.machine);
    fmt::print("lockdown      {}\n", lockdown_state());
    fmt::print("LSMs          {}\n", lsm.empty() ? "cannot be read" : lsm);
    fmt::print("kernel types  {}\n",
               ::access("/sys/kernel/btf/vmlinux", R_OK) == 0 ? "/sys/kernel/btf/vmlinux" : "none");
    std::string held;
    for (const CapabilityState &state : capability_states()) {
        held += fmt::format("{}{} {}", held.empty() ? "" : ", ", state.name, state.held ? "yes" : "no");
    }
    fmt::print("capabilities  {}\n", held);
}

void print_engine(const EngineProbe &probe) {
    fmt::print("\nengine {}: {}\n", engine_name(probe.engine), probe.loads ? "loads" : "does not load");
    if (!probe.loads) {
        fmt::print("  because     {}\n", probe.reason);
        return;
    }
    for (const HookState &state : probe.hooks) {
        const std::string hook = fmt::format("{} {}", state.row->type, state.row->target);
        const std::string_view words = state.attached ? "attached" : std::string_view(state.reason);
        fmt::print("  {:<38} {}\n", hook, words.empty() ? "ready" : words);
        if (!state.attached && (state.row->when == "optional" || state.row->when == "blocked")) {
            fmt::print("  {:<38}   not covered: {}\n", "", state.row->purpose);
        }
    }
}

// What the events' pages call known issues, each once, with the events that share it.
void print_issues() {
    std::vector<std::pair<std::string_view, std::string>> issues;  // text, events
    for (const TextRow &row : texts()) {
        if (row.section != "issue") {
            continue;
        }
        const auto known = std::ranges::find(issues, row.text, [](const auto &issue) { return issue.first; });
        if (known == issues.end()) {
            issues.emplace_back(row.text, event(row.event).name);
        } else {
            known->second += fmt::format(", {}", event(row.event).name);
        }
    }
    for (const auto &[text, names] : issues) {
        fmt::print("  {}: {}\n", names, text);
    }
}

void print_coverage(const EngineProbe &best) {
    std::vector<std::string_view> names;
    for (const EventRow &row : events()) {
        if ((events_of(best.engine) & event_bit(row.id)) != 0) {
            names.push_back(row.name);
        }
    }
    fmt::print(
        "\nWith the {} engine, {} are covered: every call that reaches a socket, from x86-64 and i386\n"
        "programs, with its arguments, payload, ancillary data, passed descriptors, process and socket.\n",
        engine_name(best.engine), join_words(names));
    fmt::print("\nNot covered, or not from kernel memory:\n");
    for (const UnseenRow &row : unseen()) {
        if (row.engine == best.engine) {
            fmt::print("  {}: {}\n", event(row.event).name,
                       row.why.empty() ? fmt::format("shown as {}", row.shown_as) : std::string(row.why));
        }
    }
    for (const OriginRow &row : origins()) {
        if (row.engine == best.engine && ((row.tags & (kTagU | kTagToctou)) != 0)) {
            fmt::print("  {:<24} {}: {}\n", field(row.field).path, tags_text(row.tags), row.why);
        }
    }
    print_issues();
}

// What the points of an enforcer leave out.
void print_limits(Enforcer by) {
    for (const PointRow &row : points()) {
        if (row.by == by && is_guarded(row.id) && !row.limits.empty()) {
            fmt::print("  {} covers: {}\n", row.name, row.limits);
        }
    }
}

// Of a policy that refuses nobody anything.
std::optional<policy::Image> image_of_nobody() {
    const Result<policy::Policy, policy::Mistakes> nobody =
        policy::read_policy("version: 1\nname: nobody\nrules:\n- name: everybody\n  action: allow\n");
    if (!nobody) {
        return std::nullopt;
    }
    const policy::Policy *const policies[] = {&*nobody};
    Result<policy::Image, policy::PolicyMistake> image =
        policy::compile_policies(policies, [](std::string_view) { return std::nullopt; });
    return image ? std::optional(*std::move(image)) : std::nullopt;
}

// Loads a guard at all its points and with all its hooks, and says whether each refuses what it must.
void print_guard(GuardKind kind, const policy::Image &image) {
    const std::string_view engine = name_of(kind);
    const Enforcer by = enforcer_of(kind);
    const Result<Cgroup> root = Cgroup::open("/");
    if (by == Enforcer::cgroup && !root) {
        fmt::print("\nguard {}: {}\n", engine, root.error().message);
        return;
    }
    GuardOptions options;
    options.ring_size = kLeastRingSize;
    options.kind = kind;
    options.cgroup = by == Enforcer::cgroup ? &*root : nullptr;
    for (const PointRow &row : points()) {
        if (row.by == by && is_guarded(row.id)) {
            options.images.push_back({row.id, image.facts() | fact_bit(FactId::senders), image.bytes()});
        }
    }
    const Result<std::unique_ptr<Guard>> guard = Guard::open(options);
    if (!guard) {
        fmt::print("\nguard {}: {}\n", engine, guard.error().message);
        return;
    }
    fmt::print("\nguard {}: enforces here; each hook has refused an operation of sockwarden's own\n", engine);
    for (const GuardHook &hook : (*guard)->hooks()) {
        fmt::print("  {:<38} {}: {}\n", fmt::format("{} {}", engine, hook.row->target),
                   hook.is_proven ? "proven" : "no such sockets here", hook.row->purpose);
    }
    print_limits(by);
    if (kind == GuardKind::modify) {
        fmt::print("  {}\n", kBestEffort);
    }
    if (!(*guard)->knows_requests()) {
        fmt::print("  {}\n", kHiddenAddresses);
    }
    if (by == Enforcer::guard) {
        fmt::print("  not covered: messages past the first of a sendmmsg to one address\n");
    }
}

// Judges what is delivered, and says whether it kills whom it must.
void print_delivery(const policy::Image &image) {
    EngineOptions options;
    options.ring_size = kLeastRingSize;
    options.selection.facts = image.facts();
    options.selection.image = image.bytes();
    options.selection.verdicts = wire::VERDICTS;
    const Result<ChosenEngine> chosen = choose_engine("auto", std::move(options));
    const Status proven = chosen ? chosen->engine->prove_kills() : Status(chosen.error());
    if (!proven) {
        fmt::print("\nguard after delivery: {}\n", proven.error().message);
        return;
    }
    fmt::print(
        "\nguard after delivery: kills and reports here, with the {} engine; a process of sockwarden's own was "
        "killed at each call that receives\n  covers: {}\n",
        chosen->name, point(PointId::delivered).limits);
}

int run_doctor() {
    print_system();
    const Status supervised = probe_supervisor();
    fmt::print("run: {}\n", supervised ? "works here without privilege, for one command (seccomp user notification)"
                                       : supervised.error().message);
    for (const Status &status : {check_privilege(), check_btf()}) {
        if (!status) {
            fmt::print("\n");
            return fail(status.error());
        }
    }
    const EngineProbe *best = nullptr;
    std::vector<EngineProbe> probes;
    for (const EngineRow &row : engines()) {
        probes.push_back(probe_engine(row.id));
    }
    for (const EngineProbe &probe : probes) {
        print_engine(probe);
        best = best == nullptr && probe.loads ? &probe : best;
    }
    if (best == nullptr) {
        fmt::print("\nNothing can be traced here.\n");
        return kExitFailure;
    }
    print_coverage(*best);
    if (const std::optional<policy::Image> image = image_of_nobody()) {
        for (const GuardKind kind : {GuardKind::lsm, GuardKind::modify, GuardKind::cgroup}) {
            print_guard(kind, *image);
        }
        print_delivery(*image);
    }
    return 0;
}

}  // namespace

void add_doctor(CLI::App &app, Run &run) {
    CLI::App *command = app.add_subcommand("doctor", "What this kernel lets sockwarden see, and what not");
    command->footer("Examples:\n  sudo sockwarden doctor");
    command->callback([&run] { run = [] { return run_doctor(); }; });
}

}  // namespace sockwarden
