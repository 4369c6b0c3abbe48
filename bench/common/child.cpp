// SPDX-License-Identifier: Apache-2.0
// fork, exec and wait. A child dies with its parent, so that an interrupted benchmark leaves
// nothing.
#include "common/child.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/affinity.h"
#include "common/clock.h"
#include "common/fd.h"

namespace sockwarden::bench {
namespace {

// What every child does first.
void settle_in(pid_t parent, const std::optional<cpu_set_t> &cpus) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    if (cpus)
        sched_setaffinity(0, sizeof(*cpus), &*cpus);
}

[[noreturn]] void become(const std::vector<std::string> &command, Streams streams, const Fd &complaint) {
    std::vector<char *> arguments;
    for (const std::string &word : command)
        arguments.push_back(const_cast<char *>(word.c_str()));
    arguments.push_back(nullptr);
    if (streams.out >= 0)
        dup2(streams.out, STDOUT_FILENO);
    if (streams.error >= 0)
        dup2(streams.error, STDERR_FILENO);
    execvp(arguments[0], arguments.data());
    send_object(complaint, errno);
    _exit(127);
}

}  // namespace

std::string describe_exit(int status) {
    if (WIFSIGNALED(status))
        return fmt::format("signal {}", WTERMSIG(status));
    return fmt::format("exit code {}", WEXITSTATUS(status));
}

Result<Child> Child::execute(const std::vector<std::string> &command, Streams streams,
                             const std::optional<cpu_set_t> &cpus) {
    Result<Pipe> complaint = make_pipe();
    if (!complaint)
        return complaint.error();
    const pid_t parent = getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return system_error("fork");
    if (pid == 0) {
        settle_in(parent, cpus);
        become(command, streams, complaint->write);
    }
    Child child(pid);
    complaint->write.close();
    if (const std::optional<int> number = receive_object<int>(complaint->read))
        return system_error(command[0], *number);
    return child;
}

Result<Child> Child::fork(const std::function<int()> &body, const std::optional<cpu_set_t> &cpus) {
    const pid_t parent = getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return system_error("fork");
    if (pid == 0) {
        settle_in(parent, cpus);
        _exit(body());
    }
    return Child(pid);
}

Child::Child(Child &&other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

Child &Child::operator=(Child &&other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
}

Child::~Child() {
    if (pid_ <= 0)
        return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Child::signal(int number) const {
    if (pid_ > 0)
        kill(pid_, number);
}

// Sleeps until the end: a look at the clock every now and then would disturb what is measured.
Result<Exit> Child::wait(std::uint64_t limit_ns) {
    const Fd end(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (!end)
        return system_error("pidfd_open");
    pollfd wanted{end.get(), POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(limit_ns / ns_per_ms));
    if (ready < 0)
        return system_error("poll");
    if (ready == 0)
        return Error{fmt::format("process {} does not end", pid_)};
    Exit exit{};
    if (wait4(pid_, &exit.status, 0, &exit.usage) != pid_)
        return system_error("wait4");
    pid_ = -1;
    return exit;
}

}  // namespace sockwarden::bench
