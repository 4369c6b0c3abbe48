// SPDX-License-Identifier: Apache-2.0
// Keeps the pace: every millisecond, what is due by then.
#include "pace/generator.h"

#include <unistd.h>

#include <algorithm>

#include "common/clock.h"
#include "common/exchange.h"

namespace sockwarden::bench {
namespace {

constexpr std::uint64_t tick_ns = ns_per_ms;
// How many exchanges are made between two looks at the clock.
constexpr std::uint64_t stride = 64;

std::uint64_t due_by(const Pace &pace, std::uint64_t elapsed_ns) {
    return elapsed_ns / 1000 * pace.per_second / 1'000'000;
}

void exchange(const SocketPair &sockets, std::uint64_t count, Generated &generated) {
    for (std::uint64_t i = 0; i < count; i++)
        generated.failed |= !sockets.exchange();
    generated.operations += count;
}

Generated generate(const Pace &pace, const SocketPair &sockets) {
    Generated generated{};
    const std::uint64_t begin = now_ns();
    const std::uint64_t length = pace.seconds * ns_per_second;
    for (;;) {
        generated.elapsed_ns = now_ns() - begin;
        const std::uint64_t elapsed = std::min(generated.elapsed_ns, length);
        const bool over = elapsed == length;
        const std::uint64_t due = pace.per_second != 0 ? due_by(pace, elapsed)
                                  : over               ? generated.operations
                                                       : generated.operations + stride;
        if (over && generated.operations == due)
            return generated;
        exchange(sockets, std::min(due - generated.operations, stride), generated);
        if (pace.per_second != 0 && generated.operations == due)
            sleep_ns(tick_ns - elapsed % tick_ns);
    }
}

int follow_order(const Pace &pace, const Fd &order, const Fd &result) {
    if (!receive_object<char>(order))
        return 1;
    Result<SocketPair> sockets = SocketPair::make();
    if (!sockets || !send_object(result, generate(pace, *sockets)))
        return 1;
    for (;;)
        pause();
}

}  // namespace

Result<Generator> Generator::start(Pace pace) {
    Result<Pipe> order = make_pipe();
    if (!order)
        return order.error();
    Result<Pipe> result = make_pipe();
    if (!result)
        return result.error();
    Result<Child> child = Child::fork([&] { return follow_order(pace, order->read, result->write); }, std::nullopt);
    if (!child)
        return child.error();
    return Generator(std::move(*child), std::move(order->write), std::move(result->read));
}

Result<Done> Generator::begin() {
    if (!send_object(order_, 'g'))
        return system_error("start the generator");
    return Done{};
}

Result<Generated> Generator::finish() {
    const std::optional<Generated> generated = receive_object<Generated>(result_);
    if (!generated)
        return Error{"the generator ended without a result"};
    if (generated->failed)
        return Error{"an exchange failed"};
    return *generated;
}

}  // namespace sockwarden::bench
