// SPDX-License-Identifier: Apache-2.0
// What every output of records is: a sink, which knows fields and no events. Sinks are fed in the order of the stream.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "decode/message.h"

namespace sockwarden {

struct StreamStart {
    std::int64_t wall_ns = 0;
    std::string version, host, boot_id, engine, kernel;
    std::vector<std::string> uncovered;
};

struct StreamLost {
    std::uint64_t seq = 0;
    std::int64_t wall_ns = 0;
    std::uint64_t count = 0;
    std::string reason;
    int cpu = -1;  // -1: not of one CPU
};

struct StreamStop {
    std::uint64_t seq = 0;
    std::int64_t wall_ns = 0;
    double seconds = 0;
    std::uint64_t written = 0;
    std::uint64_t filtered = 0;
    std::uint64_t skipped = 0;  // runs of programs
    std::map<std::string, std::uint64_t> filtered_by, dropped, missed;
};

class Sink {
public:
    Sink() = default;
    Sink(const Sink &) = delete;
    Sink &operator=(const Sink &) = delete;
    virtual ~Sink() = default;

    virtual void start(const StreamStart &start) = 0;
    virtual void message(const Message &message) = 0;
    virtual void lost(const StreamLost &lost) = 0;
    virtual void stop(const StreamStop &stop) = 0;
};

}  // namespace sockwarden
