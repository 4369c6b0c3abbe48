// SPDX-License-Identifier: Apache-2.0
// One stream of records on its way to a sink: numbers them, reports losses inside the stream, and begins and ends it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "output/sink.h"
#include "source/source.h"

namespace sockwarden {

class Stream {
public:
    // Borrows all.
    Stream(Sink &sink, std::vector<Source *> sources) : sink_(sink), sources_(std::move(sources)) {}

    void begin(const StreamStart &start);
    void message(Message &message);
    // Counts a message that is not wanted.
    void filtered() { ++filtered_; }
    // Counts one that is, and that has no room in the output.
    void unread() { ++unread_; }
    // Puts a `lost` record into the stream for each count that grew since the last time.
    void report_losses(std::int64_t wall_ns);
    // Ends the stream; returns what its last record says.
    StreamStop end(std::int64_t wall_ns);

    std::uint64_t messages() const { return messages_; }

private:
    std::vector<Loss> losses() const;

    Sink &sink_;
    std::vector<Source *> sources_;
    std::uint64_t seq_ = 0;
    std::uint64_t messages_ = 0;
    std::uint64_t filtered_ = 0;
    std::uint64_t unread_ = 0;
    std::int64_t begun_ns_ = 0;
    std::int64_t newest_ns_ = INT64_MIN;  // of what was written
    std::map<std::pair<std::string, int>, std::uint64_t> reported_;
};

}  // namespace sockwarden
