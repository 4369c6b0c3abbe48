// SPDX-License-Identifier: Apache-2.0
// The sockets, files and sends that scenarios are built from.
#include "sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "scenario.h"

namespace traffic {

void Check(bool fine, const std::string &what) {
    if (!fine)
        throw Failure(what + ": " + std::strerror(errno));
}

Fd &Fd::operator=(Fd &&other) noexcept {
    if (this != &other) {
        Close();
        fd_ = other.Release();
    }
    return *this;
}

int Fd::Release() { return std::exchange(fd_, -1); }

void Fd::Close() {
    if (fd_ >= 0)
        close(Release());
}

Scratch::Scratch() {
    mkdir("/tmp", 0777);  // a guest may not have it
    std::string path = "/tmp/sockwarden-traffic-XXXXXX";
    Check(mkdtemp(path.data()) != nullptr, "mkdtemp");
    chmod(path.c_str(), 0755);
    directory_ = path;
}

Scratch::~Scratch() {
    for (const std::string &file : files_)
        unlink(file.c_str());
    rmdir(directory_.c_str());
}

std::string Scratch::Path(const std::string &name) {
    if (name.empty())
        return directory_;
    return files_.emplace_back(directory_ + "/" + name);
}

Fd Open(int family, int type, int protocol) {
    Fd fd(socket(family, type, protocol));
    Check(fd.get() >= 0, "socket");
    return fd;
}

Pair UnixPair(int type) {
    int fds[2];
    Check(socketpair(AF_UNIX, type, 0, fds) == 0, "socketpair");
    return {Fd(fds[0]), Fd(fds[1])};
}

SocketAddress UnixPath(const std::string &path) {
    SocketAddress address;
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    path.copy(un.sun_path, sizeof(un.sun_path) - 1);
    std::memcpy(&address.storage, &un, sizeof(un));
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
}

SocketAddress UnixAbstract(const std::string &name) {
    SocketAddress address = UnixPath(" " + name);
    address.get()->sa_data[0] = '\0';
    address.size -= 1;  // an abstract name has no NUL at its end
    return address;
}

SocketAddress Loopback(int family) {
    SocketAddress address;
    if (family == AF_INET) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        std::memcpy(&address.storage, &in, address.size = sizeof(in));
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_addr = in6addr_loopback;
        std::memcpy(&address.storage, &in, address.size = sizeof(in));
    }
    return address;
}

SocketAddress NameOf(const Fd &socket) {
    SocketAddress address;
    Check(getsockname(socket.get(), address.get(), &address.size) == 0, "getsockname");
    return address;
}

void Bind(const Fd &socket, SocketAddress address) {
    Check(bind(socket.get(), address.get(), address.size) == 0, "bind");
}

void Connect(const Fd &socket, SocketAddress address) {
    Check(connect(socket.get(), address.get(), address.size) == 0, "connect");
}

Pair StreamPair(int family, int type, SocketAddress address, int protocol) {
    const Fd listener = Open(family, type, protocol);
    Bind(listener, address);
    Check(listen(listener.get(), 1) == 0, "listen");
    Fd far = Open(family, type, protocol);
    Connect(far, NameOf(listener));
    Fd near(accept(listener.get(), nullptr, nullptr));
    Check(near.get() >= 0, "accept");
    return {std::move(near), std::move(far)};
}

Pair TcpPair(int family) {
    if (family == AF_INET6)
        NeedIpv6();
    Pair pair = StreamPair(family, SOCK_STREAM, Loopback(family));
    Option(pair.far, IPPROTO_TCP, TCP_NODELAY);
    return pair;
}

Pair UdpPair(int family) {
    if (family == AF_INET6)
        NeedIpv6();
    Pair pair{Open(family, SOCK_DGRAM), Open(family, SOCK_DGRAM)};
    Bind(pair.near, Loopback(family));
    Bind(pair.far, Loopback(family));
    Connect(pair.near, NameOf(pair.far));
    Connect(pair.far, NameOf(pair.near));
    return pair;
}

void NeedIpv6() {
    const Fd probe(socket(AF_INET6, SOCK_DGRAM, 0));
    SocketAddress address = Loopback(AF_INET6);
    if (probe.get() < 0 || bind(probe.get(), address.get(), address.size) != 0) {
        throw Skip("no IPv6 loopback");
    }
}

void Option(const Fd &socket, int level, int name, int value) {
    Check(setsockopt(socket.get(), level, name, &value, sizeof(value)) == 0, "setsockopt");
}

void Send(const Fd &socket, std::string_view bytes, int flags) {
    const ssize_t sent = send(socket.get(), bytes.data(), bytes.size(), flags | MSG_NOSIGNAL);
    Check(sent == static_cast<ssize_t>(bytes.size()), "send");
}

void SendTo(const Fd &socket, std::string_view bytes, SocketAddress address) {
    const ssize_t sent = sendto(socket.get(), bytes.data(), bytes.size(), 0, address.get(), address.size);
    Check(sent == static_cast<ssize_t>(bytes.size()), "sendto");
}

void SendDescriptors(const Fd &socket, std::string_view bytes, const std::vector<int> &fds) {
    const size_t size = fds.size() * sizeof(int);
    std::vector<char> room(CMSG_SPACE(size));
    iovec iov{const_cast<char *>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &iov;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), fds.data(), size);
    Check(sendmsg(socket.get(), &message, 0) == static_cast<ssize_t>(bytes.size()), "sendmsg");
}

std::string Pattern(size_t size) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>('!' + (i + i / 93 * 7) % 93);
    return bytes;
}

void Await(int fd, short events) {
    pollfd one{fd, events, 0};
    Check(poll(&one, 1, 5000) == 1, "poll: nothing came within 5 s");
}

void AwaitQueued(const Fd &socket, size_t bytes) {
    for (int tries = 0; tries < 5000; ++tries) {
        int queued = 0;
        ioctl(socket.get(), FIONREAD, &queued);
        if (static_cast<size_t>(queued) >= bytes)
            return;
        poll(nullptr, 0, 1);
    }
    throw Failure("the bytes were not queued within 5 s");
}

void CloseAll(const std::vector<int> &fds) {
    for (const int fd : fds)
        close(fd);
}

}  // namespace traffic
