// SPDX-License-Identifier: Apache-2.0
// pair: instructions of a send + recvmsg pair and of getppid, in a guest that runs under QEMU's
// -icount shift=0, where a nanosecond of the monotonic clock is one instruction.
//
// The minimum over short batches is what the operation takes with no interrupt inside. It is
// trusted only when many batches came that low, because then it is no accident of one.
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <vector>

#include "common/clock.h"
#include "common/exchange.h"

namespace sockwarden::bench {
namespace {

constexpr int batch = 20;
constexpr int warm_up = 10;
// Lets a reader of rings run on the guest's only CPU; with sleep=off it takes no real time.
constexpr std::uint64_t pause_ns = 20 * ns_per_ms;
// The share of batches, and how near the minimum they must be.
constexpr std::size_t witness_divisor = 4;
constexpr std::uint64_t witness_percent = 1;

struct Options {
    std::uint64_t settle = 5;
    int iterations = 10'000;
};

// What two looks at the clock cost by themselves.
std::uint64_t clock_cost() {
    std::uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        const std::uint64_t begin = now_ns();
        least = std::min(least, now_ns() - begin);
    }
    return least;
}

template <class Operation>
Result<std::vector<std::uint64_t>> time_batches(int iterations, Operation operation) {
    std::vector<std::uint64_t> times;
    bool good = true;
    for (int done = 0; done < iterations; done += batch) {
        sleep_ns(pause_ns);
        for (int i = 0; i < warm_up; i++)
            good &= operation();
        const std::uint64_t begin = now_ns();
        for (int i = 0; i < batch; i++)
            good &= operation();
        times.push_back(now_ns() - begin);
    }
    if (!good)
        return system_error("an operation failed");
    std::sort(times.begin(), times.end());
    return times;
}

template <class Operation>
Result<Done> count(std::string_view name, int iterations, Operation operation) {
    const std::uint64_t clock = clock_cost();
    Result<std::vector<std::uint64_t>> times = time_batches(iterations, operation);
    if (!times)
        return times.error();
    const std::uint64_t least = times->front();
    const std::uint64_t witness = (*times)[times->size() / witness_divisor];
    if ((witness - least) * 100 > least * witness_percent)
        return Error{fmt::format("{}: {} in the best of {} batches, {} in the best quarter: no -icount?", name,
                                 least / batch, times->size(), witness / batch)};
    fmt::print("{} {}\n", name, (least - std::min(clock, least) + batch / 2) / batch);
    return Done{};
}

Result<Done> run(const Options &options) {
    Result<SocketPair> sockets = SocketPair::make();
    if (!sockets)
        return sockets.error();
    sleep_ns(options.settle * ns_per_second);
    const Result<Done> pair = count("pair", options.iterations, [&] { return sockets->exchange(); });
    if (!pair)
        return pair.error();
    return count("getppid", options.iterations, [] { return syscall(SYS_getppid) >= 0; });
}

}  // namespace
}  // namespace sockwarden::bench

int main(int argc, char **argv) {
    using namespace sockwarden::bench;
    Options options;
    CLI::App app{"Prints instructions per send + recvmsg pair and per getppid under -icount."};
    app.add_option("--settle", options.settle, "seconds to wait first")->capture_default_str();
    app.add_option("--iterations", options.iterations, "operations of each kind")
        ->check(CLI::Range(batch, 100'000'000))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    const Result<Done> done = run(options);
    if (!done)
        fmt::print(stderr, "pair: {}\n", done.error().text);
    return done ? 0 : 1;
}
