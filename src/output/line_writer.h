// SPDX-License-Identifier: Apache-2.0
// Writes whole lines to a file descriptor: gathers them, and gives them to the kernel in large pieces.
#pragma once

#include <string>

#include "base/result.h"

namespace sockwarden {

class LineWriter {
public:
    enum class State { open, closed, failed };

    // Borrows `fd`.
    explicit LineWriter(int fd) : fd_(fd) { buffer_.reserve(kFull + kFull / 4); }

    // Append to this, whole lines only, then call wrote().
    std::string &buffer() { return buffer_; }
    void wrote() {
        if (buffer_.size() >= kFull) {
            flush();
        }
    }
    // Writes all that is gathered. A reader that went away makes the state `closed`, any other error `failed`.
    void flush();

    State state() const { return state_; }
    int error() const { return error_; }

private:
    static constexpr std::size_t kFull = 256 * 1024;
    int fd_;
    int error_ = 0;
    State state_ = State::open;
    std::string buffer_;
};

}  // namespace sockwarden
