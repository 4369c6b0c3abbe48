// SPDX-License-Identifier: Apache-2.0
// The sums.
#include "pace/verdict.h"

namespace sockwarden::bench {

Balance balance(std::uint64_t operations, const StopRecord &stop, const Lines &lines) {
    Balance result{};
    const auto operations_lost = static_cast<std::int64_t>(operations - lines.messages);
    result.lost = operations_lost > 0 ? static_cast<std::uint64_t>(operations_lost) : 0;
    if (lines.malformed != 0)
        result.problems.push_back(fmt::format("{} lines are no records", lines.malformed));
    if (stop.written != lines.messages)
        result.problems.push_back(
            fmt::format("{} written by sockwarden's count, {} lines read", stop.written, lines.messages));
    const auto unexplained = static_cast<std::int64_t>(operations - stop.written - stop.dropped);
    if (unexplained < 0)
        result.problems.push_back(fmt::format("{} more than were made", -unexplained));
    if (unexplained > static_cast<std::int64_t>(stop.missed))
        result.problems.push_back(
            fmt::format("{} unaccounted for", unexplained - static_cast<std::int64_t>(stop.missed)));
    return result;
}

bool kept_pace(const Pace &pace, const Generated &generated) {
    if (pace.per_second == 0)
        return true;
    const double seconds = static_cast<double>(generated.elapsed_ns) / 1e9;
    return static_cast<double>(generated.operations) >= 0.99 * static_cast<double>(pace.per_second) * seconds;
}

}  // namespace sockwarden::bench
