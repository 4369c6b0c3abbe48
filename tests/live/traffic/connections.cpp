// SPDX-License-Identifier: Apache-2.0
// Connections asked for and taken, by system calls and by io_uring, over every kind of socket, with failures. Traced
// with --events connections.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "describe.h"
#include "scenario.h"
#include "sockets.h"
#include "tasks.h"
#include "truth.h"
#include "uring.h"

namespace traffic {
namespace {

Json Asker(pid_t pid) { return {{"pid", pid}, {"uid", getuid()}, {"gid", getgid()}, {"bytes", nullptr}}; }

// What connect and accept have in common.
Json Beginning(const char *event, int fd) {
    return {{"event", event},    {"process", Process()}, {"peeked", false},
            {"index", nullptr},  {"payload", nullptr},   {"fds", {{"sent", nullptr}, {"delivered", nullptr}}},
            {"errno", nullptr},  {"return", 0},          {"args", {{"sockfd", fd}}},
            {"senders", nullptr}};
}

void Tell(Context &context, const Json &record, bool before_socket = false) {
    context.truth.Append({{"record", record}, {"before_socket", before_socket}});
}

void Failed(Json &record, int error) {
    record["return"] = -1;
    record["errno"] = ErrnoName(error);
}

bool IsBeforeSocket(int error) { return error == EBADF || error == ENOTSOCK || error == EFAULT; }

// One connect; `expected` is 0 or its error.
void Connects(Context &context, int fd, SocketAddress to, int expected = 0) {
    context.truth.CountOperation();
    const long result = syscall(SYS_connect, fd, to.get(), to.size);
    const int error = result < 0 ? errno : 0;
    Check(error == expected, "connect: " + ErrnoName(error));
    Json record = Beginning("connect", fd);
    record["socket"] = Socket(fd);
    if (IsBeforeSocket(error))
        record.erase("socket");
    else
        record["args"]["addr"] = Address(to.get(), to.size);
    if (error != 0)
        Failed(record, error);
    Tell(context, record, IsBeforeSocket(error));
}

void Connects(Context &context, const Fd &fd, SocketAddress to, int expected = 0) {
    Connects(context, fd.get(), to, expected);
}

struct Wanted {
    bool address = true;
    int flags = -1;  // accept without, else accept4
    pid_t from = getpid();
};

void DescribeAccepted(Json &record, int fd, pid_t from) {
    record["return"] = fd;
    record["socket"] = Socket(fd);
    record["senders"] = Json::array({Asker(from)});
}

Fd Accepts(Context &context, const Fd &listener, const Wanted &wanted = {}) {
    SocketAddress peer;
    context.truth.CountOperation();
    sockaddr *const place = wanted.address ? peer.get() : nullptr;
    socklen_t *const size = wanted.address ? &peer.size : nullptr;
    const long fd = wanted.flags < 0 ? syscall(SYS_accept, listener.get(), place, size)
                                     : syscall(SYS_accept4, listener.get(), place, size, wanted.flags);
    Check(fd >= 0, "accept");
    Json record = Beginning("accept", listener.get());
    DescribeAccepted(record, static_cast<int>(fd), wanted.from);
    record["args"]["addr"] = wanted.address ? Address(peer.get(), peer.size) : Json(nullptr);
    record["args"]["flags"] = Json::array();
    if (wanted.flags > 0 && (wanted.flags & SOCK_NONBLOCK) != 0)
        record["args"]["flags"].push_back("SOCK_NONBLOCK");
    if (wanted.flags > 0 && (wanted.flags & SOCK_CLOEXEC) != 0)
        record["args"]["flags"].push_back("SOCK_CLOEXEC");
    Tell(context, record);
    return Fd(static_cast<int>(fd));
}

void AcceptFails(Context &context, int fd, int expected) {
    context.truth.CountOperation();
    const long result = syscall(SYS_accept4, fd, nullptr, nullptr, 0);
    const int error = errno;
    Check(result < 0 && error == expected, "accept4: " + ErrnoName(error));
    Json record = Beginning("accept", fd);
    record["senders"] = Json::array();
    record["socket"] = Socket(fd);
    record["args"]["addr"] = nullptr;
    record["args"]["flags"] = Json::array();
    if (IsBeforeSocket(error))
        record.erase("socket");
    Failed(record, error);
    Tell(context, record, IsBeforeSocket(error));
}

Fd Listener(int family, int type, SocketAddress address) {
    Fd listener = Open(family, type);
    Bind(listener, address);
    Check(listen(listener.get(), 16) == 0, "listen");
    return listener;
}

void Over(Context &context, int family, int type, SocketAddress address) {
    const Fd listener = Listener(family, type, address);
    const SocketAddress at = NameOf(listener);
    for (const Wanted &wanted : {Wanted{}, Wanted{.address = false}, Wanted{.address = true, .flags = 0},
                                 Wanted{.address = false, .flags = SOCK_CLOEXEC | SOCK_NONBLOCK}}) {
        const Fd near = Open(family, type);
        Connects(context, near, at);
        const Fd far = Accepts(context, listener, wanted);
    }
    // A child asks, and is gone when it is let in.
    const pid_t child = StartChild([&] { Connects(context, Open(family, type), at); });
    AwaitChild(child);
    const Fd far = Accepts(context, listener, {.from = child});
    Check(fcntl(listener.get(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
    AcceptFails(context, listener.get(), EAGAIN);
}

void UnixStream(Context &context) {
    Scratch scratch;
    Over(context, AF_UNIX, SOCK_STREAM, UnixPath(scratch.Path("listener")));
}
void UnixSeqpacket(Context &context) {
    Over(context, AF_UNIX, SOCK_SEQPACKET, UnixAbstract("sockwarden-listener-" + std::to_string(getpid())));
}
void Tcp4(Context &context) { Over(context, AF_INET, SOCK_STREAM, Loopback(AF_INET)); }
void Tcp6(Context &context) {
    NeedIpv6();
    Over(context, AF_INET6, SOCK_STREAM, Loopback(AF_INET6));
}

// A socket made before a fork asks in the child: the child is named, not who made it.
void OfParent(Context &context) {
    const Fd listener = Listener(AF_INET, SOCK_STREAM, Loopback(AF_INET)), near = Open(AF_INET, SOCK_STREAM);
    const pid_t child = StartChild([&] { Connects(context, near, NameOf(listener)); });
    AwaitChild(child);
    Accepts(context, listener, {.from = child});
}

void Datagrams(Context &context) {
    Scratch scratch;
    const Fd receiver = Open(AF_UNIX, SOCK_DGRAM), sender = Open(AF_UNIX, SOCK_DGRAM);
    Bind(receiver, UnixPath(scratch.Path("receiver")));
    Connects(context, sender, NameOf(receiver));
    const Fd udp = Open(AF_INET, SOCK_DGRAM), peer = Open(AF_INET, SOCK_DGRAM);
    Bind(peer, Loopback(AF_INET));
    Connects(context, udp, NameOf(peer));
    SocketAddress nobody;
    nobody.storage.ss_family = AF_UNSPEC;
    nobody.size = sizeof(sockaddr_in);
    Connects(context, udp, nobody);
}

void Failures(Context &context) {
    Scratch scratch;
    Connects(context, Open(AF_UNIX, SOCK_STREAM), UnixPath(scratch.Path("nobody")), ENOENT);
    const Fd silent = Open(AF_UNIX, SOCK_STREAM);
    Bind(silent, UnixPath(scratch.Path("silent")));
    Connects(context, Open(AF_UNIX, SOCK_STREAM), NameOf(silent), ECONNREFUSED);
    const Fd closed = Open(AF_INET, SOCK_STREAM);
    Bind(closed, Loopback(AF_INET));
    Connects(context, Open(AF_INET, SOCK_STREAM), NameOf(closed), ECONNREFUSED);
    AcceptFails(context, closed.get(), EINVAL);
    const Fd listener = Listener(AF_UNIX, SOCK_STREAM, UnixPath(scratch.Path("listener"))),
             near = Open(AF_UNIX, SOCK_STREAM);
    Connects(context, near, NameOf(listener));
    Connects(context, near, NameOf(listener), EISCONN);
    Accepts(context, listener);
    const Fd tcp = Listener(AF_INET, SOCK_STREAM, Loopback(AF_INET)), hasty = Open(AF_INET, SOCK_STREAM);
    Check(fcntl(hasty.get(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
    Connects(context, hasty, NameOf(tcp), EINPROGRESS);
    Accepts(context, tcp);
}

void NoSocket(Context &context) {
    const Fd file(open("/dev/null", O_RDWR | O_CLOEXEC));
    SocketAddress to = Loopback(AF_INET);
    to.size = sizeof(sockaddr_in);
    for (const auto &[fd, error] : {std::pair{9999, EBADF}, {file.get(), ENOTSOCK}}) {
        Connects(context, fd, to, error);
        AcceptFails(context, fd, error);
    }
}

// Waits until somebody asks.
void Waiting(Context &context) {
    const Fd listener = Listener(AF_UNIX, SOCK_STREAM, UnixAbstract("sockwarden-waits-" + std::to_string(getpid())));
    const pid_t child = StartChild([&] {
        usleep(50'000);
        Connects(context, Open(AF_UNIX, SOCK_STREAM), NameOf(listener));
    });
    const Fd far = Accepts(context, listener, {.from = child});
    AwaitChild(child);
}

void UringConnects(Context &context, Uring &ring, const Fd &fd, SocketAddress to, int expected = 0) {
    io_uring_sqe request{};
    request.opcode = IORING_OP_CONNECT;
    request.fd = fd.get();
    request.addr = reinterpret_cast<unsigned long>(to.get());
    request.off = to.size;
    context.truth.CountOperation();
    ring.Submit(request);
    const int result = ring.Await().res;
    Check(result == -expected, "io_uring connect: " + std::to_string(result));
    Json record = Beginning("io_uring_connect", fd.get());
    record["socket"] = Socket(fd.get());
    record["args"]["addr"] = Address(to.get(), to.size);
    if (expected != 0)
        Failed(record, expected);
    Tell(context, record);
}

void TellUringAccepted(Context &context, const Fd &listener, int fd, const Json &address, pid_t from) {
    context.truth.CountOperation();
    Json record = Beginning("io_uring_accept", listener.get());
    DescribeAccepted(record, fd, from);
    record["args"]["addr"] = address;
    Tell(context, record);
}

io_uring_sqe AcceptRequest(const Fd &listener) {
    io_uring_sqe request{};
    request.opcode = IORING_OP_ACCEPT;
    request.fd = listener.get();
    request.accept_flags = SOCK_CLOEXEC;
    return request;
}

// Not by the task that has the ring: what completes on it interrupts a connect, which the kernel then restarts.
pid_t ConnectsInChild(Context &context, SocketAddress to) {
    const pid_t child = StartChild([&] { Connects(context, Open(to.storage.ss_family, SOCK_STREAM), to); });
    AwaitChild(child);
    return child;
}

void ByUring(Context &context) {
    Scratch scratch;
    const Fd listeners[] = {Listener(AF_INET, SOCK_STREAM, Loopback(AF_INET)),
                            Listener(AF_UNIX, SOCK_STREAM, UnixPath(scratch.Path("listener")))};
    for (const Fd &listener : listeners) {
        const SocketAddress at = NameOf(listener);
        Uring ring;
        const Fd near = Open(at.storage.ss_family, SOCK_STREAM);
        UringConnects(context, ring, near, at);
        SocketAddress peer;
        io_uring_sqe request = AcceptRequest(listener);
        request.addr = reinterpret_cast<unsigned long>(peer.get());
        request.addr2 = reinterpret_cast<unsigned long>(&peer.size);
        ring.Submit(request);
        const Fd far(ring.Await().res);
        Check(far.get() >= 0, "io_uring accept");
        TellUringAccepted(context, listener, far.get(), Address(peer.get(), peer.size), getpid());
        // It waits: the request completes when somebody asks.
        ring.Submit(AcceptRequest(listener));
        const pid_t child = ConnectsInChild(context, at);
        const Fd other(ring.Await().res);
        Check(other.get() >= 0, "io_uring accept");
        TellUringAccepted(context, listener, other.get(), nullptr, child);
    }
    Uring ring;
    UringConnects(context, ring, Open(AF_UNIX, SOCK_STREAM), UnixPath(scratch.Path("nobody")), ENOENT);
}

void ByUringManyTimes(Context &context) {
    const Fd listener = Listener(AF_INET, SOCK_STREAM, Loopback(AF_INET));
    Uring ring;
    io_uring_sqe request = AcceptRequest(listener);
    request.ioprio = IORING_ACCEPT_MULTISHOT;
    ring.Submit(request);
    for (int round = 0; round < 5; ++round) {
        const pid_t child = ConnectsInChild(context, NameOf(listener));
        const Fd far(ring.Await().res);
        Check(far.get() >= 0, "multishot accept");
        TellUringAccepted(context, listener, far.get(), nullptr, child);
    }
}

// Into the ring's own table of files, where a connection has no descriptor.
void ByUringDirectly(Context &context) {
    const Fd listener = Listener(AF_INET, SOCK_STREAM, Loopback(AF_INET));
    Uring ring;
    ring.RegisterFiles(4);
    const pid_t child = ConnectsInChild(context, NameOf(listener));
    io_uring_sqe request = AcceptRequest(listener);
    request.accept_flags = 0;
    request.file_index = 3;  // the third place
    ring.Submit(request);
    Check(ring.Await().res == 0, "direct accept");
    context.truth.CountOperation();
    Json record = Beginning("io_uring_accept", listener.get());
    record["senders"] = Json::array({Asker(child)});
    Tell(context, record);
}

constexpr Scenario kScenarios[] = {
    {"connection-unix-stream", UnixStream, ""},
    {"connection-unix-seqpacket", UnixSeqpacket, ""},
    {"connection-tcp4", Tcp4, ""},
    {"connection-tcp6", Tcp6, "IPv6"},
    {"connection-of-parent", OfParent, ""},
    {"connection-datagrams", Datagrams, ""},
    {"connection-failures", Failures, ""},
    {"connection-no-socket", NoSocket, ""},
    {"connection-waiting", Waiting, ""},
    {"connection-uring", ByUring, "io_uring"},
    {"connection-uring-multishot", ByUringManyTimes, "io_uring"},
    {"connection-uring-direct", ByUringDirectly, "io_uring"},
};

}  // namespace

std::span<const Scenario> ConnectionScenarios() { return kScenarios; }

}  // namespace traffic
