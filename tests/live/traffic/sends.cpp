// SPDX-License-Identifier: Apache-2.0
// Every way to send over every kind of socket, with destinations, descriptors, batches and failures. Traced with
// --events send.
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "kinds.h"
#include "sending.h"

namespace traffic {
namespace {

struct Way {
    const char *name;
    SendBy by;
};

constexpr Way kWays[] = {
    {"sendmsg", SendBy::sendmsg},
    {"sendmmsg", SendBy::sendmmsg},
    {"sendto", SendBy::sendto},
    {"send", SendBy::send},
    {"write", SendBy::write},
    {"writev", SendBy::writev},
    {"sendfile", SendBy::sendfile},
    {"splice", SendBy::splice},
    {"uring-send", SendBy::uring_send},
    {"uring-sendmsg", SendBy::uring_sendmsg},
    {"uring-write", SendBy::uring_write},
};

// Empties the receiving end: what is sent next has room.
void Drain(const Fd &socket) {
    std::array<char, 65536> buffer;
    while (recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
    }
}

bool HasVector(SendBy by) {
    return by == SendBy::sendmsg || by == SendBy::sendmmsg || by == SendBy::writev || by == SendBy::uring_sendmsg;
}
bool IsTransfer(SendBy by) { return by == SendBy::sendfile || by == SendBy::splice; }

void Cell(Context &context, const Way &way, const Kind &kind) {
    const Pair pair = kind.connected();
    const auto drain = [&] { Drain(pair.near); };
    Sending(context, pair.far, "a small message").By(way.by).Sends();
    drain();
    Sending(context, pair.far, Pattern(IsTransfer(way.by) ? 9000 : 20000)).By(way.by).Sends();
    drain();
    if (HasVector(way.by)) {
        Sending(context, pair.far, "abcdefghijkl").By(way.by).Parts({3, 1, 8}).Sends();
        Sending(context, pair.far, Pattern(6000)).By(way.by).Parts({100, 5000, 900}).Sends();
        drain();
    }
    // A writev of nothing does not reach the socket.
    if (kind.type != SOCK_STREAM && !IsTransfer(way.by) && way.by != SendBy::writev) {
        Sending(context, pair.far, "").By(way.by).Sends();
        drain();
    }
}

constexpr size_t kCells = std::size(kWays) * std::size(kKinds);

template <size_t N>
void CellOf(Context &context) {
    const Kind &kind = kKinds[N % std::size(kKinds)];
    if (kind.family == AF_INET6)
        NeedIpv6();
    Cell(context, kWays[N / std::size(kKinds)], kind);
}

// Destinations in the call.
void NamedOver(Context &context, int family) {
    Scratch scratch;
    const Fd first = Open(family, SOCK_DGRAM), second = Open(family, SOCK_DGRAM), from = Open(family, SOCK_DGRAM);
    const bool local = family == AF_UNIX;
    Bind(first, local ? UnixPath(scratch.Path("first")) : Loopback(family));
    Bind(second, local ? UnixAbstract("sockwarden-traffic-" + std::to_string(getpid())) : Loopback(family));
    if (!local)
        Bind(from, Loopback(family));
    Sending(context, from, "by sendto").By(SendBy::sendto).To(NameOf(first)).Sends();
    Sending(context, from, "by sendmsg").To(NameOf(second)).Sends();
    SendBatch batch(context, from);
    batch.Next("one to the first").To(NameOf(first));
    batch.Next("two to the first").To(NameOf(first));
    batch.Next("one to the second").To(NameOf(second));
    batch.Next("three to the first").To(NameOf(first));
    batch.Sends(0, 4);
    SendBatch again(context, from);
    again.Next("counted from the beginning").To(NameOf(first));
    again.Sends(0, 1);
}

void NamedUnix(Context &context) { NamedOver(context, AF_UNIX); }
void NamedUdp4(Context &context) { NamedOver(context, AF_INET); }
void NamedUdp6(Context &context) {
    NeedIpv6();
    NamedOver(context, AF_INET6);
}

// A batch whose second message cannot be sent.
void BatchCut(Context &context) {
    const Pair pair = UdpPair(AF_INET);
    SendBatch batch(context, pair.far);
    batch.Next("fits");
    batch.Next(Pattern(70000));
    batch.Next("never tried");
    batch.Sends(0, 1);
    Sending(context, pair.far, Pattern(70000)).By(SendBy::sendmmsg).Fails(EMSGSIZE);
}

void Descriptors(Context &context) {
    const Fd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    for (const SendBy by : {SendBy::sendmsg, SendBy::sendmmsg, SendBy::uring_sendmsg}) {
        for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
            const Pair pair = UnixPair(type);
            Sending(context, pair.far, "with three")
                .By(by)
                .Credentials()
                .Descriptors({file.get(), pair.near.get(), STDERR_FILENO})
                .Sends();
        }
    }
    const Pair pair = UnixPair(SOCK_DGRAM);
    Sending(context, pair.far, "with 253").Descriptors(std::vector<int>(253, file.get())).Sends();
    SendBatch batch(context, pair.far);
    batch.Next("the first carries one").Descriptors({file.get()});
    batch.Next("the second none");
    batch.Next("the third two").Descriptors({pair.near.get(), file.get()});
    batch.Sends(0, 3);
}

// Two control messages of descriptors make one list.
void DescriptorsTwice(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Sending(context, pair.far, "one and two")
        .Descriptors({STDERR_FILENO})
        .Descriptors({pair.near.get(), STDERR_FILENO})
        .Sends();
}

void NoSocket(Context &context) {
    const Fd file(open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const SendBy by : {SendBy::sendmsg, SendBy::sendmmsg, SendBy::sendto, SendBy::send}) {
        Sending(context, 9999, "nowhere").By(by).BeforeSocket().Fails(EBADF);
        Sending(context, file, "to a file").By(by).BeforeSocket().Fails(ENOTSOCK);
    }
}

// Failures of the socket layer.
void Failures(Context &context) {
    signal(SIGPIPE, SIG_IGN);
    for (const SendBy by : {SendBy::sendmsg, SendBy::sendto, SendBy::write, SendBy::writev}) {
        Pair pair = UnixPair(SOCK_STREAM);
        pair.near.Close();
        const int flags = by == SendBy::sendmsg || by == SendBy::sendto ? MSG_NOSIGNAL : 0;
        Sending(context, pair.far, "to nobody").By(by).Flags(flags).Fails(EPIPE);
    }
    const Pair udp = UdpPair(AF_INET);
    Sending(context, udp.far, Pattern(70000)).Fails(EMSGSIZE);
    Sending(context, udp.far, Pattern(70000)).By(SendBy::write).Fails(EMSGSIZE);
}

// Writes to other files between those to a socket: they are no events.
void OtherFiles(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    const Fd file(open("/dev/null", O_WRONLY | O_CLOEXEC));
    int ends[2];
    Check(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    const Fd out(ends[0]), in(ends[1]);
    for (int round = 0; round < 3; ++round) {
        Check(write(file.get(), "x", 1) == 1 && write(in.get(), "y", 1) == 1, "write");
        Check(splice(out.get(), nullptr, file.get(), nullptr, 1, 0) == 1, "splice");
        Sending(context, pair.far, "to the socket").By(SendBy::write).Sends();
    }
}

// A stream takes what it has room for.
void Partial(Context &context) {
    for (const SendBy by : {SendBy::sendmsg, SendBy::send, SendBy::write, SendBy::writev}) {
        const Pair pair = UnixPair(SOCK_STREAM);
        Check(fcntl(pair.far.get(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
        const size_t taken = Sending(context, pair.far, Pattern(4000000)).By(by).SendsSome();
        Check(taken < 4000000, "everything was taken");
        Sending(context, pair.far, Pattern(100000)).By(by).Fails(EAGAIN);
    }
}

void BadPointer(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    for (const SendBy by : {SendBy::sendmsg, SendBy::send})
        Sending(context, pair.far, "unreadable").By(by).At(reinterpret_cast<void *>(16)).Fails(EFAULT);
}

void UringAsync(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Sending(context, pair.far, "by a worker").By(SendBy::uring_send).Async().Sends();
    Sending(context, pair.far, "by another").By(SendBy::uring_sendmsg).Async().Sends();
    Sending(context, pair.far, "written by one").By(SendBy::uring_write).Async().Sends();
}

void UringZeroCopy(Context &context) {
    const Pair pair = TcpPair(AF_INET);
    Sending(context, pair.far, "in its place").By(SendBy::uring_send).ZeroCopy().Sends();
    Sending(context, pair.far, "with a header").By(SendBy::uring_sendmsg).ZeroCopy().Sends();
}

constexpr Scenario kOthers[] = {
    {"sent-named-unix", NamedUnix, ""},
    {"sent-named-udp4", NamedUdp4, ""},
    {"sent-named-udp6", NamedUdp6, "IPv6"},
    {"sent-batch-cut", BatchCut, ""},
    {"sent-fds", Descriptors, ""},
    {"sent-fds-twice", DescriptorsTwice, ""},
    {"sent-no-socket", NoSocket, ""},
    {"sent-failures", Failures, ""},
    {"sent-other-files", OtherFiles, ""},
    {"sent-partial", Partial, ""},
    {"sent-bad-pointer", BadPointer, ""},
    {"sent-uring-async", UringAsync, "io_uring"},
    {"sent-uring-zero-copy", UringZeroCopy, "io_uring"},
};

template <size_t... Cells>
std::vector<Scenario> Build(std::index_sequence<Cells...> /*cells*/) {
    static std::vector<std::string> names;  // scenarios hold views of them
    names.reserve(kCells);
    std::vector<Scenario> all;
    const auto add = [&](std::string name, Run run) {
        names.push_back(std::move(name));
        all.push_back({names.back(), run, ""});
    };
    (add(std::string("sent-by-") + kWays[Cells / std::size(kKinds)].name + "-" + kKinds[Cells % std::size(kKinds)].name,
         CellOf<Cells>),
     ...);
    all.insert(all.end(), std::begin(kOthers), std::end(kOthers));
    return all;
}

}  // namespace

std::span<const Scenario> SendScenarios() {
    static const std::vector<Scenario> scenarios = Build(std::make_index_sequence<kCells>());
    return scenarios;
}

}  // namespace traffic
