// SPDX-License-Identifier: Apache-2.0
// Whether the counts of a traced run add up, and whether anything was lost.
#pragma once

#include <string>
#include <vector>

#include "common/stop_record.h"
#include "pace/generator.h"
#include "pace/reader.h"

namespace sockwarden::bench {

// Conservation: operations made = written + filtered + dropped + missed, and the lines that the
// reader counted are the ones that sockwarden says it wrote.
//
// The trace asks for the generator's process, none of whose calls is filtered: `filtered` counts
// the calls of all others on the machine and has no part in the sum. `missed` can hold runs of
// others too, because the kernel does not say whose run it skipped: exactness is operations -
// written - dropped = missed when nothing was missed, and between 0 and missed otherwise.
struct Balance {
    std::uint64_t lost;                 // operations of which there is no line
    std::vector<std::string> problems;  // why the counts do not add up; empty when they do
};

Balance balance(std::uint64_t operations, const StopRecord &stop, const Lines &lines);

// The rate was kept to within one per cent.
bool kept_pace(const Pace &pace, const Generated &generated);

}  // namespace sockwarden::bench
