// SPDX-License-Identifier: Apache-2.0
// Cgroups; see cgroup.h.
#include "source/bpf/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

namespace sockwarden {
namespace {

// Where the unified hierarchy is mounted: the whole of it, as far as this process sees. Empty where it is not.
std::string mounted_at() {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string skipped, root, place;
        words >> skipped >> skipped >> skipped >> root >> place;
        if (root == "/" && line.find(" - cgroup2 ") != std::string::npos) {
            return place;
        }
    }
    return "";
}

bool is_of_cgroups(int fd) {
    struct statfs about {};
    return ::fstatfs(fd, &about) == 0 && about.f_type == CGROUP2_SUPER_MAGIC;
}

bool write_text(int folder, const char *name, const std::string &text) {
    const Fd file(::openat(folder, name, O_WRONLY | O_CLOEXEC));
    return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// What a child does that shares memory and descriptors: it enters the cgroup and makes a socket there.
struct Making {
    int folder, family, type;
    int made = -1;
    int error = 0;
};

int make_socket(void *context) {
    Making &making = *static_cast<Making *>(context);
    const int procs = ::openat(making.folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    const bool is_inside = procs >= 0 && ::write(procs, "0", 1) == 1;
    making.made = is_inside ? ::socket(making.family, making.type, 0) : -1;
    making.error = errno;
    ::close(procs);
    return 0;
}

}  // namespace

Result<Cgroup> Cgroup::open(const std::string &path) {
    const std::string mount = mounted_at();
    if (mount.empty()) {
        return Error{"the unified hierarchy of cgroups is not mounted: mount -t cgroup2 none /sys/fs/cgroup", 2};
    }
    const bool is_folder = path == mount || path.starts_with(mount + "/");
    std::string inside = is_folder ? path.substr(mount.size()) : path;
    while (inside.ends_with('/')) {
        inside.pop_back();
    }
    if (!inside.empty() && !inside.starts_with('/')) {
        return Error{fmt::format("{} is no cgroup: what is wanted is a path as /proc/PID/cgroup shows it, or a folder "
                                 "below {}",
                                 path, mount),
                     2};
    }
    Fd folder(::open((mount + inside).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return Error{errno_error("cannot open the cgroup " + path).message, 2};
    }
    if (!is_of_cgroups(folder.get())) {
        return Error{path + " is no folder of the unified hierarchy of cgroups, which is mounted at " + mount, 2};
    }
    return Cgroup(std::move(folder), inside.empty() ? "/" : inside, "");
}

Result<Cgroup> Cgroup::make(const std::string &name) const {
    if (::mkdirat(folder_.get(), name.c_str(), 0755) != 0) {
        return errno_error(fmt::format("cannot make a cgroup in {}", path_));
    }
    Fd folder(::openat(folder_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return errno_error("cannot open the cgroup " + name);
    }
    return Cgroup(std::move(folder), (is_root() ? "" : path_) + "/" + name,
                  fmt::format("{}{}/{}", mounted_at(), is_root() ? "" : path_, name));
}

Cgroup::~Cgroup() {
    if (!folder_ || made_.empty()) {
        return;
    }
    write_text(folder_.get(), "cgroup.kill", "1");
    constexpr int kTries = 1000;  // a process that is killed takes a moment to go
    for (int i = 0; i < kTries && ::rmdir(made_.c_str()) != 0 && errno == EBUSY; ++i) {
        ::usleep(1000);
    }
}

std::vector<pid_t> Cgroup::processes() const {
    std::vector<pid_t> found;
    const int procs = ::openat(folder_.get(), "cgroup.procs", O_RDONLY | O_CLOEXEC);
    const std::unique_ptr<FILE, int (*)(FILE *)> list(procs >= 0 ? ::fdopen(procs, "r") : nullptr, ::fclose);
    for (pid_t pid = 0; list != nullptr && std::fscanf(list.get(), "%d", &pid) == 1;) {
        found.push_back(pid);
    }
    return found;
}

Fd Cgroup::door() const { return Fd(::openat(folder_.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC)); }

Fd Cgroup::socket(int family, int type) const {
    Making making{folder_.get(), family, type};
    alignas(16) std::array<std::byte, 16384> stack;
    const pid_t child =
        ::clone(make_socket, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &making);
    if (child < 0) {
        return {};
    }
    ::waitpid(child, nullptr, 0);
    errno = making.error;
    return Fd(making.made);
}

}  // namespace sockwarden
