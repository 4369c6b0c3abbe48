// SPDX-License-Identifier: Apache-2.0
// A child process with one owner, which is killed and reaped when its owner goes.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace sockwarden::bench {

struct Exit {
    int status;  // as waitpid(2) gives it
    rusage usage;
};

// "exit code 3", "signal 9"
std::string describe_exit(int status);

// Descriptors for the child's standard streams; -1 inherits.
struct Streams {
    int out = -1;
    int error = -1;
};

class Child {
public:
    // Runs a program, found on PATH, on the given CPUs (all that the parent may use when absent).
    // Fails when it cannot be executed.
    static Result<Child> execute(const std::vector<std::string> &command, Streams streams,
                                 const std::optional<cpu_set_t> &cpus);

    // Runs a function in a copy of this process; its result is the exit code.
    static Result<Child> fork(const std::function<int()> &body, const std::optional<cpu_set_t> &cpus);

    Child(Child &&other) noexcept;
    Child &operator=(Child &&other) noexcept;
    ~Child();

    pid_t pid() const { return pid_; }
    void signal(int number) const;

    // Fails when it takes longer than that; it is killed when this object goes.
    Result<Exit> wait(std::uint64_t limit_ns);

private:
    explicit Child(pid_t pid) : pid_(pid) {}

    pid_t pid_ = -1;
};

}  // namespace sockwarden::bench
