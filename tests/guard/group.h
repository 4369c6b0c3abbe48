// SPDX-License-Identifier: Apache-2.0
// A cgroup of a test's own, in the unified hierarchy.
#pragma once

#include <functional>
#include <string>

namespace guard {

// Where the unified hierarchy is mounted, as /proc tells it; empty where it is not.
std::string Hierarchy();
// Mounts it where it is not, as in a guest that has nothing but a test.
bool HaveHierarchy();

class Group {
public:
    explicit Group(const std::string &name);
    Group(const Group &) = delete;
    Group &operator=(const Group &) = delete;
    ~Group();
    const std::string &path() const { return path_; }
    // Moves the process that asks into it.
    void Enter() const;
    // What `act` gives in a process of the cgroup.
    long In(const std::function<long()> &act) const;

private:
    std::string path_;
};

}  // namespace guard
