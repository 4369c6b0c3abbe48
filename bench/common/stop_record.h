// SPDX-License-Identifier: Apache-2.0
// What sockwarden says about itself when it ends: the last JSON record, and the summary for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/result.h"

namespace sockwarden::bench {

struct StopRecord {
    std::uint64_t written;
    std::uint64_t filtered;
    std::uint64_t dropped;  // over all reasons
    std::uint64_t missed;   // over all reasons
};

// Reads {"event":"stop",...}.
Result<StopRecord> parse_stop_record(std::string_view line);

// Dropped and missed messages by the summary, "... dropped 12 (ring_full 12), missed 0". Empty when
// the text does not say.
std::optional<std::uint64_t> lost_in_summary(std::string_view text);

}  // namespace sockwarden::bench
