// SPDX-License-Identifier: Apache-2.0
// Writes whole lines; see line_writer.h.
#include "output/line_writer.h"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sockwarden {
namespace {

bool is_ready(int fd, int timeout_ms) {
    pollfd ready{fd, POLLOUT, 0};
    return ::poll(&ready, 1, timeout_ms) > 0;
}

}  // namespace

// A pipe that has room takes PIPE_BUF bytes at once (pipe(7)); its description is shared and stays as it is.
LineWriter::LineWriter(int fd) : fd_(fd) {
    struct stat about {};
    const bool is_file = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    piece_ = is_file ? SIZE_MAX : PIPE_BUF;
    buffer_.reserve(kFull + kFull / 4);
}

bool LineWriter::write_some() {
    const ssize_t count = ::write(fd_, buffer_.data() + at_, std::min(buffer_.size() - at_, piece_));
    if (count >= 0) {
        at_ += static_cast<std::size_t>(count);
        return count > 0;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return errno == EINTR;
    }
    error_ = errno;
    state_ = errno == EPIPE || errno == ECONNRESET ? State::closed : State::failed;
    return true;
}

void LineWriter::offer() {
    while (!is_empty() && state_ == State::open && is_ready(fd_, 0) && write_some()) {
    }
    if (is_empty() || state_ != State::open) {
        buffer_.clear();
        at_ = 0;
    } else if (at_ >= kFull) {
        buffer_.erase(0, at_);
        at_ = 0;
    }
}

void LineWriter::flush() {
    for (offer(); !is_empty(); offer()) {
        is_ready(fd_, -1);
    }
}

}  // namespace sockwarden
