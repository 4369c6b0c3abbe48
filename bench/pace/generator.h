// SPDX-License-Identifier: Apache-2.0
// The process that is traced: sends and receives at a pace, and counts what it did. Its count is
// the independent witness that sockwarden's own counts are held against.
#pragma once

#include <cstdint>

#include "common/child.h"
#include "common/fd.h"
#include "common/result.h"

namespace sockwarden::bench {

struct Pace {
    std::uint64_t per_second;  // 0: as fast as it goes
    std::uint64_t seconds;
};

struct Generated {
    std::uint64_t operations;  // recvmsg calls made, failed ones included
    std::uint64_t elapsed_ns;
    bool failed;
};

class Generator {
public:
    // Starts the process, which does nothing until begin().
    static Result<Generator> start(Pace pace);

    pid_t pid() const { return child_.pid(); }

    Result<Done> begin();
    // Waits for its end. The process stays until this object goes.
    Result<Generated> finish();

private:
    Generator(Child child, Fd order, Fd result)
        : child_(std::move(child)), order_(std::move(order)), result_(std::move(result)) {}

    Child child_;
    Fd order_;
    Fd result_;
};

}  // namespace sockwarden::bench
