// SPDX-License-Identifier: Apache-2.0
// Writes whole lines; see line_writer.h.
#include "output/line_writer.h"

#include <fcntl.h>
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

// Where a pipe or terminal cannot be opened once more (another user's), and for sockets: what has room takes PIPE_BUF
// bytes at once (pipe(7)). A file takes all.
LineWriter::LineWriter(int fd) : fd_(fd), piece_(SIZE_MAX) {
    struct stat about {};
    const bool is_known = ::fstat(fd, &about) == 0;
    if (is_known && (S_ISFIFO(about.st_mode) || ::isatty(fd) != 0)) {
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        own_ = Fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        fd_ = own_ ? own_.get() : fd;
        piece_ = own_ ? SIZE_MAX : PIPE_BUF;
    } else if (is_known && S_ISSOCK(about.st_mode)) {
        piece_ = PIPE_BUF;
    }
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
    while (!is_empty() && state_ == State::open && (piece_ == SIZE_MAX || is_ready(fd_, 0)) && write_some()) {
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
