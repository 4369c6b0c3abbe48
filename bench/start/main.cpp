// SPDX-License-Identifier: Apache-2.0
// bench-start: how long sockwarden takes until it traces, and how much memory it then holds.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/clock.h"
#include "common/statistics.h"
#include "common/tracer.h"
#include "start/memory.h"

namespace sockwarden::bench {
namespace {

constexpr double target_ms = 300;
constexpr double target_mib = 64;
// Until the process has come to rest after it said that it traces.
constexpr std::uint64_t rest_ns = 500 * ns_per_ms;

struct Options {
    std::string sockwarden;
    std::string engine = "auto";
    int runs = 11;
    bool check = false;
};

double mib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

Result<Tracer> start(const Options &options, const Fd &null) {
    return Tracer::start(sockwarden_command(find_sockwarden(options.sockwarden), options.engine, {}, null.get()));
}

Result<Done> stop(Tracer &tracer) {
    Result<TracerEnd> end = tracer.stop();
    if (!end)
        return end.error();
    if (end->exit.status != 0)
        return Error{fmt::format("sockwarden ended with {}: {}", describe_exit(end->exit.status), end->text)};
    return Done{};
}

Result<Quartiles> start_times_ms(const Options &options, const Fd &null) {
    std::vector<double> times;
    for (int run = 0; run < options.runs; run++) {
        Result<Tracer> tracer = start(options, null);
        if (!tracer)
            return tracer.error();
        times.push_back(static_cast<double>(tracer->ready_after_ns()) / ns_per_ms);
        if (const Result<Done> stopped = stop(*tracer); !stopped)
            return stopped.error();
    }
    return quartiles(std::move(times));
}

Result<Memory> memory_at_rest(const Options &options, const Fd &null) {
    Result<Tracer> tracer = start(options, null);
    if (!tracer)
        return tracer.error();
    sleep_ns(rest_ns);
    Result<Memory> memory = memory_of(tracer->pid());
    if (const Result<Done> stopped = stop(*tracer); !stopped)
        return stopped.error();
    return memory;
}

void print(const Memory &memory) {
    fmt::print("memory    {:.1f} MiB = {:.1f} resident - {:.1f} mapped from maps + {:.1f} maps\n", mib(memory.total()),
               mib(memory.resident), mib(memory.mapped_maps), mib(memory.maps));
    fmt::print("          ({:.1f} MiB proportional)\n", mib(memory.proportional));
    for (const MapMemory &map : memory.by_map)
        fmt::print("          {:<16} {:10.1f} KiB\n", map.name, static_cast<double>(map.bytes) / 1024);
}

bool judge(std::string_view what, double value, double limit, std::string_view unit) {
    const bool holds = value <= limit;
    fmt::print("{:<7} {}: {:.1f} of at most {:.0f} {}\n", holds ? "holds" : "FAILS", what, value, limit, unit);
    return holds;
}

// Whether both targets hold.
Result<bool> benchmark(const Options &options) {
    Result<Fd> null = open_null();
    if (!null)
        return null.error();
    Result<Quartiles> times = start_times_ms(options, *null);
    if (!times)
        return times.error();
    Result<Memory> memory = memory_at_rest(options, *null);
    if (!memory)
        return memory.error();
    fmt::print("tracing   after {:.0f} ms [{:.0f} .. {:.0f}], median of {} runs\n", times->median, times->first,
               times->third, options.runs);
    print(*memory);
    const bool quick = judge("attached", times->median, target_ms, "ms");
    const bool small = judge("memory", mib(memory->total()), target_mib, "MiB");
    return quick && small;
}

}  // namespace
}  // namespace sockwarden::bench

int main(int argc, char **argv) {
    using namespace sockwarden::bench;
    Options options;
    CLI::App app{"Measures sockwarden's start and its memory with default rings."};
    app.add_option("--sockwarden", options.sockwarden, "the program to measure");
    app.add_option("--engine", options.engine, "its engine")->capture_default_str();
    app.add_option("--runs", options.runs, "starts")->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_flag("--check", options.check, "exit 1 when a target does not hold");
    CLI11_PARSE(app, argc, argv);

    Result<bool> holds = benchmark(options);
    if (!holds) {
        fmt::print(stderr, "bench-start: {}\n", holds.error().text);
        return 2;
    }
    return options.check && !*holds ? 1 : 0;
}
