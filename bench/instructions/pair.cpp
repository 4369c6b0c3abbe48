// SPDX-License-Identifier: Apache-2.0
// pair: instructions of a send + recvmsg pair, of getppid, and of other calls that send and receive, in a guest that
// runs under QEMU's -icount shift=0, where a nanosecond of the monotonic clock is one instruction.
//
// The first quartile over short batches is what the operation takes with no interrupt inside. The minimum would be an
// accident at times: one batch of TCP in a hundred takes 0.1 % less. It is trusted only when the two are near each
// other.
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <vector>

#include "common/clock.h"
#include "common/connection.h"
#include "common/exchange.h"

namespace sockwarden::bench {
namespace {

// Operations that are timed as a whole, after a few that are not. A batch must end before a tracer's reader next wants
// the guest's only CPU, which takes many times a clock interrupt's instructions.
struct Batch {
    int size;
    int warm_up;
};

constexpr Batch usual_batch{20, 10};
// For an operation of many messages.
constexpr Batch short_batch{2, 2};
// Lets a reader of rings run on the guest's only CPU; with sleep=off it takes no real time.
constexpr std::uint64_t pause_ns = 20 * ns_per_ms;
// How near the minimum the first quartile must be.
constexpr std::uint64_t trusted_percent = 1;

struct Options {
    std::uint64_t settle = 5;
    int iterations = 10'000;
    std::vector<std::string> operations = {"pair", "getppid"};
};

const std::vector<std::string> known_operations = {"pair",     "getppid", "sendmsg", "read",
                                                   "recvmmsg", "tcp_16k", "empty"};

// How many fewer of an operation that takes tens of times as many instructions as a pair.
constexpr int costly_divisor = 20;

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
Result<std::vector<std::uint64_t>> time_batches(int iterations, Batch batch, Operation operation) {
    std::vector<std::uint64_t> times;
    bool good = true;
    for (int done = 0; done < iterations; done += batch.size) {
        sleep_ns(pause_ns);
        for (int i = 0; i < batch.warm_up; i++)
            good &= operation();
        const std::uint64_t begin = now_ns();
        for (int i = 0; i < batch.size; i++)
            good &= operation();
        times.push_back(now_ns() - begin);
    }
    if (!good)
        return system_error("an operation failed");
    std::sort(times.begin(), times.end());
    return times;
}

template <class Operation>
Result<Done> count(std::string_view name, int iterations, Batch batch, Operation operation) {
    const std::uint64_t clock = clock_cost();
    Result<std::vector<std::uint64_t>> times = time_batches(iterations, batch, operation);
    if (!times)
        return times.error();
    const std::uint64_t least = times->front();
    const std::uint64_t quartile = (*times)[times->size() / 4];
    if ((quartile - least) * 100 > least * trusted_percent)
        return Error{fmt::format("{}: {} in the best of {} batches, {} in the best quarter: no -icount?", name,
                                 least / batch.size, times->size(), quartile / batch.size)};
    const auto size = static_cast<std::uint64_t>(batch.size);
    fmt::print("{} {}\n", name, (quartile - std::min(clock, quartile) + size / 2) / size);
    return Done{};
}

Result<Done> count_operation(std::string_view name, int iterations, const SocketPair &sockets,
                             const TcpConnection &connection) {
    if (name == "pair")
        return count(name, iterations, usual_batch, [&] { return sockets.exchange(); });
    if (name == "getppid")
        return count(name, iterations, usual_batch, [] { return syscall(SYS_getppid) >= 0; });
    if (name == "sendmsg")
        return count(name, iterations, usual_batch, [&] { return sockets.exchange_by_sendmsg(); });
    if (name == "read")
        return count(name, iterations, usual_batch, [&] { return sockets.exchange_by_read(); });
    if (name == "empty")
        return count(name, iterations, usual_batch, [&] { return sockets.is_empty(); });
    if (name == "recvmmsg")
        return count(name, iterations / costly_divisor, short_batch, [&] { return sockets.exchange_batch(); });
    return count(name, iterations / costly_divisor, usual_batch, [&] { return connection.exchange(); });
}

Result<Done> run(const Options &options) {
    Result<SocketPair> sockets = SocketPair::make();
    if (!sockets)
        return sockets.error();
    Result<TcpConnection> connection = TcpConnection::make();
    if (!connection)
        return connection.error();
    sleep_ns(options.settle * ns_per_second);
    for (const std::string &name : options.operations) {
        const Result<Done> done = count_operation(name, options.iterations, *sockets, *connection);
        if (!done)
            return done.error();
    }
    return Done{};
}

}  // namespace
}  // namespace sockwarden::bench

int main(int argc, char **argv) {
    using namespace sockwarden::bench;
    Options options;
    CLI::App app{"Prints instructions per send + recvmsg pair, and per other operation, under -icount."};
    app.add_option("--operation", options.operations, "what to measure, separated by commas")
        ->delimiter(',')
        ->check(CLI::IsMember(known_operations))
        ->capture_default_str();
    app.add_option("--settle", options.settle, "seconds to wait first")->capture_default_str();
    app.add_option("--iterations", options.iterations, "operations of each kind; of costly ones a twentieth")
        ->check(CLI::Range(usual_batch.size * costly_divisor, 100'000'000))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    const Result<Done> done = run(options);
    if (!done)
        fmt::print(stderr, "pair: {}\n", done.error().text);
    return done ? 0 : 1;
}
