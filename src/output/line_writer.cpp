// SPDX-License-Identifier: Apache-2.0
// Writes whole lines; see line_writer.h.
#include "output/line_writer.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace sockwarden {

void LineWriter::flush() {
    std::size_t at = 0;
    while (at < buffer_.size() && state_ == State::open) {
        const ssize_t count = ::write(fd_, buffer_.data() + at, buffer_.size() - at);
        if (count > 0) {
            at += static_cast<std::size_t>(count);
        } else if (count < 0 && errno == EAGAIN) {
            pollfd ready{fd_, POLLOUT, 0};  // somebody made the shared description non-blocking
            ::poll(&ready, 1, -1);
        } else if (count < 0 && errno != EINTR) {
            error_ = errno;
            state_ = errno == EPIPE || errno == ECONNRESET ? State::closed : State::failed;
        }
    }
    buffer_.clear();
}

}  // namespace sockwarden
