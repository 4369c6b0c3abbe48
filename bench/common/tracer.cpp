// SPDX-License-Identifier: Apache-2.0
// Talks to a tracing program through its standard error and signals.
#include "common/tracer.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "common/clock.h"

namespace sockwarden::bench {
namespace {

constexpr std::uint64_t start_limit_ns = 20 * ns_per_second;
constexpr std::uint64_t stop_limit_ns = 30 * ns_per_second;

// The whole line that begins like that, empty when there is none yet.
std::string line_with(std::string_view text, std::string_view beginning) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos)
            return {};
        if (text.starts_with(beginning))
            return std::string(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return {};
}

std::string last_line(std::string_view text) {
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    const std::size_t at = text.rfind('\n');
    return std::string(at == std::string_view::npos ? text : text.substr(at + 1));
}

}  // namespace

TracerCommand sockwarden_command(std::string_view program, std::string_view engine,
                                 const std::vector<std::string> &options, int out) {
    TracerCommand command;
    command.words = {std::string(program), "trace", "-o", "json", "--engine", std::string(engine)};
    command.words.insert(command.words.end(), options.begin(), options.end());
    command.ready = "sockwarden: tracing";
    command.out = out;
    return command;
}

std::string find_sockwarden(std::string_view given) {
    if (!given.empty())
        return std::string(given);
    std::error_code code;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", code);
    const std::filesystem::path built = self.parent_path().parent_path() / "sockwarden";
    return std::filesystem::is_regular_file(built, code) ? built.string() : "sockwarden";
}

Result<Tracer> Tracer::start(const TracerCommand &command) {
    Result<Pipe> messages = make_pipe();
    if (!messages)
        return messages.error();
    const int error = messages->write.get();
    const std::uint64_t begin = now_ns();
    Result<Child> child = Child::execute(command.words, {command.out >= 0 ? command.out : error, error}, command.cpus);
    if (!child)
        return child.error();
    messages->write.close();
    Tracer tracer(std::move(*child), std::move(messages->read));
    const Result<Done> ready = tracer.wait_for(command.ready);
    if (!ready)
        return ready.error();
    tracer.ready_after_ns_ = now_ns() - begin;
    return tracer;
}

bool Tracer::read_some() {
    char buffer[4096];
    const ssize_t count = read(messages_.get(), buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR)
        return true;
    if (count <= 0)
        return false;
    text_.append(buffer, static_cast<std::size_t>(count));
    return true;
}

Result<Done> Tracer::wait_for(std::string_view ready) {
    const std::uint64_t deadline = now_ns() + start_limit_ns;
    for (;;) {
        ready_line_ = line_with(text_, ready);
        if (!ready_line_.empty())
            return Done{};
        pollfd wanted{messages_.get(), POLLIN, 0};
        const std::uint64_t now = now_ns();
        if (now >= deadline)
            return Error{fmt::format("no line \"{}\" in time", ready)};
        if (poll(&wanted, 1, static_cast<int>((deadline - now) / ns_per_ms) + 1) == 0)
            continue;
        if (!read_some())
            return ended_at_once();
    }
}

Error Tracer::ended_at_once() {
    Result<Exit> exit = child_.wait(stop_limit_ns);
    const std::string how = exit ? describe_exit(exit->status) : exit.error().text;
    return Error{fmt::format("ended at once with {}: {}", how, last_line(text_))};
}

Result<TracerEnd> Tracer::stop() {
    child_.signal(SIGINT);
    // The pipe may be inherited by others, so its end is no proof and has a limit too.
    const std::uint64_t deadline = now_ns() + stop_limit_ns;
    for (;;) {
        pollfd wanted{messages_.get(), POLLIN, 0};
        const std::uint64_t now = now_ns();
        if (now >= deadline)
            break;
        if (poll(&wanted, 1, static_cast<int>((deadline - now) / ns_per_ms) + 1) <= 0)
            continue;
        if (!read_some())
            break;
    }
    Result<Exit> exit = child_.wait(stop_limit_ns);
    if (!exit)
        return exit.error();
    return TracerEnd{std::move(text_), *exit};
}

}  // namespace sockwarden::bench
