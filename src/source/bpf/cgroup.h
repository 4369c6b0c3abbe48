// SPDX-License-Identifier: Apache-2.0
// Cgroups of the unified hierarchy (cgroups(7)): found by their path, made for a command, and what is made inside one.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace sockwarden {

class Cgroup {
public:
    // By the path of its folder, or by its path in the hierarchy as /proc/PID/cgroup shows it; "/" is the root.
    static Result<Cgroup> open(const std::string &path);
    // A new one inside, which is removed with its owner. What still runs in it then is killed.
    Result<Cgroup> make(const std::string &name) const;

    Cgroup(Cgroup &&other) noexcept = default;
    Cgroup &operator=(Cgroup &&other) noexcept = default;
    ~Cgroup();

    int fd() const { return folder_.get(); }
    const std::string &path() const { return path_; }  // in the hierarchy, as this process sees it
    bool is_root() const { return path_ == "/"; }

    // The processes that are in it now, without those of cgroups inside it.
    std::vector<pid_t> processes() const;
    // What takes the process in that writes "0" to it, whoever it is.
    Fd door() const;
    // A socket as one that a process of this cgroup makes: it is of the cgroup for ever, whoever gets it. Empty with
    // errno set where there is none.
    Fd socket(int family, int type) const;

private:
    Cgroup(Fd folder, std::string path, std::string made)
        : folder_(std::move(folder)), path_(std::move(path)), made_(std::move(made)) {}

    Fd folder_;
    std::string path_;
    std::string made_;  // its folder, where it is to be removed
};

}  // namespace sockwarden
