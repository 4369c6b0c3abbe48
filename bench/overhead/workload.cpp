// SPDX-License-Identifier: Apache-2.0
// The operations, and their timing in batches.
#include "overhead/workload.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "common/clock.h"
#include "common/cpu_time.h"
#include "common/statistics.h"

namespace sockwarden::bench {
namespace {

constexpr int warm_up = 50;
constexpr std::uint64_t pause_ns = 4 * ns_per_ms;

std::uint64_t read_meter(Meter meter) { return meter == Meter::cpu ? cpu_time_ns() : now_ns(); }

void pause_for_readers(const TestBed &bed) {
    if (!bed.readers_apart)
        return sleep_ns(pause_ns);
    const std::uint64_t end = now_ns() + pause_ns;
    while (now_ns() < end) {
    }
}

bool on_new_sockets() {
    Result<SocketPair> sockets = SocketPair::make();
    return sockets && sockets->exchange();
}

bool in_new_process(const SocketPair &sockets) {
    const pid_t pid = fork();
    if (pid == 0)
        _exit(sockets.exchange() ? 0 : 1);
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

// One loop for each, so that no dispatch is inside what is timed.
template <class Operation>
bool repeat(int operations, Operation operation) {
    bool good = true;
    for (int i = 0; i < operations; i++)
        good &= operation();
    return good;
}

bool run(Workload workload, int operations, const TestBed &bed) {
    const SocketPair &sockets = bed.sockets;
    switch (workload) {
        case Workload::pair:
            return repeat(operations, [&] { return sockets.exchange(); });
        case Workload::getppid:
            return repeat(operations, [] { return syscall(SYS_getppid) > 0; });
        case Workload::new_socket:
            return repeat(operations, on_new_sockets);
        case Workload::new_process:
            return repeat(operations, [&] { return in_new_process(sockets); });
        case Workload::udp:
            return repeat(operations, [&] { return bed.udp.exchange(); });
        case Workload::sendmsg:
            return repeat(operations, [&] { return sockets.exchange_by_sendmsg(); });
        case Workload::read:
            return repeat(operations, [&] { return sockets.exchange_by_read(); });
        case Workload::recvmmsg:
            return repeat(operations, [&] { return sockets.exchange_batch(); });
        case Workload::tcp_16k:
            return repeat(operations, [&] { return bed.connection.exchange(); });
    }
    return false;
}

}  // namespace

Repeats repeats_of(Workload workload, int iterations, int divisor) {
    // A batch of each takes 1 to 3 ms, which is less than a scheduler's slice.
    constexpr int pair_batch = 2500;
    const int batches = std::max(iterations / pair_batch, 1);
    const auto share = [divisor](int batch) { return std::max(batch / divisor, 1); };
    switch (workload) {
        case Workload::pair:
        case Workload::sendmsg:
        case Workload::read:
        case Workload::udp:
            return {batches, share(pair_batch)};
        case Workload::getppid:
            return {batches, share(20000)};
        case Workload::new_socket:
            return {batches, share(500)};
        case Workload::new_process:
            return {batches, share(10)};
        case Workload::recvmmsg:
            // With those that warm up, about as many messages as of pairs: more, and readers fall behind.
            return {batches, share(40)};
        case Workload::tcp_16k:
            return {batches, share(250)};
    }
    return {1, 1};
}

Result<Done> run_workload(Workload workload, int operations, const TestBed &bed) {
    if (!run(workload, operations, bed))
        return system_error("a measured operation failed");
    return Done{};
}

Result<double> time_workload(Workload workload, Repeats repeats, Meter meter, const TestBed &bed) {
    std::vector<double> times;
    for (int i = 0; i < repeats.batches; i++) {
        pause_for_readers(bed);
        if (!run(workload, std::min(warm_up, repeats.batch), bed))
            return system_error("a measured operation failed");
        const std::uint64_t begin = read_meter(meter);
        const bool good = run(workload, repeats.batch, bed);
        const std::uint64_t end = read_meter(meter);
        if (!good)
            return system_error("a measured operation failed");
        times.push_back(static_cast<double>(end - begin) / repeats.batch);
    }
    return quartiles(std::move(times)).first;
}

}  // namespace sockwarden::bench
