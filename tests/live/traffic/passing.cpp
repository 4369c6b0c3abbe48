// SPDX-License-Identifier: Apache-2.0
// File descriptors that arrive, in every way there is. Traced with --events fds.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <thread>

#include "describe.h"
#include "scenario.h"
#include "sockets.h"
#include "tasks.h"
#include "truth.h"
#include "uring.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76  // include/uapi/asm-generic/socket.h, Linux 6.5
#endif

namespace traffic {
namespace {

constexpr int kScmPidfd = 4;  // include/linux/socket.h

Json Giver(pid_t pid) { return {{"pid", pid}, {"uid", getuid()}, {"gid", getgid()}, {"bytes", nullptr}}; }

// What a descriptor is, in the shape of args.file.
Json FileOf(int fd) {
    Json file = PassedDescriptor(fd);
    file.erase("fd");
    file.erase("status");
    const Json socket = Socket(fd);
    file["local"] = socket.is_null() ? Json(nullptr) : socket["local"];
    file["remote"] = socket.is_null() ? Json(nullptr) : socket["remote"];
    return file;
}

// One descriptor that this thread was given.
void Tell(Context &context, int fd, const char *way, pid_t from, const Fd *socket = nullptr, bool peeked = false) {
    context.truth.CountOperation();
    Json record = {{"event", "fd_received"},
                   {"return", fd},
                   {"errno", nullptr},
                   {"process", Process()},
                   {"socket", socket == nullptr ? Json(nullptr) : Socket(socket->get())},
                   {"args", {{"sockfd", socket == nullptr ? Json(nullptr) : Json(socket->get())}, {"way", way}}},
                   {"fds", {{"sent", nullptr}, {"delivered", nullptr}}},
                   {"peeked", peeked},
                   {"senders", Json::array({Giver(from)})},
                   {"payload", nullptr}};
    record["args"]["file"] = std::strcmp(way, "SCM_PIDFD") == 0 ? Json::object() : FileOf(fd);
    context.truth.Append({{"record", record}, {"before_socket", false}});
}

enum class By { recvmsg, recvmmsg, uring };

// Room for what comes with one message.
struct Arrival {
    explicit Arrival(size_t room = 253) : control(CMSG_SPACE(room * sizeof(int)) + 256) {
        header.msg_iov = &iov;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = room == 253 ? control.size() : CMSG_SPACE(room * sizeof(int));
    }

    std::array<char, 256> bytes{};
    iovec iov{bytes.data(), bytes.size()};
    std::vector<char> control;
    mmsghdr array{};
    msghdr &header = array.msg_hdr;

    void Receive(const Fd &socket, By by, int flags) {
        if (by == By::recvmsg) {
            Check(syscall(SYS_recvmsg, socket.get(), &header, flags) >= 0, "recvmsg");
        } else if (by == By::recvmmsg) {
            Check(syscall(SYS_recvmmsg, socket.get(), &array, 1, flags, nullptr) == 1, "recvmmsg");
        } else {
            Uring ring;
            io_uring_sqe request{};
            request.opcode = IORING_OP_RECVMSG;
            request.fd = socket.get();
            request.addr = reinterpret_cast<unsigned long>(&header);
            request.len = 1;
            ring.Submit(request);
            Check(ring.Await().res >= 0, "io_uring recvmsg");
        }
    }

    std::vector<int> Fds(int type = SCM_RIGHTS) {
        std::vector<int> fds;
        for (cmsghdr *at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
            if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != type)
                continue;
            const size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            const size_t before = fds.size();
            fds.resize(before + count);
            std::memcpy(fds.data() + before, CMSG_DATA(at), count * sizeof(int));
        }
        return fds;
    }
};

void Arrives(Context &context, const Fd &socket, By by, pid_t from, size_t expected, int flags = 0, size_t room = 253) {
    Arrival arrival(room);
    arrival.Receive(socket, by, flags);
    const std::vector<int> fds = arrival.Fds();
    Check(fds.size() == expected, std::to_string(fds.size()) + " descriptors came");
    for (const int fd : fds)
        Tell(context, fd, "SCM_RIGHTS", from, &socket, (flags & MSG_PEEK) != 0);
    CloseAll(fds);
}

// A file, a listening socket, an end of a pair, a pipe and a memfd, from a child.
void Rights(Context &context, By by) {
    const Fd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), listener = Open(AF_INET, SOCK_STREAM),
                                                                 memory(memfd_create("passed", MFD_CLOEXEC));
    Bind(listener, Loopback(AF_INET));
    int ends[2];
    Check(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    const Fd out(ends[0]), in(ends[1]);
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const Pair pair = UnixPair(type);
        const pid_t child = StartChild([&] {
            SendDescriptors(pair.far, "five", {file.get(), listener.get(), pair.near.get(), in.get(), memory.get()});
            Send(pair.far, "none");
        });
        Arrives(context, pair.near, by, child, 5);
        Arrives(context, pair.near, by, child, 0);
        AwaitChild(child);
    }
}
void ByRecvmsg(Context &context) { Rights(context, By::recvmsg); }
void ByRecvmmsg(Context &context) { Rights(context, By::recvmmsg); }
void ByUring(Context &context) { Rights(context, By::uring); }

void Peeked(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    SendDescriptors(pair.far, "twice", {STDERR_FILENO, pair.far.get()});
    Arrives(context, pair.near, By::recvmsg, getpid(), 2, MSG_PEEK);
    Arrives(context, pair.near, By::recvmsg, getpid(), 2);
}

// Room for two of three.
void Cut(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    SendDescriptors(pair.far, "three", {STDERR_FILENO, pair.far.get(), pair.near.get()});
    Arrives(context, pair.near, By::recvmsg, getpid(), 2, 0, 2);
}

void Many(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    const Fd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    SendDescriptors(pair.far, "many", std::vector<int>(253, file.get()));
    Arrives(context, pair.near, By::recvmsg, getpid(), 253);
}

void Pidfd(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    const int on = 1;
    if (setsockopt(pair.near.get(), SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) != 0)
        throw Skip("no SCM_PIDFD");
    SendDescriptors(pair.far, "one more", {STDERR_FILENO});
    Arrival arrival;
    arrival.Receive(pair.near, By::recvmsg, 0);
    for (const auto &[type, way] : {std::pair{int{SCM_RIGHTS}, "SCM_RIGHTS"}, {kScmPidfd, "SCM_PIDFD"}}) {
        const std::vector<int> fds = arrival.Fds(type);
        Check(fds.size() == 1, std::string("no ") + way);
        Tell(context, fds[0], way, getpid(), &pair.near);
        CloseAll(fds);
    }
}

void Taken(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    const pid_t child = StartChild([&] {
        const Fd own(memfd_create("of a child", MFD_CLOEXEC));
        const int number = own.get();
        Check(write(pair.far.get(), &number, sizeof(number)) == sizeof(number), "write");
        char byte = 0;
        Check(read(pair.far.get(), &byte, 1) == 1, "read");
    });
    int number = -1;
    Check(read(pair.near.get(), &number, sizeof(number)) == sizeof(number), "read");
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    Check(pidfd.get() >= 0, "pidfd_open");
    for (const int wanted : {number, pair.far.get()}) {
        const Fd taken(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), wanted, 0)));
        Check(taken.get() >= 0, "pidfd_getfd");
        Tell(context, taken.get(), "pidfd_getfd", child);
    }
    Check(syscall(SYS_pidfd_getfd, pidfd.get(), 9999, 0) == -1 && errno == EBADF, "pidfd_getfd");
    Check(write(pair.near.get(), "x", 1) == 1, "write");
    AwaitChild(child);
}

// A filter for the present thread that asks its listener about one call.
int ListenTo(unsigned call) {
    sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const sock_fprog filter{std::size(program), program};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter));
}

// A thread with a filter, and another that is its supervisor and gives it descriptors.
void Given(Context &context, bool replacing) {
    constexpr int kPlace = 200;
    std::atomic<int> listener = -2, given = -1;
    const pid_t supervisor = gettid();
    std::string wrong;
    std::thread supervised([&] {
        try {
            listener = ListenTo(SYS_getpriority);
            if (listener < 0)
                return;
            syscall(SYS_getpriority, 0, 0);
            Tell(context, given, "seccomp", supervisor);
            close(given);
        } catch (const std::exception &error) {
            wrong = error.what();
        }
    });
    while (listener == -2)
        usleep(1000);
    if (listener < 0) {
        supervised.join();
        throw Skip("no listener of seccomp");
    }
    const Fd memory(memfd_create("given", MFD_CLOEXEC));
    seccomp_notif asked{};
    Check(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) == 0, "SECCOMP_IOCTL_NOTIF_RECV");
    seccomp_notif_addfd add{};
    add.id = asked.id;
    add.srcfd = static_cast<unsigned>(memory.get());
    add.flags = replacing ? SECCOMP_ADDFD_FLAG_SETFD : 0;
    add.newfd = replacing ? kPlace : 0;
    given = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    Check(given >= 0, "SECCOMP_IOCTL_NOTIF_ADDFD");
    seccomp_notif_resp answer{};
    answer.id = asked.id;
    Check(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0, "SECCOMP_IOCTL_NOTIF_SEND");
    supervised.join();
    close(listener);
    Check(wrong.empty(), wrong);
}
void GivenNew(Context &context) { Given(context, false); }
void GivenInPlace(Context &context) { Given(context, true); }

// Files that are opened between: they are given by nobody.
void Opened(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    for (int round = 0; round < 3; ++round) {
        const Fd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
        SendDescriptors(pair.far, "one", {file.get()});
        Arrives(context, pair.near, By::recvmsg, getpid(), 1);
        const Fd other(open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
}

constexpr Scenario kScenarios[] = {
    {"passing-recvmsg", ByRecvmsg, ""},
    {"passing-recvmmsg", ByRecvmmsg, ""},
    {"passing-uring", ByUring, "io_uring"},
    {"passing-peeked", Peeked, ""},
    {"passing-cut", Cut, ""},
    {"passing-many", Many, ""},
    {"passing-pidfd", Pidfd, "SO_PASSPIDFD"},
    {"passing-taken", Taken, "pidfd_getfd"},
    {"passing-seccomp", GivenNew, "seccomp"},
    {"passing-seccomp-in-place", GivenInPlace, "seccomp"},
    {"passing-opened", Opened, ""},
};

}  // namespace

std::span<const Scenario> PassingScenarios() { return kScenarios; }

}  // namespace traffic
