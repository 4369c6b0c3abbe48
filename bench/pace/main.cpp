// SPDX-License-Identifier: Apache-2.0
// bench-pace: whether sockwarden keeps up with a given rate, and whether its counts add up exactly.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <vector>

#include "common/tracer.h"
#include "pace/generator.h"
#include "pace/reader.h"
#include "pace/verdict.h"

namespace sockwarden::bench {
namespace {

struct Options {
    std::string sockwarden;
    std::string engine = "auto";
    std::uint64_t rate = 400'000;
    std::uint64_t seconds = 60;
    std::uint64_t producers = 1;
    std::string ring_size;
    bool unpaced = false;
};

// Everything that one run brought to light.
struct Outcome {
    Generated generated;
    StopRecord stop;
    Lines lines;
    rusage usage;
};

// The processes that are traced, and what they made in sum.
class Generators {
public:
    static Result<Generators> start(std::uint64_t count, Pace pace) {
        Generators all;
        for (std::uint64_t i = 0; i < count; i++) {
            Result<Generator> one = Generator::start({pace.per_second / count, pace.seconds});
            if (!one)
                return one.error();
            all.generators_.push_back(std::move(*one));
        }
        return all;
    }

    std::vector<std::string> options() const {
        std::vector<std::string> words;
        for (const Generator &one : generators_)
            words.insert(words.end(), {"--pid", std::to_string(one.pid())});
        return words;
    }

    Result<Generated> run() {
        Generated sum{};
        for (Generator &one : generators_) {
            if (Result<Done> begun = one.begin(); !begun)
                return begun.error();
        }
        for (Generator &one : generators_) {
            Result<Generated> made = one.finish();
            if (!made)
                return made.error();
            sum.operations += made->operations;
            sum.elapsed_ns = std::max(sum.elapsed_ns, made->elapsed_ns);
        }
        return sum;
    }

private:
    std::vector<Generator> generators_;
};

Result<Outcome> trace(const Options &options, Pace pace) {
    Result<Generators> generators = Generators::start(options.producers, pace);
    if (!generators)
        return generators.error();
    std::vector<std::string> words = generators->options();
    if (!options.ring_size.empty())
        words.insert(words.end(), {"--ring-size", options.ring_size});
    Fd writer;
    Result<Reader> reader = Reader::start(writer);
    if (!reader)
        return reader.error();
    Result<Tracer> tracer =
        Tracer::start(sockwarden_command(find_sockwarden(options.sockwarden), options.engine, words, writer.get()));
    writer.close();
    if (!tracer)
        return tracer.error();

    Result<Generated> generated = generators->run();
    if (!generated)
        return generated.error();
    Result<TracerEnd> end = tracer->stop();
    if (!end)
        return end.error();
    Result<Lines> lines = reader->finish();
    if (!lines)
        return lines.error();
    fmt::print(stderr, "{}", end->text);
    if (end->exit.status != 0)
        return Error{fmt::format("sockwarden ended with {}", describe_exit(end->exit.status))};
    Result<StopRecord> stop = parse_stop_record(lines->last);
    if (!stop)
        return stop.error();
    return Outcome{*generated, *stop, std::move(*lines), end->exit.usage};
}

double seconds(const timeval &time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void print(const Outcome &outcome, const Balance &sum) {
    const double elapsed = static_cast<double>(outcome.generated.elapsed_ns) / 1e9;
    const auto operations = static_cast<double>(outcome.generated.operations);
    fmt::print("operations  {} in {:.1f} s, {:.0f}/s\n", outcome.generated.operations, elapsed, operations / elapsed);
    fmt::print("written     {} ({} lines, {} bytes read)\n", outcome.stop.written, outcome.lines.messages,
               outcome.lines.bytes);
    fmt::print("dropped     {}\nmissed      {}\nfiltered    {} (of other processes)\n", outcome.stop.dropped,
               outcome.stop.missed, outcome.stop.filtered);
    fmt::print("lost        {} ({:.3f} %)\n", sum.lost, 100.0 * static_cast<double>(sum.lost) / operations);
    fmt::print("sockwarden  {:.1f} s user, {:.1f} s system, {:.1f} MiB peak resident\n",
               seconds(outcome.usage.ru_utime), seconds(outcome.usage.ru_stime),
               static_cast<double>(outcome.usage.ru_maxrss) / 1024);
    fmt::print("conservation {}\n", sum.problems.empty() ? "exact" : "BROKEN:");
    for (const std::string &problem : sum.problems)
        fmt::print("  {}\n", problem);
}

// Whether the run was good.
Result<bool> benchmark(const Options &options) {
    const Pace pace{options.unpaced ? 0 : options.rate, options.seconds};
    Result<Outcome> outcome = trace(options, pace);
    if (!outcome)
        return outcome.error();
    const Balance sum = balance(outcome->generated.operations, outcome->stop, outcome->lines);
    print(*outcome, sum);
    const bool paced = kept_pace(pace, outcome->generated);
    if (!paced)
        fmt::print("the rate was not reached: this run proves nothing\n");
    return sum.problems.empty() && paced && (options.unpaced || sum.lost == 0);
}

}  // namespace
}  // namespace sockwarden::bench

int main(int argc, char **argv) {
    using namespace sockwarden::bench;
    Options options;
    CLI::App app{
        "Traces a process that receives at a given rate. Exits 1 when anything was lost, or with "
        "--unpaced when the counts do not add up."};
    app.add_option("--sockwarden", options.sockwarden, "the program to measure");
    app.add_option("--engine", options.engine, "its engine")->capture_default_str();
    app.add_option("--rate", options.rate, "messages per second")
        ->check(CLI::Range(1, 100'000'000))
        ->capture_default_str();
    app.add_option("--seconds", options.seconds, "how long")->check(CLI::Range(1, 86'400))->capture_default_str();
    app.add_option("--producers", options.producers, "processes that receive, and share the rate")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    app.add_option("--ring-size", options.ring_size, "sockwarden's buffer of each CPU, 64K at least");
    app.add_flag("--unpaced", options.unpaced, "as fast as it goes; losses are expected");
    CLI11_PARSE(app, argc, argv);

    Result<bool> good = benchmark(options);
    if (!good) {
        fmt::print(stderr, "bench-pace: {}\n", good.error().text);
        return 2;
    }
    return *good ? 0 : 1;
}
