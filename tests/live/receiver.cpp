// SPDX-License-Identifier: Apache-2.0
// A child process that takes orders from a pipe and receives from a socket.
#include "receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <stdexcept>

namespace live {
namespace {

constexpr char kReceive = 'r';
constexpr char kFork = 'f';

void Require(bool fine, const char *what) {
    if (!fine)
        throw std::runtime_error(what);
}

// Returns the caller's own pid, or -1.
pid_t ReceiveOnce(int socket) {
    std::array<char, 4096> buffer;
    iovec iov{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &iov;
    message.msg_iovlen = 1;
    return recvmsg(socket, &message, 0) < 0 ? -1 : getpid();
}

pid_t ReceiveInFork(int socket, int reply) {
    const pid_t child = fork();
    if (child == 0) {
        const pid_t result = ReceiveOnce(socket);
        _exit(write(reply, &result, sizeof(result)) == sizeof(result) ? 0 : 1);
    }
    waitpid(child, nullptr, 0);
    return child;
}

int InetSocket(int type) {
    const int fd = socket(AF_INET, type, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Require(bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof(address)) == 0, "bind");
    return fd;
}

void ConnectTo(int fd, int target) {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    getsockname(target, reinterpret_cast<sockaddr *>(&address), &size);
    Require(connect(fd, reinterpret_cast<sockaddr *>(&address), size) == 0, "connect");
}

}  // namespace

Receiver::Receiver(const Who &who, Socket kind) {
    MakeSockets(kind);
    Require(pipe(orders_) == 0 && pipe(replies_) == 0, "pipe");
    pid_ = fork();
    if (pid_ == 0)
        Serve(who);
    pid_t ready = 0;
    Require(read(replies_[0], &ready, sizeof(ready)) == sizeof(ready), "the receiver");
}

Receiver::~Receiver() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    for (const int fd : {near_, far_, orders_[0], orders_[1], replies_[0], replies_[1]})
        close(fd);
}

void Receiver::MakeSockets(Socket kind) {
    if (kind == Socket::kUnixDatagram || kind == Socket::kUnixStream) {
        int fds[2];
        const int type = kind == Socket::kUnixStream ? SOCK_STREAM : SOCK_DGRAM;
        Require(socketpair(AF_UNIX, type, 0, fds) == 0, "socketpair");
        near_ = fds[0];
        far_ = fds[1];
    } else if (kind == Socket::kUdp) {
        near_ = InetSocket(SOCK_DGRAM);
        far_ = InetSocket(SOCK_DGRAM);
        ConnectTo(far_, near_);
    } else {
        const int listener = InetSocket(SOCK_STREAM);
        listen(listener, 1);
        far_ = InetSocket(SOCK_STREAM);
        ConnectTo(far_, listener);
        near_ = accept(listener, nullptr, nullptr);
        close(listener);
    }
}

void Receiver::Serve(const Who &who) const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!who.comm.empty())
        prctl(PR_SET_NAME, who.comm.c_str());
    if (who.uid != 0 && setresuid(who.uid, who.uid, who.uid) != 0)
        _exit(1);
    pid_t reply = getpid();
    for (char order = 0;;) {
        if (write(replies_[1], &reply, sizeof(reply)) != sizeof(reply))
            _exit(1);
        if (read(orders_[0], &order, 1) != 1)
            _exit(0);
        reply = order == kReceive ? ReceiveOnce(near_) : ReceiveInFork(near_, replies_[1]);
    }
}

void Receiver::Begin() const { Require(write(orders_[1], &kReceive, 1) == 1, "order"); }

bool Receiver::AwaitBlocked() const {
    for (int tries = 0; tries < 5000; ++tries) {
        poll(nullptr, 0, 1);
        std::ifstream file("/proc/" + std::to_string(pid_) + "/syscall");
        if (long number = -1; file >> number && number == SYS_recvmsg)
            return true;
    }
    return false;
}

void Receiver::Give(const std::string &text) const {
    Require(send(far_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()), "send");
}

pid_t Receiver::AwaitReply() const {
    pollfd one{replies_[0], POLLIN, 0};
    pid_t pid = -1;
    if (poll(&one, 1, 10000) != 1 || read(replies_[0], &pid, sizeof(pid)) != sizeof(pid))
        return -1;
    return pid;
}

bool Receiver::AwaitDone() const { return AwaitReply() == pid_; }

bool Receiver::Receive(const std::string &text) const {
    Begin();
    Give(text);
    return AwaitDone();
}

pid_t Receiver::ReceiveInChild(const std::string &text) const {
    Require(write(orders_[1], &kFork, 1) == 1, "order");
    Give(text);
    const pid_t child = AwaitReply();           // from the child
    return AwaitReply() == child ? child : -1;  // from the receiver, when it is gone
}

}  // namespace live
