// SPDX-License-Identifier: Apache-2.0
// bench-overhead: what tracing adds to a send + recvmsg pair, to getppid and to other ways of sending and receiving,
// beside the floor and beside peers.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "common/affinity.h"
#include "common/child.h"
#include "common/tracer.h"
#include "overhead/measure.h"
#include "overhead/report.h"
#include "overhead/run_count.h"

namespace sockwarden::bench {
namespace {

struct Options {
    std::string sockwarden;
    std::string engine = "auto";
    int rounds = 9;
    int iterations = 50'000;
    std::string json;
    bool check = false;
    int workload = -1;  // this one is timed here, and nothing else is done
    Repeats repeats{1, 1};
};

Result<Report> run(const Options &options, const TestBed &bed, std::vector<Variant> &variants) {
    Result<std::vector<VariantResult>> results = measure(variants, options.rounds, options.iterations, bed);
    if (!results)
        return results.error();
    return Report{variants, std::move(*results), count_runs(*variants[light_variant].subject, bed),
                  count_runs(*variants[default_variant].subject, bed), options.rounds};
}

Result<Done> write_json(const std::string &path, const std::string &text) {
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file)
        return system_error(path);
    return Done{};
}

Result<TestBed> make_bed(bool readers_apart) {
    Result<SocketPair> sockets = SocketPair::make();
    if (!sockets)
        return sockets.error();
    Result<SocketPair> udp = SocketPair::make_over_udp();
    if (!udp)
        return udp.error();
    Result<TcpConnection> connection = TcpConnection::make();
    if (!connection)
        return connection.error();
    return TestBed{std::move(*sockets), std::move(*udp), std::move(*connection), readers_apart};
}

// Whether all targets hold.
Result<bool> benchmark(const Options &options) {
    const CpuPlan cpus = plan_cpus();
    Result<TestBed> bed = make_bed(!CPU_EQUAL(&cpus.measuring, &cpus.reading));
    if (!bed)
        return bed.error();
    Result<Fd> null = open_null();
    if (!null)
        return null.error();
    const Result<Done> pinned = run_on(cpus.measuring);
    if (!pinned)
        return pinned.error();
    Result<Child> idle = Child::fork([] { return pause(); }, cpus.reading);
    if (!idle)
        return idle.error();

    std::vector<Variant> variants =
        make_variants({find_sockwarden(options.sockwarden), options.engine, cpus.reading, idle->pid(), null->get()});
    Result<Report> report = run(options, *bed, variants);
    if (!report)
        return report.error();
    const std::vector<Target> targets = judge(*report);
    fmt::print("{}\n{}", table(*report), target_lines(targets));
    if (!options.json.empty()) {
        const Result<Done> written = write_json(options.json, json(*report, targets));
        if (!written)
            return written.error();
    }
    return std::all_of(targets.begin(), targets.end(), [](const Target &target) { return target.holds; });
}

// What a subject starts that has to start what it watches.
Result<Done> time_one(const Options &options) {
    Result<TestBed> bed = make_bed(false);
    if (!bed)
        return bed.error();
    Result<double> ns = time_workload(static_cast<Workload>(options.workload), options.repeats, Meter::real, *bed);
    if (!ns)
        return ns.error();
    fmt::print("{:.3f}\n", *ns);
    return Done{};
}

}  // namespace
}  // namespace sockwarden::bench

int main(int argc, char **argv) {
    using namespace sockwarden::bench;
    Options options;
    CLI::App app{
        "Measures what tracing adds to a send + recvmsg pair, to getppid, and to other calls that send and receive."};
    app.add_option("--sockwarden", options.sockwarden, "the program to measure");
    app.add_option("--engine", options.engine, "its engine")->capture_default_str();
    app.add_option("--rounds", options.rounds, "interleaved rounds")->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_option("--iterations", options.iterations, "pairs measured in a round, per variant")
        ->check(CLI::Range(1, 100'000'000))
        ->capture_default_str();
    app.add_option("--json", options.json, "also write the result to this file");
    app.add_flag("--check", options.check, "exit 1 when a target does not hold");
    app.add_option("--time", options.workload)->check(CLI::Range(0, workload_count - 1))->group("");
    app.add_option("--batches", options.repeats.batches)->group("");
    app.add_option("--batch", options.repeats.batch)->group("");
    CLI11_PARSE(app, argc, argv);
    if (options.workload >= 0) {
        const Result<Done> timed = time_one(options);
        if (!timed)
            fmt::print(stderr, "bench-overhead: {}\n", timed.error().text);
        return timed ? 0 : 2;
    }

    Result<bool> holds = benchmark(options);
    if (!holds) {
        fmt::print(stderr, "bench-overhead: {}\n", holds.error().text);
        return 2;
    }
    return options.check && !*holds ? 1 : 0;
}
