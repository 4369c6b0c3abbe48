// SPDX-License-Identifier: Apache-2.0
// The sockets, files and sends that scenarios are built from; nothing here receives.
#pragma once

#include <sys/socket.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace traffic {

// Owns one descriptor.
class Fd {
public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    Fd(Fd &&other) noexcept : fd_(other.Release()) {}
    Fd &operator=(Fd &&other) noexcept;
    Fd(const Fd &) = delete;
    Fd &operator=(const Fd &) = delete;
    ~Fd() { Close(); }

    int get() const { return fd_; }
    int Release();
    void Close();

private:
    int fd_;
};

struct Pair {
    Fd near;  // the one that scenarios receive on
    Fd far;   // the one they send from
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
    sockaddr *get() { return reinterpret_cast<sockaddr *>(&storage); }
};

// A directory that goes away with its files.
class Scratch {
public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;
    std::string Path(const std::string &name);

private:
    std::string directory_;
    std::vector<std::string> files_;
};

Fd Open(int family, int type, int protocol = 0);
Pair UnixPair(int type);
SocketAddress UnixPath(const std::string &path);
SocketAddress UnixAbstract(const std::string &name);
SocketAddress Loopback(int family);
SocketAddress NameOf(const Fd &socket);
void Bind(const Fd &socket, SocketAddress address);
void Connect(const Fd &socket, SocketAddress address);
// A listener at `address` gives the near end; a new socket connects to it.
Pair StreamPair(int family, int type, SocketAddress address, int protocol = 0);
Pair TcpPair(int family);
// Both bound to loopback, connected to each other.
Pair UdpPair(int family);

// In AF_INET6 scenarios: throws Skip where loopback has no ::1.
void NeedIpv6();

void Option(const Fd &socket, int level, int name, int value = 1);
void Send(const Fd &socket, std::string_view bytes, int flags = 0);
void SendTo(const Fd &socket, std::string_view bytes, SocketAddress address);
void SendDescriptors(const Fd &socket, std::string_view bytes, const std::vector<int> &fds);
// Bytes that differ at every place a copy could go wrong.
std::string Pattern(size_t size);
// Until poll reports one of `events` (POLLERR is always among them); Failure after 5 s.
void Await(int fd, short events);
// Until so many bytes wait in a stream; Failure after 5 s.
void AwaitQueued(const Fd &socket, size_t bytes);
void CloseAll(const std::vector<int> &fds);

}  // namespace traffic
