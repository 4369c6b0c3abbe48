// SPDX-License-Identifier: Apache-2.0
// The traffic of `sockwarden demo`; see demo_traffic.h.
#include "cli/demo_traffic.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <sstream>

#include "base/fd.h"
#include "base/text.h"
#include "decode/address.h"
#include "decode/control.h"

namespace sockwarden {
namespace {

struct Pair {
    Fd sender, receiver;
};

Pair make_pair_of(int type) {
    std::array<int, 2> fds{-1, -1};
    ::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds.data());
    return {Fd(fds[0]), Fd(fds[1])};
}

// Receives one message and tells what came.
void receive(int out, int socket, const char *label) {
    std::array<char, 8192> buffer{};
    alignas(cmsghdr) std::array<char, 256> control{};
    sockaddr_storage name{};
    iovec part{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_name = &name;
    header.msg_namelen = sizeof(name);
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    int fds = 0;
    bool credentials = false;
    const auto *control_bytes = reinterpret_cast<const std::byte *>(control.data());
    for (const ControlMessage &message : split_control(Bytes(control_bytes, header.msg_controllen))) {
        if (message.level == SOL_SOCKET && message.type == SCM_RIGHTS) {
            for (const int fd : rights_of(message)) {
                ++fds;
                ::close(fd);
            }
        }
        credentials = credentials || (message.level == SOL_SOCKET && message.type == SCM_CREDENTIALS);
    }
    std::string payload;
    append_hex(payload, Bytes(reinterpret_cast<const std::byte *>(buffer.data()),
                              static_cast<std::size_t>(std::max<ssize_t>(got, 0))));
    const std::string source =
        header.msg_namelen == 0
            ? ""
            : address_text(decode_address(Bytes(reinterpret_cast<const std::byte *>(&name), header.msg_namelen), 0));
    const std::string line = fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", label, got, payload, source, fds, credentials);
    [[maybe_unused]] const ssize_t told = ::write(out, line.data(), line.size());
}

void unix_datagram(int out) {
    const Pair pair = make_pair_of(SOCK_DGRAM);
    constexpr std::string_view kText = "a datagram";
    ::send(pair.sender.get(), kText.data(), kText.size(), 0);
    receive(out, pair.receiver.get(), "UNIX datagram");
}

void unix_stream_with_fd(int out) {
    const Pair pair = make_pair_of(SOCK_STREAM);
    const int on = 1;
    ::setsockopt(pair.receiver.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    const Fd file(::open("/etc/hostname", O_RDONLY | O_CLOEXEC));
    const Fd other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int passed = file ? file.get() : other.get();
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    std::string text = "a stream with a descriptor and credentials";
    iovec part{text.data(), text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &passed, sizeof(int));
    ::sendmsg(pair.sender.get(), &header, 0);
    receive(out, pair.receiver.get(), "UNIX stream");
}

sockaddr_in bind_loopback(int socket) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(socket, reinterpret_cast<const sockaddr *>(&address), size) != 0) {
        return address;  // the messages then do not come, and the comparison says so
    }
    ::getsockname(socket, reinterpret_cast<sockaddr *>(&address), &size);
    return address;
}

void udp(int out) {
    const Fd receiver(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const Fd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_in to = bind_loopback(receiver.get());
    constexpr std::string_view kText = "UDP over loopback";
    ::sendto(sender.get(), kText.data(), kText.size(), 0, reinterpret_cast<const sockaddr *>(&to), sizeof(to));
    receive(out, receiver.get(), "UDP");
}

void tcp(int out) {
    const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in to = bind_loopback(listener.get());
    ::listen(listener.get(), 1);
    const Fd sender(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(sender.get(), reinterpret_cast<const sockaddr *>(&to), sizeof(to)) != 0) {
        return;  // the comparison misses the message
    }
    const Fd receiver(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    constexpr std::string_view kText = "TCP over loopback";
    ::send(sender.get(), kText.data(), kText.size(), 0);
    receive(out, receiver.get(), "TCP");
}

void netlink(int out) {
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    struct {
        nlmsghdr header;
        ifinfomsg link;
    } request{};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.link.ifi_index = 1;
    ::send(socket.get(), &request, sizeof(request), 0);
    receive(out, socket.get(), "netlink");
}

}  // namespace

int run_demo_traffic(int fd) {
    unix_datagram(fd);
    unix_stream_with_fd(fd);
    udp(fd);
    tcp(fd);
    netlink(fd);
    return 0;
}

std::vector<DemoTruth> read_demo_truth(const std::string &text) {
    std::vector<DemoTruth> truths;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::vector<std::string> cells;
        std::istringstream cell_stream(line);
        for (std::string cell; std::getline(cell_stream, cell, '\t');) {
            cells.push_back(cell);
        }
        if (cells.size() == 6) {
            truths.push_back(
                {cells[0], std::stoll(cells[1]), cells[2], cells[3], std::stoi(cells[4]), cells[5] == "true"});
        }
    }
    return truths;
}

}  // namespace sockwarden
