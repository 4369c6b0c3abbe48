// SPDX-License-Identifier: Apache-2.0
// The guard; see guard.h.
#include "source/bpf/guard.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>

#include "catalog/catalog.h"
#include "source/bpf/agent.h"
#include "source/bpf/canary.h"
#include "source/bpf/kept.h"
#include "source/bpf/object.h"
#include "source/bpf/objects.h"
#include "source/bpf/session.h"
#include "source/bpf/symbols.h"

namespace sockwarden {
namespace {

wire::capture_config make_config(const GuardOptions &options) {
    wire::capture_config config{};
    config.snaplen = options.snaplen;
    config.events = ~0U;
    config.asked = ~0U;
    config.verdicts = 1;
    config.generation = options.generation;
    config.control_inode = options.control.inode;
    config.control_device = options.control.device;
    for (const PointImage &image : options.images) {
        config.facts |= image.facts;
    }
    config.with_flags = events_with(FieldId::flags);
    config.with_iovlen = events_with(FieldId::iovlen);
    config.with_peeked = events_with(FieldId::peeked);
    for (const wire::own_socket &own : options.own) {
        if (config.own_count < wire::MAX_OWN) {
            config.own[config.own_count++] = own;
        }
    }
    return config;
}

bool asks(const PointImage &image, FactId fact) { return (image.facts & fact_bit(fact)) != 0; }

// Where the functions of io_uring's requests and of messages are, if a rule asks which it is. Whether they are known
// that are asked for.
bool put_request_functions(bpf_object &object, const GuardOptions &options) {
    bpf_map *map = map_ending_with(object, ".rodata.requests");
    std::size_t room = 0;
    void *place = map != nullptr ? const_cast<void *>(::bpf_map__initial_value(map, &room)) : nullptr;
    const bool is_asked = std::ranges::any_of(options.images, [](const PointImage &image) {
        return asks(image, FactId::event) || asks(image, FactId::senders);
    });
    if (place == nullptr || !is_asked) {
        return true;
    }
    const std::vector<wire::request_function> functions = request_functions();
    std::memcpy(place, functions.data(), std::min(room, functions.size() * sizeof(functions.front())));
    return !functions.empty();
}

// Names that libbpf learned later than the kernel (in 1.3).
void name_types(bpf_object &object) {
    constexpr std::pair<const char *, int> kLater[] = {{"cg_connect_unix", 49},
                                                       {"cg_send_unix", 50}};  // BPF_CGROUP_UNIX_*
    for (const auto &[name, type] : kLater) {
        if (bpf_program *program = ::bpf_object__find_program_by_name(&object, name)) {
            ::bpf_program__set_type(program, BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
            ::bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(type));
        }
    }
}

// How many programs there are for each hook, and what follows its id in their names. Of those of a function the kernel
// runs the last first (bpf_trampoline_link_prog), so that is how they are attached.
constexpr std::string_view kTurns[] = {kAgain, ""};
std::span<const std::string_view> turns_of(GuardKind kind) {
    return std::span(kTurns).last(kind == GuardKind::modify ? 2 : 1);
}

Bytes object_of(GuardKind kind) {
    switch (kind) {
        case GuardKind::lsm:
            return objects::guard();
        case GuardKind::modify:
            return objects::modify();
        case GuardKind::cgroup:
            return objects::cgroup();
    }
    return {};
}

Error load_error(GuardKind kind, int why_not, const Error &error) {
    if (kind == GuardKind::cgroup) {
        return {"this kernel does not load these programs of cgroups (they need Linux 6.2, for UNIX sockets 6.8): " +
                    error.message,
                kExitUnproven};
    }
    if (why_not == EPERM) {
        return {"this kernel refuses the programs of the guard (BPF trampolines): nothing can be enforced here",
                kExitUnproven};
    }
    return {"cannot load the guard: " + error.message, kExitUnproven};
}

}  // namespace

struct Guard::State {
    struct Program {
        std::string name;
        bpf_program *program;
    };

    GuardKind kind{};
    Object object;
    std::vector<GuardHook> hooks;
    std::vector<Program> programs;  // of the hooks, by turns
    std::vector<Link> links;        // of these
    Session session;
    std::string kept_as;
    bool knows_requests = true;
    const Cgroup *cgroup = nullptr;
    const State *beside = nullptr;  // while it is proven

    bool notes_givers() const;
    Status load(const GuardOptions &options);
    Status share_givers(const GuardOptions &options);
    Status attach();
    Result<std::optional<Cgroup>> inside() const;
    Status prove();
    Status keep(const std::string &name, std::string_view about);
};

Status Guard::State::load(const GuardOptions &options) {
    kind = options.kind;
    cgroup = options.cgroup;
    Result<Object> opened = open_object(object_of(kind), TypesOf::kernel_only);
    if (!opened) {
        return opened.error();
    }
    object = std::move(*opened);
    if (Status status = put_config(*object, make_config(options)); !status) {
        return status;
    }
    knows_requests = put_request_functions(*object, options);
    name_types(*object);
    for (const GuardRow &row : guard_rows()) {
        if (point(row.point).by != enforcer_of(kind)) {
            continue;
        }
        const bool is_needed = std::ranges::any_of(options.images, [&](const PointImage &image) {
            return image.point == row.point && (!row.asked || asks(image, *row.asked));
        });
        if (is_needed) {
            hooks.push_back({&row});
        }
        for (const std::string_view turn : turns_of(kind)) {
            std::string name = fmt::format("{}{}", row.id, turn);
            bpf_program *program = ::bpf_object__find_program_by_name(object.get(), name.c_str());
            if (program == nullptr) {
                return Error{"the BPF object lacks " + name};
            }
            ::bpf_program__set_autoload(program, is_needed);
            if (is_needed) {
                programs.push_back({std::move(name), program});
            }
        }
    }
    ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(object.get(), "images"), wire::POINT_COUNT);
    ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(object.get(), "scratches"), wire::GUARD_SLOTS);
    if (Status status = share_givers(options); !status) {
        return status;
    }
    int why_not = 0;
    if (const Status status = load_object(*object, why_not); !status) {
        return load_error(kind, why_not, status.error());
    }
    for (const PointImage &image : options.images) {
        if (Status status = put_image(*object, static_cast<std::uint32_t>(image.point), image.image); !status) {
            return status;
        }
    }
    return Done{};
}

bool Guard::State::notes_givers() const {
    return std::ranges::any_of(hooks, [](const GuardHook &hook) { return hook.row->asked.has_value(); });
}

// Who gave descriptors so far the guard before this one has noted, and notes until this one does.
Status Guard::State::share_givers(const GuardOptions &options) {
    if (!notes_givers()) {
        if (bpf_map *map = ::bpf_object__find_map_by_name(object.get(), "givers")) {
            ::bpf_map__set_max_entries(map, 1);
        }
        return Done{};
    }
    const State *before = options.beside != nullptr ? options.beside->state_.get() : nullptr;
    if (before == nullptr || before->object == nullptr || !before->notes_givers()) {
        return Done{};
    }
    for (const char *name : {"givers", "given_over"}) {  // the latter not in all kinds
        bpf_map *map = ::bpf_object__find_map_by_name(object.get(), name);
        const int shared = ::bpf_object__find_map_fd_by_name(before->object.get(), name);
        if (map != nullptr && shared >= 0 && ::bpf_map__reuse_fd(map, shared) != 0) {
            return errno_error("cannot take over who gave descriptors");
        }
    }
    return Done{};
}

Status Guard::State::attach() {
    for (const Program &one : programs) {
        Link link(cgroup != nullptr ? ::bpf_program__attach_cgroup(one.program, cgroup->fd())
                                    : ::bpf_program__attach(one.program));
        if (link == nullptr) {
            return Error{errno_error("cannot attach " + one.name).message, kExitUnproven};
        }
        links.push_back(std::move(link));
    }
    return Done{};
}

// Where sockets for proof are made: only a cgroup without any below it takes processes in all cases.
Result<std::optional<Cgroup>> Guard::State::inside() const {
    if (cgroup == nullptr) {
        return std::optional<Cgroup>();
    }
    Result<Cgroup> made = cgroup->make(fmt::format("sockwarden-proof-{}", ::getpid()));
    return made ? Result<std::optional<Cgroup>>(*std::move(made)) : made.error();
}

Status Guard::State::prove() {
    const Result<std::optional<Cgroup>> leaf = inside();
    if (!leaf) {
        return leaf.error();
    }
    const Venue venue{*leaf ? &**leaf : nullptr, session.shared(),
                      beside != nullptr ? beside->session.shared() : nullptr};
    std::string unproven;
    for (GuardHook &hook : hooks) {
        volatile wire::shared_state &shared = *session.shared();
        const auto number = static_cast<std::uint32_t>(hook.row - guard_rows().data());
        std::optional<bool> refused;
        hook.is_proven = true;
        for (const std::string_view turn : turns_of(kind)) {
            shared.canary = number + (turn == kAgain ? std::uint32_t{wire::GUARD_COUNT} : 0) + 1;
            refused = is_refused(*hook.row, venue);
            shared.canary = 0;
            hook.is_proven = hook.is_proven && refused.value_or(false);
        }
        // Refused with it, everything would be refused: what must pass is asked for, too. It shows which runs first.
        shared.turns_seen = 0;
        const bool passes = !is_refused(*hook.row, venue).value_or(false);
        const bool is_in_turn = kind != GuardKind::modify || (shared.turns_seen >> number & 1) != 0;
        if (refused && (!hook.is_proven || !passes || !is_in_turn)) {
            unproven += fmt::format("{}{}", unproven.empty() ? "" : ", ", hook.row->target);
        }
    }
    if (unproven.empty()) {
        return Done{};
    }
    return Error{fmt::format("nothing can be refused here: these hooks are attached and never run: {}{}", unproven,
                             kind == GuardKind::lsm ? "; is bpf in /sys/kernel/security/lsm?" : ""),
                 kExitUnproven};
}

Status Guard::State::keep(const std::string &name, std::string_view about) {
    std::vector<NamedLink> named;
    for (std::size_t i = 0; i < programs.size(); ++i) {
        named.push_back({programs[i].name, links[i].get()});
    }
    const auto map = [&](const char *which) -> const bpf_map & {
        return *::bpf_object__find_map_by_name(object.get(), which);
    };
    const KeptMaps maps{*map_ending_with(*object, ".bss"), map("hits"), map("counters"), about};
    if (Status status = sockwarden::keep(name, named, maps); !status) {
        return status;
    }
    kept_as = name;
    return Done{};
}

std::string_view name_of(GuardKind kind) {
    return kind == GuardKind::lsm ? kGuardEngine : kind == GuardKind::modify ? kModifyEngine : kCgroupEngine;
}

Enforcer enforcer_of(GuardKind kind) { return kind == GuardKind::cgroup ? Enforcer::cgroup : Enforcer::guard; }

Guard::Guard(std::unique_ptr<State> state) : state_(std::move(state)) {}
Guard::~Guard() = default;

Result<std::unique_ptr<Guard>> Guard::open(const GuardOptions &options) {
    auto state = std::make_unique<State>();
    if (options.images.empty()) {
        return std::unique_ptr<Guard>(new Guard(std::move(state)));
    }
    if (Status status = state->load(options); !status) {
        return status.error();
    }
    Result<Session> session = Session::start(*state->object, options.ring_size);
    if (!session) {
        return session.error();
    }
    state->session = std::move(*session);
    if (Status status = become_agent(*state->session.shared()); !status) {
        return status.error();
    }
    if (Status status = state->attach(); !status) {
        return status.error();
    }
    state->beside = options.beside != nullptr ? options.beside->state_.get() : nullptr;
    if (Status status = state->prove(); !status) {
        return status.error();
    }
    state->beside = nullptr;
    if (options.keep) {
        // The id of a guard that is gone may be this one's, and a container gives the same to each.
        const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
        if (Status status = state->keep(fmt::format("{}-{}", ::getpid(), now), options.about); !status) {
            return status.error();
        }
    }
    return std::unique_ptr<Guard>(new Guard(std::move(state)));
}

std::size_t Guard::drain(const Take &take, bool all, std::size_t budget) {
    return state_->session.drain(take, all, budget);
}

int Guard::wake_fd() const { return state_->session.wake_fd(); }
bool Guard::prepare_sleep() { return state_->object == nullptr || state_->session.prepare_sleep(); }

// What the second of two programs was skipped for nobody may have judged.
std::vector<Loss> Guard::losses() {
    if (state_->object == nullptr) {
        return {};
    }
    std::vector<Loss> losses = state_->session.losses(*state_->object);
    std::uint64_t skipped = 0;
    for (const State::Program &one : state_->programs) {
        skipped += one.name.ends_with(kAgain) ? skipped_runs(::bpf_program__fd(one.program)) : 0;
    }
    if (skipped != 0) {
        losses.push_back(loss_of(wire::COUNTER_unjudged, skipped));
    }
    return losses;
}

const std::vector<GuardHook> &Guard::hooks() const { return state_->hooks; }
bool Guard::knows_requests() const { return state_->knows_requests; }
const std::string &Guard::kept_as() const { return state_->kept_as; }

Status Guard::detach() {
    if (state_->object == nullptr) {
        return Done{};
    }
    state_->session.shared()->released = 1;
    state_->links.clear();
    return state_->kept_as.empty() ? Status(Done{}) : release_kept(std::exchange(state_->kept_as, {}));
}

std::size_t place_of_hits(PointId point, std::size_t number) {
    return static_cast<std::size_t>(point) * wire::HITS_OF_POINT + number;
}

std::vector<std::uint64_t> hits_in(int map) {
    std::vector<std::uint64_t> hits(entries_of_numbers(map, BPF_MAP_TYPE_ARRAY));
    std::vector<std::uint32_t> places(hits.size());
    std::uint32_t behind = 0;
    auto count = static_cast<__u32>(hits.size());
    if (::bpf_map_lookup_batch(map, nullptr, &behind, places.data(), hits.data(), &count, nullptr) != 0) {
        hits.clear();
    }
    return hits;
}

std::vector<std::uint64_t> Guard::hits() const {
    return state_->object == nullptr ? std::vector<std::uint64_t>()
                                     : hits_in(::bpf_object__find_map_fd_by_name(state_->object.get(), "hits"));
}

}  // namespace sockwarden
