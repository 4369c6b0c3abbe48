// SPDX-License-Identifier: Apache-2.0
// Every way to receive over every kind of socket: the same messages by each, one scenario a cell, and batches of
// recvmmsg.
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "describe.h"
#include "kinds.h"
#include "receive.h"

namespace traffic {
namespace {

struct Way {
    const char *name;
    Operation operation;
};

constexpr Way kWays[] = {
    {"recvmsg", Operation::recvmsg},
    {"recvmmsg", Operation::recvmmsg},
    {"recvfrom", Operation::recvfrom},
    {"recv", Operation::recv},
    {"read", Operation::read},
    {"readv", Operation::readv},
    {"splice", Operation::splice},
    {"uring-recv", Operation::uring_recv},
    {"uring-recvmsg", Operation::uring_recvmsg},
    {"uring-read", Operation::uring_read},
};

bool IsUring(Operation operation) {
    return operation == Operation::uring_recv || operation == Operation::uring_recvmsg ||
           operation == Operation::uring_read;
}
bool HasVector(Operation operation) { return HasHeader(operation) || operation == Operation::readv; }
bool HasFlags(Operation operation) {
    return operation != Operation::read && operation != Operation::readv && operation != Operation::splice &&
           operation != Operation::uring_read;
}

void Cell(Context &context, const Way &way, const Kind &kind) {
    const Pair pair = kind.connected();
    Deliver(pair, "a small message");
    Receive(context, pair.near).By(way.operation).Gets("a small message");
    const std::string large = Pattern(kind.large);
    Deliver(pair, large);
    Receive(context, pair.near).By(way.operation).Buffers({32768}).Gets(large);
    Deliver(pair, "abcdefghijkl");
    if (kind.type == SOCK_STREAM) {
        Receive(context, pair.near).By(way.operation).Buffers({4}).Gets("abcd");
        Receive(context, pair.near).By(way.operation).Gets("efghijkl");
    } else {
        Receive(context, pair.near).By(way.operation).Buffers({4}).Gets("abcd");  // the rest is lost
        Deliver(pair, "");
        Receive(context, pair.near).By(way.operation).Gets("");
    }
    if (HasVector(way.operation)) {
        Deliver(pair, "abcdefghijkl");
        Receive(context, pair.near).By(way.operation).Buffers({3, 1, 60}).Gets("abcdefghijkl");
    }
    if (HasFlags(way.operation)) {
        Deliver(pair, "looked at");
        Receive(context, pair.near).By(way.operation).Flags(MSG_PEEK).Gets("looked at");
        Receive(context, pair.near).By(way.operation).Flags(MSG_DONTWAIT).Gets("looked at");
    }
    if (IsUring(way.operation) || (way.operation == Operation::splice && kind.connected == KernelTlsPair))
        return;  // these wait at a socket that does not block, too
    Check(fcntl(pair.near.get(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
    Receive(context, pair.near).By(way.operation).Fails(EAGAIN);
}

// Descriptors that no control buffer receives are lost.
void LostDescriptors(Context &context, const Way &way) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const Pair pair = UnixPair(type);
        SendDescriptors(pair.far, "two fds", {pair.near.get(), pair.far.get()});
        Receive(context, pair.near).By(way.operation).Sent(2).Gets("two fds");
    }
}

template <size_t N>
void LostBy(Context &context) {
    LostDescriptors(context, kWays[N]);
}

// Calls that fail before they have a socket. A read that does is no operation on a socket.
void NoSocket(Context &context) {
    const Fd file(open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const Operation operation : {Operation::recvfrom, Operation::recv, Operation::recvmmsg}) {
        Receive(context, 9999).By(operation).BeforeSocket().Fails(EBADF);
        Receive(context, file).By(operation).BeforeSocket().Fails(ENOTSOCK);
    }
}

// Reads of other files between those of a socket: they are no events.
void OtherFiles(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    const Fd file(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
    std::array<char, 64> buffer{};
    for (int round = 0; round < 3; ++round) {
        Check(read(file.get(), buffer.data(), buffer.size()) > 0, "read");
        Deliver(pair, "from the socket");
        Receive(context, pair.near).By(Operation::read).Gets("from the socket");
        Check(read(pair.near.get(), buffer.data(), 0) == 0, "read of nothing");
    }
}

void BatchOver(Context &context, const Pair &pair) {
    const std::string large = Pattern(3000);
    const std::vector<std::string> sent = {"the first", "the second one", large, "the last"};
    for (const std::string &bytes : sent)
        Deliver(pair, bytes);
    Batch batch(context, pair.near);
    batch.Next().Name();
    batch.Next().Buffers({5, 100}).Name();
    batch.Next().Buffers({4000});
    batch.Next().Control(64);
    batch.Next();
    batch.Gets(MSG_DONTWAIT, sent);
    Receive(context, pair.near).By(Operation::recvmmsg).Flags(MSG_DONTWAIT).Fails(EAGAIN);
    // The next batch counts from the beginning again.
    Deliver(pair, "again");
    Batch second(context, pair.near);
    second.Next();
    second.Gets(0, {"again"});
}

void BatchUnix(Context &context) { BatchOver(context, UnixPair(SOCK_DGRAM)); }
void BatchSeqPacket(Context &context) { BatchOver(context, UnixPair(SOCK_SEQPACKET)); }
void BatchUdp4(Context &context) { BatchOver(context, UdpPair(AF_INET)); }
void BatchUdp6(Context &context) { BatchOver(context, UdpPair(AF_INET6)); }

// More than one message of a batch with descriptors.
void BatchDescriptors(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    for (int i = 0; i < 3; ++i)
        SendDescriptors(pair.far, "one fd", {pair.near.get()});
    Batch batch(context, pair.near);
    for (int i = 0; i < 3; ++i)
        batch.Next().Control(64).Sent(1);
    batch.Gets(0, {"one fd", "one fd", "one fd"});
}

void BatchOf32(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Batch batch(context, pair.near);
    std::vector<std::string> sent;
    for (int i = 0; i < 8; ++i) {  // net.unix.max_dgram_qlen is 10 by default
        sent.push_back("message " + std::to_string(i));
        Send(pair.far, sent.back());
    }
    for (int i = 0; i < 32; ++i)
        batch.Next();
    batch.Gets(MSG_WAITFORONE, sent);
}

// One TCP_ZEROCOPY_RECEIVE into `place`; the bytes that it mapped and copied.
size_t ReceiveZeroCopy(Context &context, const Fd &socket, void *place, size_t room) {
    std::array<char, 8192> beside{};
    tcp_zerocopy_receive wanted{};
    wanted.address = reinterpret_cast<unsigned long>(place);
    wanted.length = static_cast<unsigned>(room);
    wanted.copybuf_address = reinterpret_cast<unsigned long>(beside.data());
    wanted.copybuf_len = beside.size();
    socklen_t size = sizeof(wanted);
    const Json before = traffic::Socket(socket.get());
    context.truth.CountOperation();
    Check(getsockopt(socket.get(), IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &wanted, &size) == 0, "TCP_ZEROCOPY_RECEIVE");
    const size_t taken = wanted.length + static_cast<size_t>(std::max(wanted.copybuf_len, 0));
    const Json sender = {{"pid", getpid()}, {"tid", getpid()}, {"bytes", taken}};
    context.truth.Append({{"record",
                           {{"event", "zerocopy"},
                            {"return", taken},
                            {"errno", nullptr},
                            {"process", Process()},
                            {"socket", before},
                            {"peeked", false},
                            {"senders", Json::array({sender})},
                            {"payload", {{"length", taken}}},
                            {"args", {{"sockfd", socket.get()}, {"buf", Hex(place)}, {"len", room}}}}},
                          {"before_socket", false}});
    return taken;
}

// Pages of a TCP connection, mapped; what is no whole page is copied beside it where there is room.
void ZeroCopy(Context &context) {
    constexpr size_t kPage = 4096, kPages = 16;
    const Pair pair = TcpPair(AF_INET);
    void *const place = mmap(nullptr, kPages * kPage, PROT_READ, MAP_SHARED, pair.near.get(), 0);
    if (place == MAP_FAILED)
        throw Skip("no mmap of TCP sockets");
    const Fd file(memfd_create("pages", MFD_CLOEXEC));  // sendfile gives whole pages
    const std::string bytes = Pattern(4 * kPage);
    Check(pwrite(file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "pwrite");
    Check(sendfile(pair.far.get(), file.get(), nullptr, bytes.size()) == static_cast<ssize_t>(bytes.size()),
          "sendfile");
    AwaitQueued(pair.near, bytes.size());
    size_t taken = 0;
    while (taken < bytes.size()) {
        const size_t more = ReceiveZeroCopy(context, pair.near, place, kPages * kPage);
        Check(more > 0, "TCP_ZEROCOPY_RECEIVE");
        taken += more;
    }
    munmap(place, kPages * kPage);
}

constexpr size_t kCells = std::size(kWays) * std::size(kKinds);

template <size_t N>
void CellOf(Context &context) {
    Cell(context, kWays[N / std::size(kKinds)], kKinds[N % std::size(kKinds)]);
}

constexpr Scenario kOthers[] = {
    {"no-socket", NoSocket, ""},
    {"other-files", OtherFiles, ""},
    {"zerocopy-tcp4", ZeroCopy, "TCP_ZEROCOPY_RECEIVE"},
    {"batch-unix-datagram", BatchUnix, ""},
    {"batch-unix-seqpacket", BatchSeqPacket, ""},
    {"batch-udp4", BatchUdp4, ""},
    {"batch-udp6", BatchUdp6, "IPv6"},
    {"batch-fds", BatchDescriptors, ""},
    {"batch-32", BatchOf32, ""},
};

template <size_t... Cells, size_t... Ways>
std::vector<Scenario> Build(std::index_sequence<Cells...> /*cells*/, std::index_sequence<Ways...> /*ways*/) {
    static std::vector<std::string> names;  // scenarios hold views of them
    names.reserve(kCells + std::size(kWays));
    std::vector<Scenario> all;
    const auto add = [&](std::string name, Run run) {
        names.push_back(std::move(name));
        all.push_back({names.back(), run, ""});
    };
    (add(std::string("by-") + kWays[Cells / std::size(kKinds)].name + "-" + kKinds[Cells % std::size(kKinds)].name,
         CellOf<Cells>),
     ...);
    (add(std::string("lost-fds-by-") + kWays[Ways].name, LostBy<Ways>), ...);
    all.insert(all.end(), std::begin(kOthers), std::end(kOthers));
    return all;
}

}  // namespace

std::span<const Scenario> OperationScenarios() {
    static const std::vector<Scenario> scenarios =
        Build(std::make_index_sequence<kCells>(), std::make_index_sequence<std::size(kWays)>());
    return scenarios;
}

}  // namespace traffic
