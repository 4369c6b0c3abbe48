// SPDX-License-Identifier: Apache-2.0
// Reads as much at once as a pipe can hold.
#include "pace/reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace sockwarden::bench {
namespace {

// The largest pipe that needs no privilege (fs.pipe-max-size), and the longest line that is
// accepted.
constexpr std::size_t pipe_size = 1 << 20;

constexpr std::size_t last_line_size = 4096;

// What crosses the pipe back.
struct Counted {
    std::uint64_t bytes;
    std::uint64_t all;
    std::uint64_t messages;
    std::uint64_t malformed;
    std::uint64_t last_size;
    char last[last_line_size];
};

// Reads to the end of file; the rest of a chunk that is no whole line moves to the front.
void count_stream(int fd, LineCounter &counter) {
    std::vector<char> buffer(pipe_size);
    std::size_t kept = 0;
    for (;;) {
        const ssize_t count = read(fd, buffer.data() + kept, buffer.size() - kept);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return;
        const std::size_t held = kept + static_cast<std::size_t>(count);
        const std::size_t taken = counter.take({buffer.data(), held});
        kept = held - taken;
        std::memmove(buffer.data(), buffer.data() + taken, kept);
    }
}

int count_and_tell(const Fd &source, const Fd &result) {
    LineCounter counter;
    count_stream(source.get(), counter);
    const Lines &lines = counter.lines();
    Counted counted{lines.bytes, lines.all, lines.messages, lines.malformed, 0, {}};
    counted.last_size = std::min(lines.last.size(), last_line_size);
    std::copy_n(lines.last.data(), counted.last_size, counted.last);
    return send_object(result, counted) ? 0 : 1;
}

}  // namespace

std::size_t LineCounter::take(std::string_view chunk) {
    std::size_t taken = 0;
    std::string_view line;
    for (;;) {
        const std::string_view rest = chunk.substr(taken);
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos)
            break;
        line = rest.substr(0, end);
        lines_.all++;
        lines_.messages += line.starts_with(R"({"event":"recvmsg")");
        lines_.malformed += !line.starts_with('{') || !line.ends_with('}');
        taken += end + 1;
    }
    if (taken > 0)
        lines_.last = line;
    lines_.bytes += taken;
    return taken;
}

Result<Reader> Reader::start(Fd &writer) {
    Result<Pipe> source = make_pipe();
    if (!source)
        return source.error();
    Result<Pipe> result = make_pipe();
    if (!result)
        return result.error();
    fcntl(source->write.get(), F_SETPIPE_SZ, static_cast<int>(pipe_size));
    Result<Child> child = Child::fork(
        [&] {
            source->write.close();
            return count_and_tell(source->read, result->write);
        },
        std::nullopt);
    if (!child)
        return child.error();
    writer = std::move(source->write);
    return Reader(std::move(*child), std::move(result->read));
}

Result<Lines> Reader::finish() {
    const std::optional<Counted> counted = receive_object<Counted>(result_);
    if (!counted)
        return Error{"the reader ended without a result"};
    return Lines{counted->bytes, counted->all, counted->messages, counted->malformed,
                 std::string(counted->last, counted->last_size)};
}

}  // namespace sockwarden::bench
