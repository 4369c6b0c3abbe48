// SPDX-License-Identifier: Apache-2.0
// Reads the run counters that the kernel keeps for BPF programs while statistics are enabled.
#include "overhead/run_count.h"

#include <bpf/bpf.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "common/fd.h"

namespace sockwarden::bench {
namespace {

constexpr int operations = 20000;

// Programs that a process holds, directly or through a link; fdinfo shows both as prog_id.
std::set<unsigned> programs_of(pid_t pid) {
    std::set<unsigned> ids;
    std::error_code code;
    const std::filesystem::directory_iterator files(fmt::format("/proc/{}/fdinfo", pid), code);
    for (const auto &file : files) {
        std::ifstream lines(file.path());
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("prog_id:"))
                ids.insert(static_cast<unsigned>(std::stoul(line.substr(8))));
    }
    return ids;
}

Result<std::uint64_t> runs_of(const std::set<unsigned> &programs) {
    std::uint64_t runs = 0;
    for (const unsigned id : programs) {
        const Fd fd(bpf_prog_get_fd_by_id(id));
        bpf_prog_info info{};
        __u32 size = sizeof(info);
        if (!fd || bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0)
            return system_error("read a program's run counter");
        runs += info.run_cnt;
    }
    return runs;
}

Result<double> runs_per(Workload workload, const std::set<unsigned> &programs, const TestBed &bed) {
    Result<std::uint64_t> before = runs_of(programs);
    if (!before)
        return before.error();
    if (const Result<Done> done = run_workload(workload, operations, bed); !done)
        return done.error();
    Result<std::uint64_t> after = runs_of(programs);
    if (!after)
        return after.error();
    return static_cast<double>(*after - *before) / operations;
}

Result<RunCounts> count_while_attached(pid_t pid, const TestBed &bed) {
    const Fd statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
    if (!statistics)
        return system_error("enable BPF statistics");
    const std::set<unsigned> programs = programs_of(pid);
    if (programs.empty())
        return Error{"no BPF programs found in the tracer"};
    Result<double> getppid = runs_per(Workload::getppid, programs, bed);
    if (!getppid)
        return getppid.error();
    Result<double> pair = runs_per(Workload::pair, programs, bed);
    if (!pair)
        return pair.error();
    return RunCounts{*getppid, *pair};
}

}  // namespace

Result<RunCounts> count_runs(Subject &subject, const TestBed &bed) {
    if (const Result<Done> attached = subject.attach(); !attached)
        return attached.error();
    Result<RunCounts> counts = count_while_attached(subject.pid(), bed);
    if (Result<Detached> detached = subject.detach(); !detached)
        return detached.error();
    return counts;
}

}  // namespace sockwarden::bench
