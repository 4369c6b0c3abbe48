// SPDX-License-Identifier: Apache-2.0
// Pipes, and reads and writes that do not stop half-way.
#include "common/fd.h"

#include <fcntl.h>

namespace sockwarden::bench {

Result<Pipe> make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return system_error("pipe");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> open_null() {
    Fd fd(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!fd)
        return system_error("/dev/null");
    return fd;
}

bool write_all(int fd, const void *data, std::size_t size) {
    const char *at = static_cast<const char *>(data);
    while (size > 0) {
        const ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= static_cast<std::size_t>(written);
    }
    return true;
}

bool read_all(int fd, void *data, std::size_t size) {
    char *at = static_cast<char *>(data);
    while (size > 0) {
        const ssize_t count = read(fd, at, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        at += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

}  // namespace sockwarden::bench
