// SPDX-License-Identifier: Apache-2.0
// The subjects of the comparison, and the list of variants.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "common/child.h"
#include "common/clock.h"
#include "common/stop_record.h"
#include "common/tracer.h"
#include "floor/floor.h"
#include "overhead/subject.h"

namespace sockwarden::bench {
namespace {

constexpr std::uint64_t drain_pause_ns = ns_per_ms;

// The floor's programs belong to this process; a child empties the ring.
class FloorSubject : public Subject {
public:
    FloorSubject(FloorKind kind, std::optional<cpu_set_t> readers) : kind_(kind), readers_(readers) {}

    Result<Done> attach() override {
        Result<Floor> floor = Floor::attach(kind_);
        if (!floor)
            return floor.error();
        floor_.emplace(std::move(*floor));
        Result<Child> drain = Child::fork([this] { return drain_for_ever(); }, readers_);
        if (!drain)
            return drain.error();
        drain_.emplace(std::move(*drain));
        return Done{};
    }

    Result<Detached> detach() override {
        Result<std::uint64_t> lost = floor_->lost();
        drain_.reset();
        floor_.reset();
        if (!lost)
            return lost.error();
        return Detached{*lost};
    }

private:
    int drain_for_ever() const {
        for (;;) {
            floor_->drain();
            sleep_ns(drain_pause_ns);
        }
    }

    FloorKind kind_;
    std::optional<cpu_set_t> readers_;
    std::optional<Floor> floor_;
    std::optional<Child> drain_;
};

// A policy of one rule, in a file that everybody may read.
class PolicyOfRule {
public:
    explicit PolicyOfRule(const std::string &rule, const std::string &action = "deny") {
        char path[] = "/tmp/sockwarden-bench-XXXXXX";
        const Fd file(::mkstemp(path));
        path_ = path;
        std::ofstream(path_) << "version: 1\nname: bench\nrules:\n  - name: never\n    when: >-\n      " << rule
                             << "\n    action: " << action << "\n";
        ::fchmod(file.get(), 0644);
    }
    PolicyOfRule(const PolicyOfRule &) = delete;
    PolicyOfRule &operator=(const PolicyOfRule &) = delete;
    ~PolicyOfRule() { ::unlink(path_.c_str()); }
    const std::string &path() const { return path_; }

private:
    std::string path_;
};

class SockwardenSubject : public Subject {
public:
    // `policy` is what the command names.
    SockwardenSubject(const SubjectOptions &options, TracerCommand command, std::unique_ptr<PolicyOfRule> policy = {})
        : policy_(std::move(policy)), command_(std::move(command)) {
        command_.cpus = options.readers;
    }

    Result<Done> attach() override {
        Result<Tracer> tracer = Tracer::start(command_);
        if (!tracer)
            return tracer.error();
        tracer_.emplace(std::move(*tracer));
        return Done{};
    }

    Result<Detached> detach() override {
        Result<TracerEnd> end = tracer_->stop();
        tracer_.reset();
        if (!end)
            return end.error();
        if (end->exit.status != 0)
            return Error{fmt::format("sockwarden ended with {}: {}", describe_exit(end->exit.status), end->text)};
        return Detached{lost_in_summary(end->text)};
    }

    pid_t pid() const override { return tracer_ ? tracer_->pid() : 0; }
    std::string ready_line() const override { return tracer_ ? tracer_->ready_line() : ""; }

private:
    std::unique_ptr<PolicyOfRule> policy_;
    TracerCommand command_;
    std::optional<Tracer> tracer_;
};

// `sockwarden guard`, by whatever it can guard here.
std::unique_ptr<Subject> guard_by(const SubjectOptions &options, const std::string &rule) {
    auto policy = std::make_unique<PolicyOfRule>(rule, "drop");
    TracerCommand command;
    command.words = {options.sockwarden, "guard", "--policy", policy->path(), "-w", "/dev/null"};
    command.ready = "sockwarden: guarding";
    return std::make_unique<SockwardenSubject>(options, std::move(command), std::move(policy));
}

// A program that is not ours: started, given a moment, ended.
class PeerSubject : public Subject {
public:
    PeerSubject(TracerCommand command, std::uint64_t moment_ns) : command_(std::move(command)), moment_ns_(moment_ns) {}

    Result<Done> attach() override {
        Result<Tracer> tracer = Tracer::start(command_);
        if (!tracer)
            return tracer.error();
        tracer_.emplace(std::move(*tracer));
        sleep_ns(moment_ns_);
        return Done{};
    }

    Result<Detached> detach() override {
        Result<TracerEnd> end = tracer_->stop();
        tracer_.reset();
        if (!end)
            return end.error();
        return Detached{};
    }

private:
    TracerCommand command_;
    std::uint64_t moment_ns_;
    std::optional<Tracer> tracer_;
};

// `sockwarden run` as an ordinary user, which starts what it supervises: this program, once for each workload.
class SupervisedSubject : public Subject {
public:
    // `rule` is an expression; empty: without a policy.
    SupervisedSubject(const SubjectOptions &options, const std::string &rule)
        : null_(options.null), tool_(::open(options.sockwarden.c_str(), O_RDONLY)) {
        if (!rule.empty())
            policy_.emplace(rule);
    }

    Result<Done> attach() override { return Done{}; }
    Result<Detached> detach() override { return Detached{0}; }

    Result<double> time(Workload workload, Repeats repeats, Meter, const TestBed &) override {
        std::vector<std::string> command = {inherited(tool_), "run", "-w", "/dev/null"};
        if (::geteuid() == 0)  // whom it is for
            command.insert(command.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
        if (policy_)
            command.insert(command.end(), {"--policy", policy_->path()});
        command.insert(command.end(),
                       {"--", inherited(self_), "--time", std::to_string(static_cast<int>(workload)), "--batches",
                        std::to_string(repeats.batches), "--batch", std::to_string(repeats.batch)});
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            return system_error("a pipe");
        const Fd out(ends[0]);
        Fd in(ends[1]);
        Result<Child> child = Child::execute(command, {in.get(), null_}, std::nullopt);
        in = Fd();
        if (!child)
            return child.error();
        std::string text(256, '\0');
        std::size_t size = 0;
        for (ssize_t got = 1; got > 0 && size < text.size();
             size += static_cast<std::size_t>(std::max<ssize_t>(got, 0)))
            got = ::read(out.get(), text.data() + size, text.size() - size);
        Result<Exit> exit = child->wait(10 * ns_per_second);
        if (!exit)
            return exit.error();
        double ns = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + size, ns);
        if (exit->status != 0 || error != std::errc())
            return Error{fmt::format("sockwarden run: {}", describe_exit(exit->status))};
        return ns;
    }

private:
    // By a descriptor, as it may lie where an ordinary user may not go.
    static std::string inherited(const Fd &file) { return "/proc/self/fd/" + std::to_string(file.get()); }

    int null_;
    std::optional<PolicyOfRule> policy_;
    Fd tool_, self_{::open("/proc/self/exe", O_RDONLY)};
};

std::unique_ptr<Subject> strace(const SubjectOptions &options) {
    TracerCommand command;
    command.words = {"strace", "-f", "-e", "trace=recvmsg", "-o", "/dev/null", "-p", std::to_string(getpid())};
    command.ready = "strace: Process";
    command.cpus = options.readers;
    return std::make_unique<PeerSubject>(command, 0);
}

// bpftrace looks for tracefs in one place only, where not every machine has it.
constexpr const char *with_tracefs =
    "cd /sys/kernel/debug && test -d tracing/events || { mount -t debugfs debugfs . && "
    "test -d /sys/kernel/debug/tracing/events; } && exec \"$@\"";

constexpr const char *bpftrace_program =
    "tracepoint:syscalls:sys_enter_recvmsg { @calls = count(); } "
    "tracepoint:syscalls:sys_exit_recvmsg { @returns = count(); }";

std::unique_ptr<Subject> bpftrace(const SubjectOptions &options) {
    TracerCommand command;
    command.words = {"unshare",  "--mount", "sh",   "-c", with_tracefs,    "sh",
                     "bpftrace", "-B",      "none", "-e", bpftrace_program};
    command.ready = "Attaching";
    command.cpus = options.readers;
    // It says so before it does it, and says nothing when done.
    return std::make_unique<PeerSubject>(command, ns_per_second);
}

// Each of 32 words with each of 32 ports, none of which is there.
std::string clauses_of_content() {
    std::string words, ports;
    for (int i = 0; i < 32; i++) {
        words += fmt::format("{}payload.contains(\"never{:02}\")", i == 0 ? "(" : " || ", i);
        ports += fmt::format("{}socket.local.port != {}", i == 0 ? "(" : " || ", 60000 + i);
    }
    return words + ") && " + ports + ")";
}

}  // namespace

std::vector<Variant> make_variants(const SubjectOptions &options) {
    const std::vector<Workload> all = {Workload::pair,        Workload::getppid, Workload::new_socket,
                                       Workload::new_process, Workload::sendmsg, Workload::read,
                                       Workload::recvmmsg,    Workload::tcp_16k, Workload::udp};
    const std::vector<Workload> receives = {Workload::pair,        Workload::getppid, Workload::new_socket,
                                            Workload::new_process, Workload::read,    Workload::recvmmsg,
                                            Workload::tcp_16k,     Workload::udp};
    const std::vector<Workload> guarded = {Workload::pair, Workload::getppid, Workload::udp};
    const std::vector<Workload> calls = {Workload::pair, Workload::getppid};
    const std::vector<Workload> sends = {Workload::pair, Workload::getppid, Workload::sendmsg};
    const auto sockwarden = [&](const std::vector<std::string> &arguments) {
        return std::make_unique<SockwardenSubject>(
            options, sockwarden_command(options.sockwarden, options.engine, arguments, options.null));
    };
    const auto floor = [&](FloorKind kind) { return std::make_unique<FloorSubject>(kind, options.readers); };
    std::vector<Variant> variants;
    const auto add = [&](std::string key, std::string name, const std::vector<Workload> &workloads,
                         std::unique_ptr<Subject> subject, int divisor = 1, Meter meter = Meter::cpu) {
        variants.push_back({std::move(key), std::move(name), workloads, divisor, meter, std::move(subject)});
    };
    add("nothing", "nothing attached", all, nullptr);
    add("floor_empty", "floor: two empty programs", calls, floor(FloorKind::empty));
    add("floor_record", "floor: bare ring record", calls, floor(FloorKind::record));
    add("light", "sockwarden --light", calls, sockwarden({"--light"}));
    add("default", "sockwarden", receives, sockwarden({}));
    add("idle_filter", "sockwarden, filter matches nothing", calls,
        sockwarden({"--pid", std::to_string(options.idle)}));
    add("send", "sockwarden --events send", sends, sockwarden({"--events", "send"}));
    add("strace", "strace -f -e trace=recvmsg", calls, strace(options), 50, Meter::real);
    add("bpftrace", "bpftrace counting recvmsg", calls, bpftrace(options), 4);
    const auto supervised = [&](const std::string &key, const std::string &name, const std::string &rule) {
        add(key, "sockwarden run, " + name, calls, std::make_unique<SupervisedSubject>(options, rule), 25, Meter::real);
    };
    supervised("run_process", "rule on processes", R"(event == "recvmsg" && process.uid == 4000000000)");
    supervised("run_socket", "rule on sockets", R"(event == "recvmsg" && socket.local.abstract == "never")");
    supervised("run_content", "rule on content", R"(event == "recvmsg" && payload.contains("never"))");
    supervised("run_trace", "tracing", "");
    const std::string datagrams = R"(socket.family == "AF_INET" && socket.type == "SOCK_DGRAM")";
    const auto guard = [&](const std::string &key, const std::string &name, const std::string &rule) {
        add(key, "sockwarden guard, " + name, guarded, guard_by(options, datagrams + " && " + rule));
    };
    guard("guard", "one rule", R"(payload.contains("never"))");
    guard("guard_1024", "1,024 clauses", clauses_of_content());
    return variants;
}

}  // namespace sockwarden::bench
