// SPDX-License-Identifier: Apache-2.0
// Scenarios across two network namespaces of this machine that a pair of virtual cables joins, as containers are.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "receive.h"
#include "tasks.h"

namespace traffic {
namespace {

constexpr const char *kCable = "sockwarden";

// A network namespace that only this program knows.
class Network {
public:
    Network() : home_(Present()) {
        if (unshare(CLONE_NEWNET) != 0)
            throw Skip("no right to make a network namespace");
        fd_ = Present();
        Enter(home_);
    }

    // What `work` makes belongs to this namespace.
    template <typename Work>
    auto Inside(Work work) const {
        struct Return {
            const Fd &home;
            ~Return() { setns(home.get(), CLONE_NEWNET); }
        } const back{home_};
        Enter(fd_);
        return work();
    }

    int get() const { return fd_.get(); }

    std::string Inode() const {
        struct stat state {};
        Check(fstat(fd_.get(), &state) == 0, "fstat");
        return std::to_string(state.st_ino);
    }

private:
    static Fd Present() { return Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }
    static void Enter(const Fd &fd) { Check(setns(fd.get(), CLONE_NEWNET) == 0, "setns"); }

    Fd home_, fd_;
};

// One request to rtnetlink, built front to back (rtnetlink(7)).
class Request {
public:
    template <typename Body>
    Request(int type, int flags, const Body &body) {
        nlmsghdr header{};
        header.nlmsg_type = static_cast<unsigned short>(type);
        header.nlmsg_flags = static_cast<unsigned short>(NLM_F_REQUEST | NLM_F_ACK | flags);
        Append(&header, sizeof(header));
        Append(&body, sizeof(body));
    }

    void Attribute(int type, const void *data, size_t size) {
        const size_t at = Open(type);
        Append(data, size);
        Close(at);
    }
    void Attribute(int type, const char *text) { Attribute(type, text, std::strlen(text) + 1); }

    size_t Open(int type) {
        const rtattr head{0, static_cast<unsigned short>(type)};
        const size_t at = bytes_.size();
        Append(&head, sizeof(head));
        return at;
    }
    void Close(size_t at) {
        reinterpret_cast<rtattr *>(&bytes_[at])->rta_len = static_cast<unsigned short>(bytes_.size() - at);
    }

    void Append(const void *data, size_t size) {
        bytes_.append(static_cast<const char *>(data), size);
        bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    }

    // 0 or the kernel's error. Its answer is received as any message of a scenario.
    int Make(Context &context) {
        reinterpret_cast<nlmsghdr *>(bytes_.data())->nlmsg_len = static_cast<unsigned>(bytes_.size());
        const Fd kernel = traffic::Open(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        Send(kernel, bytes_);
        const Outcome outcome = Receive(context, kernel).Buffers({4096}).Unknown("/senders").Succeeds();
        nlmsgerr error{};
        if (outcome.bytes.size() < sizeof(nlmsghdr) + sizeof(error))
            throw Failure("rtnetlink did not answer");
        std::memcpy(&error, outcome.bytes.data() + sizeof(nlmsghdr), sizeof(error));
        return -error.error;
    }

private:
    std::string bytes_;
};

void Join(Context &context, const Network &near, const Network &far) {
    const int error = near.Inside([&] {
        Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
        request.Attribute(IFLA_IFNAME, kCable);
        const size_t kind = request.Open(IFLA_LINKINFO);
        request.Attribute(IFLA_INFO_KIND, "veth");
        const size_t data = request.Open(IFLA_INFO_DATA);
        const size_t peer = request.Open(VETH_INFO_PEER);
        const ifinfomsg link{};
        request.Append(&link, sizeof(link));
        request.Attribute(IFLA_IFNAME, kCable);
        const int fd = far.get();
        request.Attribute(IFLA_NET_NS_FD, &fd, sizeof(fd));
        request.Close(peer);
        request.Close(data);
        request.Close(kind);
        return request.Make(context);
    });
    if (error == EOPNOTSUPP)
        throw Skip("no virtual cables (veth)");
    errno = error;
    Check(error == 0, "a virtual cable");
}

// Addresses for documentation (RFC 5737, RFC 3849); `host` is their last digit.
std::string AddressOf(int family, int host) {
    return (family == AF_INET ? "192.0.2." : "2001:db8::") + std::to_string(host);
}

void GiveAddress(Context &context, int index, int family, const std::string &text, unsigned char bits) {
    std::array<unsigned char, 16> address{};
    Check(inet_pton(family, text.c_str(), address.data()) == 1, text);
    ifaddrmsg body{};
    body.ifa_family = static_cast<unsigned char>(family);
    body.ifa_prefixlen = bits;
    body.ifa_flags = IFA_F_NODAD;  // usable at once
    body.ifa_index = static_cast<unsigned>(index);
    Request request(RTM_NEWADDR, NLM_F_CREATE, body);
    request.Attribute(IFA_LOCAL, address.data(), family == AF_INET ? 4 : 16);
    errno = request.Make(context);
    Check(errno == 0, "address " + text);
}

SocketAddress Place(int family, int host) {
    SocketAddress place;
    place.storage.ss_family = static_cast<sa_family_t>(family);
    const std::string text = AddressOf(family, host);
    void *at = family == AF_INET ? static_cast<void *>(&reinterpret_cast<sockaddr_in &>(place.storage).sin_addr)
                                 : &reinterpret_cast<sockaddr_in6 &>(place.storage).sin6_addr;
    Check(inet_pton(family, text.c_str(), at) == 1, text);
    place.size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    return place;
}

void SetUp(Context &context, const Network &network, int family, int host) {
    network.Inside([&] {
        const int index = static_cast<int>(if_nametoindex(kCable));
        ifinfomsg up{};
        up.ifi_index = index;
        up.ifi_flags = up.ifi_change = IFF_UP;
        errno = Request(RTM_NEWLINK, 0, up).Make(context);
        Check(errno == 0, "the cable's state");
        GiveAddress(context, index, family, AddressOf(family, host), family == AF_INET ? 24 : 64);
    });
}

// The near end is in the namespace of `near`.
Pair Across(const Network &near, const Network &far, int family, int type) {
    Fd listener = near.Inside([&] { return Open(family, type); });
    Bind(listener, Place(family, 1));
    Fd other = far.Inside([&] { return Open(family, type); });
    if (type == SOCK_DGRAM) {
        Bind(other, Place(family, 2));
        Connect(other, NameOf(listener));
        Connect(listener, NameOf(other));
        return {std::move(listener), std::move(other)};
    }
    Check(listen(listener.get(), 1) == 0, "listen");
    Connect(other, NameOf(listener));
    Fd taken(accept(listener.get(), nullptr, nullptr));
    Check(taken.get() >= 0, "accept");
    return {std::move(taken), std::move(other)};
}

void Over(Context &context, int family, int type) {
    if (family == AF_INET6)
        NeedIpv6();
    const Network near, far;
    Join(context, near, far);
    SetUp(context, near, family, 1);
    SetUp(context, far, family, 2);
    const Pair pair = Across(near, far, family, type);
    const Json at = {{"socket", {{"netns", near.Inode()}}}};
    for (const std::string &bytes : {std::string("from elsewhere"), Pattern(1000)}) {
        const pid_t child = StartChild([&] { Send(pair.far, bytes); });
        AwaitChild(child);
        Await(pair.near.get(), POLLIN);
        if (type == SOCK_STREAM)
            AwaitQueued(pair.near, bytes.size());
        Receive(context, pair.near).Buffers({2000}).Writer(child).Also(at).Gets(bytes);
    }
}

void Tcp4(Context &context) { Over(context, AF_INET, SOCK_STREAM); }
void Tcp6(Context &context) { Over(context, AF_INET6, SOCK_STREAM); }
void Udp4(Context &context) { Over(context, AF_INET, SOCK_DGRAM); }
void Udp6(Context &context) { Over(context, AF_INET6, SOCK_DGRAM); }

constexpr Scenario kScenarios[] = {
    {"across-tcp4", Tcp4, "CAP_SYS_ADMIN, veth"},
    {"across-tcp6", Tcp6, "CAP_SYS_ADMIN, veth, IPv6"},
    {"across-udp4", Udp4, "CAP_SYS_ADMIN, veth"},
    {"across-udp6", Udp6, "CAP_SYS_ADMIN, veth, IPv6"},
};

}  // namespace

std::span<const Scenario> NamespaceScenarios() { return kScenarios; }

}  // namespace traffic
