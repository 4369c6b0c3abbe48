// SPDX-License-Identifier: Apache-2.0
// The guard; see guard.h.
#include "source/bpf/guard.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "source/bpf/agent.h"
#include "source/bpf/canary.h"
#include "source/bpf/kept.h"
#include "source/bpf/object.h"
#include "source/bpf/objects.h"
#include "source/bpf/session.h"

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

}  // namespace

struct Guard::State {
    Object object;
    std::vector<GuardHook> hooks;
    std::vector<Link> links;
    Session session;
    std::string kept_as;
    const Cgroup *cgroup = nullptr;

    Status load(const GuardOptions &options);
    Status attach();
    Result<std::optional<Cgroup>> inside() const;
    Status prove();
    Status keep(const std::string &name);
};

Status Guard::State::load(const GuardOptions &options) {
    cgroup = options.cgroup;
    const Enforcer by = cgroup != nullptr ? Enforcer::cgroup : Enforcer::guard;
    Result<Object> opened = open_object(cgroup != nullptr ? objects::cgroup() : objects::guard(), TypesOf::kernel_only);
    if (!opened) {
        return opened.error();
    }
    object = std::move(*opened);
    if (Status status = put_config(*object, make_config(options)); !status) {
        return status;
    }
    name_types(*object);
    for (const GuardRow &row : guard_rows()) {
        if (point(row.point).by != by) {
            continue;
        }
        bpf_program *program = ::bpf_object__find_program_by_name(object.get(), std::string(row.id).c_str());
        if (program == nullptr) {
            return Error{"the BPF object lacks " + std::string(row.id)};
        }
        const bool is_needed =
            std::ranges::any_of(options.images, [&](const PointImage &image) { return image.point == row.point; });
        ::bpf_program__set_autoload(program, is_needed);
        if (is_needed) {
            hooks.push_back({&row});
        }
    }
    ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(object.get(), "images"), wire::POINT_COUNT);
    ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(object.get(), "scratches"), wire::GUARD_SLOTS);
    int why_not = 0;
    if (const Status status = load_object(*object, why_not); !status) {
        return Error{why_not == EPERM && cgroup == nullptr
                         ? "this kernel refuses the programs of the guard (BPF trampolines): nothing can be enforced "
                           "here"
                         : "cannot load the guard: " + status.error().message,
                     why_not == EPERM ? kExitUnproven : 2};
    }
    for (const PointImage &image : options.images) {
        if (Status status = put_image(*object, static_cast<std::uint32_t>(image.point), image.image); !status) {
            return status;
        }
    }
    return Done{};
}

Status Guard::State::attach() {
    for (const GuardHook &hook : hooks) {
        const std::string id(hook.row->id);
        const bpf_program *program = ::bpf_object__find_program_by_name(object.get(), id.c_str());
        Link link(cgroup != nullptr ? ::bpf_program__attach_cgroup(program, cgroup->fd())
                                    : ::bpf_program__attach(program));
        if (link == nullptr) {
            return errno_error("cannot attach " + id);
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
    const Cgroup *const in = *leaf ? &**leaf : nullptr;
    std::string unproven;
    for (GuardHook &hook : hooks) {
        volatile wire::shared_state &shared = *session.shared();
        shared.canary = static_cast<std::uint32_t>(hook.row - guard_rows().data()) + 1;
        const std::optional<bool> refused = is_refused(*hook.row, in, shared);
        shared.canary = 0;
        hook.is_proven = refused.value_or(false);
        // Refused with it, everything would be refused: what must pass is asked for, too.
        if (refused && (!hook.is_proven || is_refused(*hook.row, in, shared).value_or(false))) {
            unproven += fmt::format("{}{}", unproven.empty() ? "" : ", ", hook.row->target);
        }
    }
    if (unproven.empty()) {
        return Done{};
    }
    return Error{fmt::format("nothing can be refused here: these hooks are attached and never run: {}{}", unproven,
                             cgroup != nullptr ? "" : "; is bpf in /sys/kernel/security/lsm?"),
                 kExitUnproven};
}

Status Guard::State::keep(const std::string &name) {
    std::vector<NamedLink> named;
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        named.push_back({std::string(hooks[i].row->id), links[i].get()});
    }
    if (Status status = sockwarden::keep(name, named, *map_ending_with(*object, ".bss")); !status) {
        return status;
    }
    kept_as = name;
    return Done{};
}

Guard::Guard(std::unique_ptr<State> state) : state_(std::move(state)) {}
Guard::~Guard() = default;

Result<std::unique_ptr<Guard>> Guard::open(const GuardOptions &options) {
    auto state = std::make_unique<State>();
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
    if (Status status = state->prove(); !status) {
        return status.error();
    }
    if (options.keep) {
        // The id of a guard that is gone may be this one's, and a container gives the same to each.
        const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
        if (Status status = state->keep(fmt::format("{}-{}", ::getpid(), now)); !status) {
            return status.error();
        }
    }
    return std::unique_ptr<Guard>(new Guard(std::move(state)));
}

std::size_t Guard::drain(const Take &take, bool all, std::size_t budget) {
    return state_->session.drain(take, all, budget);
}

int Guard::wake_fd() const { return state_->session.wake_fd(); }
bool Guard::prepare_sleep() { return state_->session.prepare_sleep(); }
std::vector<Loss> Guard::losses() { return state_->session.losses(*state_->object); }
const std::vector<GuardHook> &Guard::hooks() const { return state_->hooks; }
const std::string &Guard::kept_as() const { return state_->kept_as; }

Status Guard::detach() {
    state_->session.shared()->released = 1;
    state_->links.clear();
    return state_->kept_as.empty() ? Status(Done{}) : release_kept(std::exchange(state_->kept_as, {}));
}

std::vector<std::uint64_t> Guard::hits(PointId point) const {
    const int map = ::bpf_object__find_map_fd_by_name(state_->object.get(), "hits");
    std::vector<std::uint64_t> hits(wire::HITS_OF_POINT);
    for (std::uint32_t i = 0; i < hits.size(); ++i) {
        const std::uint32_t index = static_cast<std::uint32_t>(point) * wire::HITS_OF_POINT + i;
        ::bpf_map_lookup_elem(map, &index, &hits[i]);
    }
    return hits;
}

}  // namespace sockwarden
