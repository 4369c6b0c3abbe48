// SPDX-License-Identifier: Apache-2.0
// The process at the other end of sockwarden's pipe: counts lines, keeps the last, discards the
// rest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/child.h"
#include "common/fd.h"
#include "common/result.h"

namespace sockwarden::bench {

struct Lines {
    std::uint64_t bytes;
    std::uint64_t all;
    std::uint64_t messages;   // {"event":"recvmsg",...}
    std::uint64_t malformed;  // not a JSON object on a line of its own
    std::string last;
};

// Counts the lines of a stream that comes in chunks.
class LineCounter {
public:
    // Takes whole lines and returns how many bytes of the chunk they were.
    std::size_t take(std::string_view chunk);
    const Lines &lines() const { return lines_; }

private:
    Lines lines_{};
};

class Reader {
public:
    // The pipe's write end, to hand to the writer, is left in `writer`.
    static Result<Reader> start(Fd &writer);

    // To be called when nobody holds the write end any more.
    Result<Lines> finish();

private:
    Reader(Child child, Fd result) : child_(std::move(child)), result_(std::move(result)) {}

    Child child_;
    Fd result_;
};

}  // namespace sockwarden::bench
