// SPDX-License-Identifier: Apache-2.0
// Starts a program with its output in pipes and reads both while it runs.
#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace live {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Become(const std::vector<std::string> &command, int in, int out, int err) {
    std::vector<char *> arguments;
    for (const std::string &word : command)
        arguments.push_back(const_cast<char *>(word.c_str()));
    arguments.push_back(nullptr);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execvp(arguments[0], arguments.data());
    dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], std::strerror(errno));
    _exit(127);
}

void ReadInto(int &fd, std::string &text) {
    std::array<char, 65536> buffer;
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size > 0) {
        text.append(buffer.data(), static_cast<size_t>(size));
    } else if (size == 0 || errno != EINTR) {
        close(fd);
        fd = -1;
    }
}

}  // namespace

bool Ended::Exited(int code) const { return !timed_out && WIFEXITED(status) && WEXITSTATUS(status) == code; }

bool Ended::Killed(int signal) const { return !timed_out && WIFSIGNALED(status) && WTERMSIG(status) == signal; }

std::string Ended::Text() const {
    if (timed_out)
        return "still running after the timeout";
    if (WIFSIGNALED(status))
        return "signal " + std::to_string(WTERMSIG(status));
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

Process::Process(const std::vector<std::string> &command) : Process(command, Streams{}) {}

Process::Process(const std::vector<std::string> &command, Streams streams) {
    int out[2] = {-1, streams.out};
    int err[2];
    const bool piped = streams.out >= 0 || pipe2(out, O_CLOEXEC) == 0;
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!piped || pipe2(err, O_CLOEXEC) != 0)
        throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0 && streams.own_group)
        setpgid(0, 0);
    if (pid_ == 0)
        Become(command, streams.in >= 0 ? streams.in : nothing, out[1], err[1]);
    close(nothing);
    if (streams.out < 0)
        close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
}

Process::~Process() {
    if (!reaped_) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    CloseOutput();
    if (err_ >= 0)
        close(err_);
}

void Process::Signal(int signal) const { kill(pid_, signal); }

void Process::SignalGroup(int signal) const { kill(-pid_, signal); }

void Process::CloseOutput() {
    if (out_ >= 0)
        close(out_);
    out_ = -1;
}

bool Process::Running() {
    if (!reaped_)
        Reap();
    return !reaped_;
}

void Process::Reap() { reaped_ = waitpid(pid_, &ended_.status, WNOHANG) == pid_; }

void Process::ReadSome(int milliseconds) {
    std::array<pollfd, 2> both = {pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
    poll(both.data(), both.size(), milliseconds);
    if (both[0].revents != 0)
        ReadInto(out_, ended_.out);
    if (both[1].revents != 0)
        ReadInto(err_, ended_.err);
}

bool Process::ReadUntil(const std::function<bool()> &enough, Seconds limit) {
    const auto end = Clock::now() + limit;
    while (!enough()) {
        if (Clock::now() > end || (out_ < 0 && err_ < 0))
            return false;
        ReadSome(5);
    }
    return true;
}

bool Process::AwaitAttached(Seconds limit) {
    return ReadUntil(
        [this] {
            return ended_.err.rfind("sockwarden: tracing", 0) == 0 ||
                   ended_.err.find("\nsockwarden: tracing") != std::string::npos;
        },
        limit);
}

// The end of the program counts, not that of its pipes: a child that lives on may hold them.
Ended Process::Wait(Seconds limit) {
    const auto end = Clock::now() + limit;
    while (Running() && Clock::now() < end)
        ReadSome(5);
    ended_.timed_out = !reaped_;
    if (!reaped_)
        kill(pid_, SIGKILL);
    const auto grace = Clock::now() + std::chrono::milliseconds(200);
    while ((out_ >= 0 || err_ >= 0) && Clock::now() < grace)
        ReadSome(5);
    return ended_;
}

Ended RunCommand(const std::vector<std::string> &command, Seconds limit) { return Process(command).Wait(limit); }

}  // namespace live
