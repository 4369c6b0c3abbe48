// SPDX-License-Identifier: Apache-2.0
// A BPF engine; see engine.h.
#include "source/bpf/engine.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <fstream>

#include "source/bpf/canary.h"
#include "source/bpf/object.h"
#include "source/bpf/objects.h"
#include "source/bpf/session.h"
#include "source/bpf/tracefs.h"

namespace sockwarden {
namespace {

struct BtfFree {
    void operator()(btf *types) const { ::btf__free(types); }
};
using KernelTypes = std::unique_ptr<btf, BtfFree>;

// Whether the running kernel has what the hook attaches to.
bool has_target(const btf *kernel, const HookRow &row) {
    const std::string target(row.target);
    if (row.type == "tp_btf") {
        return ::btf__find_by_name_kind(kernel, ("btf_trace_" + target).c_str(), BTF_KIND_TYPEDEF) > 0;
    }
    if (row.type == "fentry" || row.type == "fexit" || row.type == "kretprobe" ||
        (row.type == "kprobe" && row.when != "once")) {
        return ::btf__find_by_name_kind(kernel, target.c_str(), BTF_KIND_FUNC) > 0;
    }
    return true;
}

// Why the kernel refuses BPF trampolines, by the smallest program that needs one: to prepare the whole engine only to
// have it refused takes longer than to start another. 0 where it does not.
int trampoline_refusal(const btf *kernel) {
    const int target = ::btf__find_by_name_kind(kernel, "sock_recvmsg", BTF_KIND_FUNC);
    bpf_prog_load_opts options{};
    options.sz = sizeof(options);
    options.expected_attach_type = BPF_TRACE_FENTRY;
    options.attach_btf_id = static_cast<__u32>(std::max(target, 0));
    bpf_insn program[2]{};
    program[0].code = BPF_ALU64 | BPF_MOV | BPF_K;  // r0 = 0
    program[1].code = BPF_JMP | BPF_EXIT;
    const Fd loaded(::bpf_prog_load(BPF_PROG_TYPE_TRACING, nullptr, "GPL", program, 2, &options));
    return loaded ? 0 : errno;
}

// What an engine says of the events that are asked for and that it does not have.
std::string why_unseen(const EngineOptions &options) {
    std::string text;
    for (const UnseenRow &row : unseen()) {
        if (row.engine == options.engine && (options.selection.events & event_bit(row.event)) != 0) {
            text += (text.empty() ? ": " : "; ") + std::string(event(row.event).name) + ", " +
                    (row.why.empty() ? "shown as " + std::string(row.shown_as) : std::string(row.why));
        }
    }
    return text;
}

// Whether the kernel has the hook that stands in the place of older ones.
bool has_newer(const btf *kernel, EngineId engine) {
    return std::ranges::any_of(sockwarden::hooks(), [&](const HookRow &row) {
        return row.engine == engine && row.when == "newer" && has_target(kernel, row);
    });
}

// Whether a hook is loaded, as far as that is known before it is tried.
HookState first_state(const btf *kernel, const HookRow &row, const EngineOptions &options) {
    HookState state;
    state.row = &row;
    state.needed =
        !((row.when == "full" || row.when == "some") && options.selection.light) &&
        !(row.when == "follow" && !options.selection.marked_only) &&
        !((row.when == "newer" || row.when == "older") && has_newer(kernel, row.engine) != (row.when == "newer")) &&
        (row.events & captured_for(options.selection.events, row.engine)) != 0;
    if (!state.needed) {
        state.reason = "not needed";
    } else if (!has_target(kernel, row)) {
        state.reason = "this kernel has no " + std::string(row.target);
    }
    return state;
}

bool is_matched(const Selection &selection) {
    return selection.facts != 0 || selection.verdicts != wire::VERDICTS_NONE;
}

wire::capture_config make_config(const EngineOptions &options, bool skb_dynptr) {
    wire::capture_config config{};
    const Selection &selection = options.selection;
    config.snaplen = selection.snaplen;
    config.self = static_cast<std::uint32_t>(::getpid());
    config.events = captured_for(selection.events, options.engine);
    config.asked = selection.events & events_of(options.engine);
    config.place_mask = options.places - 1;
    config.light = selection.light ? 1 : 0;
    config.only_marked = selection.marked_only ? 1 : 0;
    config.inherit = selection.follow ? 1 : 0;
    config.facts = selection.facts;
    config.verdicts = selection.verdicts;
    config.control_inode = options.control.inode;
    config.control_device = options.control.device;
    config.with_flags = events_with(FieldId::flags);
    config.with_iovlen = events_with(FieldId::iovlen);
    config.with_peeked = events_with(FieldId::peeked);
    config.skb_dynptr = skb_dynptr ? 1 : 0;
    for (const wire::own_socket &own : options.own) {
        if (config.own_count < wire::MAX_OWN) {
            config.own[config.own_count++] = own;
        }
    }
    return config;
}

Bytes object_of(EngineId engine) {
    switch (engine) {
        case EngineId::trampoline:
            return objects::trampoline();
        case EngineId::kprobe:
            return objects::kprobe();
        case EngineId::tracepoint:
            return objects::tracepoint();
    }
    return {};
}

// Loads the object with the hooks that `states` does not rule out.
Result<Object> load(const EngineOptions &options, const std::vector<HookState> &states, bool skb_dynptr, int &why_not) {
    const Bytes bytes = object_of(options.engine);
    if (bytes.empty()) {
        return Error{"this build has no " + std::string(engine_name(options.engine)) + " engine", 2};
    }
    Result<Object> opened = open_object(bytes, options.types);
    if (!opened) {
        return opened.error();
    }
    Object object = std::move(*opened);
    if (const Status status = put_config(*object, make_config(options, skb_dynptr)); !status) {
        return status.error();
    }
    ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(object.get(), "places"), options.places);
    ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(object.get(), "matchings"),
                               is_matched(options.selection) ? options.places : 1);
    for (const HookState &state : states) {
        bpf_program *program = ::bpf_object__find_program_by_name(object.get(), std::string(state.row->id).c_str());
        if (program != nullptr) {
            ::bpf_program__set_autoload(program, state.reason.empty());
        }
    }
    if (const Status status = load_object(*object, why_not); !status) {
        return Error{
            "cannot load the " + std::string(engine_name(options.engine)) + " engine: " + status.error().message, 2};
    }
    if (is_matched(options.selection)) {
        if (const Status status = put_image(*object, 0, options.selection.image); !status) {
            return status.error();
        }
    }
    return object;
}

// Loads with as many hooks as the kernel takes: one optional hook that does not load must not fail the others.
Result<Object> load_best(const EngineOptions &options, std::vector<HookState> &states) {
    int why_not = 0;
    Result<Object> object = load(options, states, true, why_not);
    if (object || why_not == EPERM) {  // what the kernel forbids it forbids for each hook
        return object;
    }
    if (options.engine == EngineId::tracepoint) {
        object = load(options, states, false, why_not);
        if (object) {
            return object;
        }
    }
    for (HookState &state : states) {
        if ((state.row->when != "optional" && state.row->when != "some") || !state.reason.empty()) {
            continue;
        }
        state.reason = "does not load on this kernel";
        Result<Object> without = load(options, states, true, why_not);
        if (without) {
            return without;
        }
    }
    return object;
}

// A perf event is how a program comes to a classic tracepoint or to a kprobe at an address.
Result<bpf_link *> attach_perf_event(bpf_program *program, perf_event_attr attr) {
    attr.size = sizeof(attr);
    const int event = static_cast<int>(::syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
    if (event < 0) {
        return errno_error("perf_event_open");
    }
    bpf_link *link = ::bpf_program__attach_perf_event(program, event);
    if (link == nullptr) {
        const Error error = errno_error("attach to a perf event");
        ::close(event);
        return error;
    }
    return link;
}

// The type number of the kernel's kprobe event source.
Result<__u32> kprobe_source() {
    std::ifstream file("/sys/bus/event_source/devices/kprobe/type");
    __u32 type = 0;
    if (!(file >> type)) {
        return Error{"this kernel has no kprobes"};
    }
    return type;
}

Result<perf_event_attr> perf_event_of(const HookRow &row, std::uint64_t address) {
    perf_event_attr attr{};
    if (row.type == "tracepoint") {
        const Result<int> id = tracepoint_id(std::string(row.target).c_str());
        if (!id) {
            return id.error();
        }
        attr.type = PERF_TYPE_TRACEPOINT;
        attr.config = static_cast<__u64>(*id);
    } else {
        const Result<__u32> source = kprobe_source();
        if (!source) {
            return source.error();
        }
        attr.type = *source;
        attr.kprobe_addr = address;
    }
    return attr;
}

// `address` is for hooks of type kprobe_at.
Result<Link> attach(bpf_program *program, const HookRow &row, std::uint64_t address) {
    bpf_link *link = nullptr;
    if (row.type == "tracepoint" || row.type == "kprobe_at") {
        const Result<perf_event_attr> attr = perf_event_of(row, address);
        if (!attr) {
            return attr.error();
        }
        const Result<bpf_link *> made = attach_perf_event(program, *attr);
        if (!made) {
            return made.error();
        }
        link = *made;
    } else {
        link = ::bpf_program__attach(program);
    }
    if (link == nullptr) {
        return errno_error("cannot attach " + std::string(row.target));
    }
    return Link(link);
}

// Makes a call of our own that is one of `events` and fails at once.
void make_call(EventMask events) {
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    [[maybe_unused]] ssize_t got = 0;
    char byte = 0;
    mmsghdr message{};
    if ((events & event_bit(EventId::recvmsg)) != 0) {
        got = ::recvmsg(socket.get(), &message.msg_hdr, 0);
    } else if ((events & event_bit(EventId::recvmmsg)) != 0) {
        got = ::recvmmsg(socket.get(), &message, 1, 0, nullptr);
    } else if ((events & event_bit(EventId::recvfrom)) != 0) {
        got = ::recv(socket.get(), &byte, 1, 0);
    } else if ((events & event_bit(EventId::sendmsg)) != 0) {
        got = ::sendmsg(socket.get(), &message.msg_hdr, 0);
    } else if ((events & event_bit(EventId::sendto)) != 0) {
        got = ::send(socket.get(), &byte, 1, 0);
    } else if ((events & event_bit(EventId::splice)) != 0) {
        int ends[2] = {-1, -1};
        if (::pipe2(ends, O_CLOEXEC) == 0) {
            const Fd out(ends[0]), in(ends[1]);
            got = ::splice(socket.get(), nullptr, in.get(), nullptr, 1, SPLICE_F_NONBLOCK);
        }
    } else if ((events & event_bit(EventId::zerocopy)) != 0) {
        const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        tcp_zerocopy_receive wanted{};
        socklen_t size = sizeof(wanted);
        got = ::getsockopt(tcp.get(), IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &wanted, &size);
    } else if ((events & event_bit(EventId::connect)) != 0) {
        const sockaddr nowhere{AF_UNSPEC, {}};
        got = ::connect(socket.get(), &nowhere, sizeof(nowhere));
    } else if ((events & event_bit(EventId::accept)) != 0) {
        got = ::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC);
    } else if ((events & event_bit(EventId::write)) != 0) {
        got = ::write(socket.get(), &byte, 1);
    } else {
        got = ::read(socket.get(), &byte, 1);
    }
}

}  // namespace

struct BpfEngine::State {
    EngineOptions options;
    Object object;
    std::vector<HookState> hooks;
    std::vector<Link> links;
    Link tasks;  // the iterator over tasks
    Session session;
    volatile wire::shared_state *shared = nullptr;  // of the session
    std::uint64_t blocked_missed = 0;

    Status attach_all();
    Status attach_one(HookState &state);
    Status watch_blocked();
    Result<std::uint64_t> find_return_site(const HookRow &row);
    Status run_iterator();
};

Status BpfEngine::State::attach_all() {
    for (auto state = hooks.rbegin(); state != hooks.rend(); ++state) {
        const bool later = state->row->when == "blocked" || (state->row->when == "once" && state->row->type != "iter");
        if (!state->reason.empty() || later) {
            continue;
        }
        if (Status status = attach_one(*state); !status) {
            return status;
        }
    }
    return Done{};
}

Status BpfEngine::State::attach_one(HookState &state) {
    bpf_program *program = ::bpf_object__find_program_by_name(object.get(), std::string(state.row->id).c_str());
    if (program == nullptr) {
        return Error{"the BPF object lacks " + std::string(state.row->id)};
    }
    std::uint64_t address = 0;
    if (state.row->type == "kprobe_at") {
        const Result<std::uint64_t> site = find_return_site(*state.row);
        if (!site) {
            return site.error();
        }
        address = *site;
    }
    Result<Link> link = attach(program, *state.row, address);
    if (!link) {
        if (state.row->when != "optional" && state.row->when != "some") {
            return link.error();
        }
        state.reason = link.error().message;
        return Done{};
    }
    state.attached = true;
    if (state.row->type == "iter") {
        tasks = std::move(*link);
    } else {
        links.push_back(std::move(*link));
    }
    if (state.row->type == "kprobe_at") {
        shared->return_hits = 0;
        make_call(state.row->events);
        if (shared->return_hits == 0) {
            return Error{"the probe " + std::string(state.row->id) + " at the " + std::string(state.row->target) +
                         " does not run"};
        }
    }
    return Done{};
}

// The address at which the function returns that `row` names, as the stack shows it in a call of our own.
Result<std::uint64_t> BpfEngine::State::find_return_site(const HookRow &row) {
    constexpr std::string_view kPrefix = "return of ";
    const std::string function(row.target.substr(kPrefix.size()));
    bpf_program *program = ::bpf_object__find_program_by_name(object.get(), "kp_site");
    const Link link(program != nullptr ? ::bpf_program__attach_kprobe(program, false, function.c_str()) : nullptr);
    if (link == nullptr) {
        return errno_error("cannot attach to " + function);
    }
    shared->return_site = 0;
    make_call(row.events);
    if (shared->return_site == 0) {
        return Error{"cannot tell where " + function + " returns to"};
    }
    return std::uint64_t{shared->return_site};
}

// Calls that wait already were entered before there were hooks: a hook of their own shows their end, where the kernel
// has it; else they are missed.
Status BpfEngine::State::watch_blocked() {
    blocked_missed = shared->blocked_unseen;
    for (HookState &state : hooks) {
        if (state.row->when != "blocked" || !state.needed || state.attached || shared->blocked_calls == 0) {
            continue;
        }
        if (!state.reason.empty()) {
            blocked_missed = shared->blocked_unseen + shared->blocked_calls;
        } else if (Status status = attach_one(state); !status) {
            return status;
        }
    }
    return Done{};
}

// Runs the iterator over tasks until it marks nothing new.
Status BpfEngine::State::run_iterator() {
    for (int round = 0; round < 64; ++round) {
        shared->newly_marked = 0;
        shared->blocked_calls = 0;
        shared->blocked_unseen = 0;
        const Fd run(::bpf_iter_create(::bpf_link__fd(tasks.get())));
        if (!run) {
            return errno_error("cannot walk the tasks");
        }
        char byte = 0;
        while (::read(run.get(), &byte, 1) > 0) {
        }
        if (shared->newly_marked == 0) {
            break;
        }
    }
    return watch_blocked();
}

BpfEngine::BpfEngine(std::unique_ptr<State> state) : state_(std::move(state)) {}
BpfEngine::~BpfEngine() = default;

Result<std::unique_ptr<BpfEngine>> BpfEngine::open(const EngineOptions &options) {
    auto state = std::make_unique<State>();
    state->options = options;
    if ((options.selection.events & events_of(options.engine)) == 0) {
        return Error{"the " + std::string(engine_name(options.engine)) + " engine sees none of these events" +
                         why_unseen(options),
                     2};
    }
    if (options.engine == EngineId::kprobe) {
        if (const Result<__u32> source = kprobe_source(); !source) {
            return Error{"cannot load the kprobe engine: " + source.error().message, 2};
        }
    }
    static const KernelTypes kernel(::btf__load_vmlinux_btf());  // 5 MB to parse, the same for every engine
    if (kernel == nullptr) {
        return errno_error("cannot read the kernel's types");
    }
    if (const int refusal = options.engine == EngineId::trampoline ? trampoline_refusal(kernel.get()) : 0;
        refusal == EPERM) {
        return Error{"cannot load the trampoline engine: this kernel refuses BPF trampolines", 2};
    }
    for (const HookRow &row : sockwarden::hooks()) {
        if (row.engine != options.engine) {
            continue;
        }
        state->hooks.push_back(first_state(kernel.get(), row, options));
        const HookState &hook = state->hooks.back();
        if (row.when == "required" && hook.needed && !hook.reason.empty()) {
            return Error{"cannot load the " + std::string(engine_name(row.engine)) + " engine: " + hook.reason, 2};
        }
    }
    Result<Object> object = load_best(options, state->hooks);
    if (!object) {
        return object.error();
    }
    state->object = std::move(*object);
    Result<Session> session = Session::start(*state->object, options.ring_size);
    if (!session) {
        return session.error();
    }
    state->session = std::move(*session);
    state->shared = state->session.shared();
    state->shared->released = 1;  // until it is armed
    if (Status status = state->attach_all(); !status) {
        return status.error();
    }
    if (!options.selection.marked_only) {
        if (Status status = state->run_iterator(); !status) {
            return status.error();
        }
    }
    return std::unique_ptr<BpfEngine>(new BpfEngine(std::move(state)));
}

Status BpfEngine::mark(std::uint32_t pid) {
    const int map = ::bpf_object__find_map_fd_by_name(state_->object.get(), "wanted");
    const std::uint32_t one = 1;
    if (::bpf_map_update_elem(map, &pid, &one, BPF_ANY) != 0) {
        return errno_error("cannot mark process " + std::to_string(pid));
    }
    return state_->run_iterator();
}

Status BpfEngine::prove_kills() {
    std::string unproven;
    for (const EventId event :
         {EventId::recvmsg, EventId::recvmmsg, EventId::recvfrom, EventId::read, EventId::readv}) {
        const bool is_needed = (state_->options.selection.events & event_bit(event)) != 0;
        const auto mark_it = [&](std::uint32_t pid) {
            return state_->options.selection.marked_only ? mark(pid) : Status(Done{});
        };
        if (is_needed && !dies_of(event, *state_->shared, mark_it)) {
            unproven += (unproven.empty() ? "" : ", ") + std::string(sockwarden::event(event).name);
        }
    }
    return unproven.empty() ? Status(Done{})
                            : Status(Error{"nobody is killed here for what was delivered by " + unproven, 2});
}

void BpfEngine::arm() { state_->shared->released = 0; }

void BpfEngine::detach() {
    state_->shared->released = 1;
    state_->links.clear();
}

std::size_t BpfEngine::drain(const Take &take, bool all, std::size_t budget) {
    return state_->session.drain(take, all, budget);
}

int BpfEngine::wake_fd() const { return state_->session.wake_fd(); }

bool BpfEngine::prepare_sleep() { return state_->session.prepare_sleep(); }

std::vector<Loss> BpfEngine::losses() {
    std::vector<Loss> losses = state_->session.losses(*state_->object);
    if (state_->blocked_missed != 0) {
        losses.push_back(loss_of(wire::COUNTER_blocked_at_start, state_->blocked_missed));
    }
    return losses;
}

const std::vector<HookState> &BpfEngine::hook_states() const { return state_->hooks; }

std::vector<std::string> BpfEngine::uncovered() const {
    std::vector<std::string> list;
    for (const UnseenRow &row : unseen()) {
        if (row.engine == state_->options.engine && !row.why.empty() &&
            (state_->options.selection.events & event_bit(row.event)) != 0) {
            list.push_back(std::string(event(row.event).name) + ": " + std::string(row.why));
        }
    }
    for (const HookState &state : state_->hooks) {
        if (!state.attached && (state.needed || state.row->when == "full") &&
            (state.row->when == "optional" || state.row->when == "full") &&
            (state.row->events & state_->options.selection.events) != 0) {
            list.push_back(std::string(state.row->id) + ": " + std::string(state.row->purpose));
        }
    }
    return list;
}

EngineProbe probe_engine(EngineId engine) {
    EngineProbe probe{engine, false, {}, {}};
    EngineOptions options;
    options.engine = engine;
    options.ring_size = kLeastRingSize;
    options.selection.marked_only = true;  // nothing is marked: nothing is traced
    Result<std::unique_ptr<BpfEngine>> opened = BpfEngine::open(options);
    if (!opened) {
        probe.reason = opened.error().message;
        for (const HookRow &row : hooks()) {
            if (row.engine == engine) {
                probe.hooks.push_back({&row, false, true, "engine does not load"});
            }
        }
        return probe;
    }
    probe.loads = true;
    probe.hooks = (*opened)->hook_states();
    return probe;
}

}  // namespace sockwarden
