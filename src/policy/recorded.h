// SPDX-License-Identifier: Apache-2.0
// Messages out of recordings (`sockwarden trace -o json`) as facts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "policy/facts.h"

namespace sockwarden::policy {

struct RecordedMessage {
    std::uint64_t seq = 0;
    std::string event, comm;  // as in the record
    std::int64_t pid = 0;
    Facts facts;
};

// One line of a recording; nothing for a record that is no message (start, lost, stop). A recording has no inodes: each
// path is a file of its own, in `files`. Unknown are the facts that `missing` names, those that no record has
// (process.parent), payload behind what was captured, descriptors that were not described, and all facts of a sender
// that is a guess.
Result<std::optional<RecordedMessage>> read_record(std::string_view line, NamedFiles &files);

}  // namespace sockwarden::policy
