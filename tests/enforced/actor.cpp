// SPDX-License-Identifier: Apache-2.0
// What the command under test does; see actor.h.
#include "actor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

namespace enforced {
namespace {

std::map<std::string, void (*)()> &Actors() {
    static std::map<std::string, void (*)()> actors;
    return actors;
}
int failed = 0;

}  // namespace

bool AddActor(const char *name, void (*act)()) {
    if (!Actors().emplace(name, act).second) {
        std::fprintf(stderr, "two actors are called %s\n", name);
        std::abort();
    }
    return true;
}

int RunActor(const std::string &name) {
    const auto found = Actors().find(name);
    if (found == Actors().end()) {
        return 99;
    }
    failed = 0;
    found->second();
    return failed;
}

void Check(long got, long wanted, const char *what, int line) {
    if (got != wanted) {
        ++failed;
        std::fprintf(stderr, "line %d: %s is %ld, not %ld\n", line, what, got, wanted);
    }
}

void Check(const std::string &got, const std::string &wanted, const char *what, int line) {
    if (got != wanted) {
        ++failed;
        std::fprintf(stderr, "line %d: %s is \"%s\", not \"%s\"\n", line, what, got.c_str(), wanted.c_str());
    }
}

std::string CompatProgram() {
    const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    int program = -1;
    for (const char *place : {"sockwarden-run-compat", "../run/sockwarden-run-compat"}) {
        program = program < 0 ? ::open((folder / place).c_str(), O_RDONLY) : program;
    }
    const std::string inherited = "/proc/self/fd/" + std::to_string(program);
    const pid_t probe = program < 0 ? -1 : ::fork();
    if (probe == 0) {
        ::execl(inherited.c_str(), "compat", "probe", nullptr);
        ::_exit(1);
    }
    int status = -1;
    return probe > 0 && ::waitpid(probe, &status, 0) == probe && status == 0 ? inherited : "";
}

long Got(long result) { return result < 0 ? -errno : result; }

Pair MakePair(int type, int family) {
    int ends[2] = {-1, -1};
    if (family == AF_UNIX) {
        ::socketpair(AF_UNIX, type, 0, ends);
        return {ends[0], ends[1]};
    }
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    auto *address = reinterpret_cast<sockaddr *>(&name);
    const int first = ::socket(AF_INET, type, 0), second = ::socket(AF_INET, type, 0);
    ::bind(first, address, size);
    ::getsockname(first, address, &size);
    if (type == SOCK_STREAM) {
        ::listen(first, 1);
        ::connect(second, address, size);
        const int accepted = ::accept(first, nullptr, nullptr);
        ::close(first);
        return {second, accepted};
    }
    ::connect(second, address, size);
    sockaddr_in other{};
    size = sizeof(other);
    ::getsockname(second, reinterpret_cast<sockaddr *>(&other), &size);
    ::connect(first, reinterpret_cast<sockaddr *>(&other), size);
    return {second, first};
}

std::string Receive(int socket, int flags, std::size_t room) {
    std::string bytes(room, '\0');
    const ssize_t size = ::recv(socket, bytes.data(), room, flags);
    if (size < 0) {
        return std::string("-") + ::strerrorname_np(errno);
    }
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
}

long Send(int socket, const std::string &bytes, int flags) {
    return Got(::send(socket, bytes.data(), bytes.size(), flags));
}

long SendFds(int socket, const std::string &bytes, const int *fds, std::size_t count) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 253)] = {};
    iovec part{const_cast<char *>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * count);
    std::memcpy(CMSG_DATA(head), fds, sizeof(int) * count);
    return Got(::sendmsg(socket, &message, 0));
}

int ReceiveFd(int socket) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    char byte = 0;
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    IS(Got(::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)), 1);
    const cmsghdr *head = CMSG_FIRSTHDR(&message);
    int fd = -1;
    if (head != nullptr && head->cmsg_type == SCM_RIGHTS) {
        std::memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    }
    return fd;
}

}  // namespace enforced
