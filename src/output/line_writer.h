// SPDX-License-Identifier: Apache-2.0
// Writes whole lines to a file descriptor: gathers them, and gives them to the kernel in large pieces, as far as the
// reader of a pipe takes them.
#pragma once

#include <string>

#include "base/fd.h"

namespace sockwarden {

class LineWriter {
public:
    enum class State { open, closed, failed };

    // Borrows `fd`, whose description is shared and stays as it is.
    explicit LineWriter(int fd);

    // Append to this, whole lines only, then call wrote().
    std::string &buffer() { return buffer_; }
    void wrote() {
        if (buffer_.size() - at_ >= kFull) {
            offer();
        }
    }
    // Writes what can be written without waiting. A reader that went away makes the state `closed`, any other error
    // `failed`; what was gathered is then gone.
    void offer();
    // Writes all that is gathered, and waits for the reader.
    void flush();

    bool is_empty() const { return at_ == buffer_.size(); }
    // So much has been left that no more should be gathered before it is taken.
    bool is_clogged() const { return buffer_.size() - at_ >= kFull; }
    // So much that what is more is to be left out, where it must be gathered all the same.
    bool is_full() const { return buffer_.size() - at_ >= kMost; }

    State state() const { return state_; }
    int error() const { return error_; }

private:
    // Whether something was written, or the state changed.
    bool write_some();

    static constexpr std::size_t kFull = 256 * 1024;
    static constexpr std::size_t kMost = 4 * 1024 * 1024;
    Fd own_;  // a description of the same pipe or terminal that does not wait
    int fd_;
    std::size_t piece_;  // most bytes at once
    int error_ = 0;
    State state_ = State::open;
    std::string buffer_;
    std::size_t at_ = 0;  // what stands before is written
};

}  // namespace sockwarden
