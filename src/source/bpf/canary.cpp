// SPDX-License-Identifier: Apache-2.0
// Canaries; see canary.h.
#include "source/bpf/canary.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "source/bpf/agent.h"

namespace sockwarden {
namespace {

struct Pair {
    Fd near, far;
};

Pair make_pair(int type) {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return {};
    }
    return {Fd(ends[0]), Fd(ends[1])};
}

bool was_refused(ssize_t result) { return result < 0 && errno == kCanaryError; }

// Where nobody listens (tcpmux).
sockaddr_in nobody() {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons(1);
    return name;
}

bool connect_refused() {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in name = nobody();
    return was_refused(::connect(socket.get(), reinterpret_cast<const sockaddr *>(&name), sizeof(name)));
}

bool connect_send_refused() {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in name = nobody();
    return was_refused(::sendto(socket.get(), "", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr *>(&name), sizeof(name)));
}

// A UNIX socket to talk to, under a name that the kernel chose.
struct Named {
    Fd socket;
    sockaddr_un name{};
    socklen_t size = sizeof(name);

    explicit Named(int type) : socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        const sockaddr unnamed{AF_UNIX, {}};
        const bool is_bound = ::bind(socket.get(), &unnamed, sizeof(unnamed.sa_family)) == 0 &&
                              (type != SOCK_STREAM || ::listen(socket.get(), 1) == 0) &&
                              ::getsockname(socket.get(), address(), &size) == 0;
        size = is_bound ? size : 0;
    }
    sockaddr *address() { return reinterpret_cast<sockaddr *>(&name); }
};

bool connect_unix_refused(int type) {
    Named there(type);
    const Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return was_refused(::connect(socket.get(), there.address(), there.size));
}

bool send_to_refused() {
    Named there(SOCK_DGRAM);
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return was_refused(::sendto(socket.get(), "", 1, MSG_NOSIGNAL, there.address(), there.size));
}

bool send_refused() { return was_refused(::send(make_pair(SOCK_DGRAM).near.get(), "", 1, MSG_NOSIGNAL)); }

bool receive_refused() {
    char byte = 0;
    const Pair pair = make_pair(SOCK_DGRAM);
    return was_refused(::recv(pair.near.get(), &byte, 1, 0));
}

// The sender is told that all is well, or of the refusal; the message is not there.
bool queueing_refused() {
    const Pair pair = make_pair(SOCK_DGRAM);
    char byte = 0;
    const ssize_t sent = ::send(pair.near.get(), "", 1, MSG_NOSIGNAL);
    return (sent == 1 || was_refused(sent)) && ::recv(pair.far.get(), &byte, 1, 0) < 0 && errno == EAGAIN;
}

bool splice_refused() {
    const Pair pair = make_pair(SOCK_STREAM);
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return false;
    }
    const Fd out(ends[0]), in(ends[1]);
    return was_refused(::splice(pair.near.get(), nullptr, in.get(), nullptr, 1, SPLICE_F_NONBLOCK));
}

bool zerocopy_refused() {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    tcp_zerocopy_receive wanted{};
    socklen_t size = sizeof(wanted);
    return was_refused(::getsockopt(socket.get(), IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &wanted, &size));
}

// The message arrives, its descriptor does not.
bool descriptor_refused() {
    const Pair pair = make_pair(SOCK_DGRAM);
    const int passed = pair.near.get();
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(passed))] = {};
    char byte = 0;
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(passed));
    std::memcpy(CMSG_DATA(rights), &passed, sizeof(passed));
    if (::sendmsg(pair.near.get(), &message, MSG_NOSIGNAL) != 1) {
        return false;
    }
    message.msg_controllen = sizeof(control);
    if (::recvmsg(pair.far.get(), &message, MSG_CMSG_CLOEXEC) != 1) {
        return false;
    }
    const cmsghdr *got = CMSG_FIRSTHDR(&message);
    if (got != nullptr && got->cmsg_len == CMSG_LEN(sizeof(int))) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(got), sizeof(number));
        const Fd arrived(number);
        return false;
    }
    return (message.msg_flags & MSG_CTRUNC) != 0;
}

// ---- In a cgroup.

sockaddr_in6 nobody6() {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_addr = in6addr_loopback;
    name.sin6_port = htons(1);
    return name;
}

// A datagram socket of the cgroup; empty where this machine has none of the family.
Fd datagram_in(const Cgroup &cgroup, int family) {
    return cgroup.socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
}

using Ask = int (*)(int socket, const sockaddr *name, socklen_t size);

int ask_to_connect(int socket, const sockaddr *name, socklen_t size) { return ::connect(socket, name, size); }
int ask_to_send(int socket, const sockaddr *name, socklen_t size) {
    return static_cast<int>(::sendto(socket, "", 1, MSG_NOSIGNAL, name, size));
}

template <typename Address>
std::optional<bool> refused_by_name(const Cgroup &cgroup, int family, Ask ask, const Address &name, socklen_t size) {
    const Fd socket = datagram_in(cgroup, family);
    if (!socket) {
        return errno == EAFNOSUPPORT ? std::nullopt : std::optional(false);
    }
    return was_refused(ask(socket.get(), reinterpret_cast<const sockaddr *>(&name), size));
}

template <Ask ask>
std::optional<bool> refused4(const Cgroup &cgroup) {
    return refused_by_name(cgroup, AF_INET, ask, nobody(), sizeof(sockaddr_in));
}

template <Ask ask>
std::optional<bool> refused6(const Cgroup &cgroup) {
    return refused_by_name(cgroup, AF_INET6, ask, nobody6(), sizeof(sockaddr_in6));
}

template <Ask ask>
std::optional<bool> refused_unix(const Cgroup &cgroup) {
    const Named there(SOCK_DGRAM);
    return refused_by_name(cgroup, AF_UNIX, ask, there.name, there.size);
}

// A packet that is not refused arrives, by the processor that sends it or soon.
std::optional<bool> packet_refused(const Venue &venue) {
    constexpr int kSoonMs = 100;
    const Fd there = datagram_in(*venue.inside, AF_INET), here(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in name = nobody();
    name.sin_port = 0;
    socklen_t size = sizeof(name);
    auto *address = reinterpret_cast<sockaddr *>(&name);
    struct stat about {};
    if (::bind(there.get(), address, size) != 0 || ::getsockname(there.get(), address, &size) != 0 ||
        ::fstat(there.get(), &about) != 0) {
        return false;
    }
    const auto show = [&](std::uint64_t inode) {
        for (volatile wire::shared_state *guard : {venue.guard, venue.other}) {
            if (guard != nullptr) {
                guard->canary_socket = inode;
            }
        }
    };
    show(about.st_ino);
    const bool was_sent = ::sendto(here.get(), "", 1, MSG_NOSIGNAL, address, size) == 1;
    pollfd arrival{there.get(), POLLIN, 0};
    const bool is_there = ::poll(&arrival, 1, kSoonMs) != 0;
    show(0);
    return was_sent && !is_there;
}

}  // namespace

namespace {

// Receives the one message that waits.
void receive_by(EventId event, int socket) {
    char byte = 0;
    iovec part{&byte, 1};
    mmsghdr messages{};
    messages.msg_hdr.msg_iov = &part;
    messages.msg_hdr.msg_iovlen = 1;
    [[maybe_unused]] ssize_t got = 0;
    switch (event) {
        case EventId::recvmsg:
            got = ::recvmsg(socket, &messages.msg_hdr, 0);
            break;
        case EventId::recvmmsg:
            got = ::recvmmsg(socket, &messages, 1, 0, nullptr);
            break;
        case EventId::recvfrom:
            got = ::recv(socket, &byte, 1, 0);
            break;
        case EventId::readv:
            got = ::readv(socket, &part, 1);
            break;
        default:
            got = ::read(socket, &byte, 1);
            break;
    }
}

bool ends_by_kill(EventId event, volatile wire::shared_state &shared, const std::function<Status(std::uint32_t)> &mark,
                  bool is_doomed) {
    const Pair pair = make_pair(SOCK_DGRAM);
    if (!pair.near || ::send(pair.near.get(), "", 1, 0) != 1) {
        return false;
    }
    int gate[2] = {-1, -1};
    if (::pipe2(gate, O_CLOEXEC) != 0) {
        return false;
    }
    const Fd wait(gate[0]);
    Fd open(gate[1]);
    const pid_t child = ::fork();
    if (child < 0) {
        return false;
    }
    if (child == 0) {
        char byte = 0;
        open.reset();
        if (::read(wait.get(), &byte, 1) == 1) {
            receive_by(event, pair.far.get());
        }
        ::_exit(0);
    }
    const Status marked = mark(static_cast<std::uint32_t>(child));
    const Result<std::uint64_t> start = start_of(std::to_string(child));
    shared.agent_start = start ? *start : 0;
    shared.canary = is_doomed ? static_cast<std::uint32_t>(child) : 0;
    [[maybe_unused]] const ssize_t told = ::write(open.get(), "", marked && start ? 1 : 0);
    open.reset();
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
    shared.canary = 0;  // while the number is still the child's
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

}  // namespace

std::optional<bool> is_refused(const GuardRow &hook, const Venue &venue) {
    struct CgroupWay {
        std::string_view id;
        std::optional<bool> (*is_refused)(const Cgroup &);
    };
    constexpr CgroupWay kCgroupWays[] = {
        {"cg_connect4", refused4<ask_to_connect>},
        {"cg_connect6", refused6<ask_to_connect>},
        {"cg_connect_unix", refused_unix<ask_to_connect>},
        {"cg_send4", refused4<ask_to_send>},
        {"cg_send6", refused6<ask_to_send>},
        {"cg_send_unix", refused_unix<ask_to_send>},
    };
    if (venue.inside != nullptr) {
        const auto *way = std::ranges::find(kCgroupWays, hook.id, &CgroupWay::id);
        return way != std::end(kCgroupWays) ? way->is_refused(*venue.inside) : packet_refused(venue);
    }
    struct Way {
        std::string_view id;
        bool (*is_refused)();
    };
    constexpr Way kWays[] = {
        {"gd_connect", connect_refused},
        {"gd_connect_stream", [] { return connect_unix_refused(SOCK_STREAM); }},
        {"gd_connect_peer", [] { return connect_unix_refused(SOCK_DGRAM); }},
        {"gd_connect_send", connect_send_refused},
        {"gd_send", send_refused},
        {"gd_send_peer", send_to_refused},
        {"gd_give", send_refused},
        {"gd_give_queued", queueing_refused},
        {"gd_take", receive_refused},
        {"gd_queue", queueing_refused},
        {"gd_receive", receive_refused},
        {"gd_splice", splice_refused},
        {"gd_zerocopy", zerocopy_refused},
        {"gd_descriptor", descriptor_refused},
    };
    const auto *way = std::ranges::find(kWays, hook.id, &Way::id);
    return way != std::end(kWays) && way->is_refused();
}

bool dies_of(EventId event, volatile wire::shared_state &shared, const std::function<Status(std::uint32_t)> &mark) {
    return ends_by_kill(event, shared, mark, true) && !ends_by_kill(event, shared, mark, false);
}

}  // namespace sockwarden
