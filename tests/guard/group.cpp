// SPDX-License-Identifier: Apache-2.0
// A cgroup of a test's own; see group.h.
#include "group.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace guard {

std::string Hierarchy() {
    std::ifstream mounts("/proc/self/mounts");
    for (std::string device, place, type, rest; mounts >> device >> place >> type && std::getline(mounts, rest);) {
        if (type == "cgroup2") {
            return place;
        }
    }
    return "";
}

bool HaveHierarchy() { return !Hierarchy().empty() || ::mount("none", "/sys/fs/cgroup", "cgroup2", 0, nullptr) == 0; }

Group::Group(const std::string &name) : path_(Hierarchy() + "/" + name) { ::mkdir(path_.c_str(), 0755); }

Group::~Group() { ::rmdir(path_.c_str()); }

void Group::Enter() const { std::ofstream(path_ + "/cgroup.procs") << "0" << std::flush; }

long Group::In(const std::function<long()> &act) const {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        Enter();
        const long result = act();
        ::_exit(::write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
    }
    ::close(ends[1]);
    long result = -9999;
    EXPECT_EQ(::read(ends[0], &result, sizeof(result)), static_cast<ssize_t>(sizeof(result)));
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return result;
}

}  // namespace guard
