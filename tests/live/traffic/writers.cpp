// SPDX-License-Identifier: Apache-2.0
// Scenarios about who wrote a message, which the socket itself does not tell.
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "receive.h"
#include "tasks.h"

namespace traffic {
namespace {

Json By(pid_t pid, size_t bytes) { return {{"pid", pid}, {"tid", pid}, {"bytes", bytes}}; }

// What a child writes, with its own name, and is gone before it is read.
void Exited(Context &context) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        const Pair pair = UnixPair(type);
        const pid_t child = StartChild([&] {
            prctl(PR_SET_NAME, "gone-by-then");
            Send(pair.far, "from a child");
        });
        AwaitChild(child);
        Json sender = By(child, 12);
        sender["comm"] = "gone-by-then";
        Receive(context, pair.near).Also({{"senders", {sender}}}).Gets("from a child");
    }
}

// A child gets a socket by descriptor passing and writes to it.
void PassedSocket(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    const Pair way = UnixPair(SOCK_DGRAM);
    const pid_t self = getpid();
    SendDescriptors(way.far, "a socket", {pair.far.get()});
    const pid_t child = StartChild([&] {
        const Outcome got = Receive(context, way.near).Control(64).Sent(1).Writer(self).Gets("a socket");
        Send(Fd(got.descriptors.at(0)), "by a passed socket");
    });
    AwaitChild(child);
    Receive(context, pair.near).Writer(child).Gets("by a passed socket");
}

// A child in a network namespace of its own: UNIX paths lead across.
void OtherNamespace(Context &context) {
    Scratch scratch;
    const Fd datagram = Open(AF_UNIX, SOCK_DGRAM), listener = Open(AF_UNIX, SOCK_STREAM);
    Bind(datagram, UnixPath(scratch.Path("datagram")));
    Bind(listener, UnixPath(scratch.Path("listener")));
    Option(datagram, SOL_SOCKET, SO_PASSCRED);  // else the tracepoint engine knows nobody
    Check(listen(listener.get(), 1) == 0, "listen");
    const SocketAddress to = NameOf(datagram), at = NameOf(listener);
    const pid_t child = StartChild([&] {
        Check(unshare(CLONE_NEWNET) == 0, "unshare");
        SendTo(Open(AF_UNIX, SOCK_DGRAM), "a datagram from elsewhere", to);
        const Fd near = Open(AF_UNIX, SOCK_STREAM);
        Connect(near, at);
        Send(near, "a stream from elsewhere");
    });
    AwaitChild(child);
    const Fd far(accept(listener.get(), nullptr, nullptr));
    Check(far.get() >= 0, "accept");
    Receive(context, datagram).Writer(child).Gets("a datagram from elsewhere");
    // The socket that was accepted is in the namespace of who asked for it.
    Receive(context, far).Writer(child).Unknown("/socket/netns").Gets("a stream from elsewhere");
}

void Alternate(Context &context, int type) {
    const Pair pair = UnixPair(type);
    const pid_t self = getpid();
    Send(pair.far, "one");
    const pid_t child = StartChild([&] { Send(pair.far, "three"); });
    AwaitChild(child);
    Send(pair.far, "seven!!");
    if (type == SOCK_STREAM) {
        const Json first = {By(self, 3), By(child, 1)};
        const Json rest = {By(child, 4), By(self, 7)};
        Receive(context, pair.near).Buffers({4}).Also({{"senders", first}}).Gets("onet");
        Receive(context, pair.near).Flags(MSG_PEEK).Also({{"senders", rest}}).Gets("hreeseven!!");
        Receive(context, pair.near).Also({{"senders", rest}}).Gets("hreeseven!!");
        return;
    }
    Receive(context, pair.near).Writer(self).Gets("one");
    Receive(context, pair.near).Flags(MSG_PEEK).Writer(child).Gets("three");
    Receive(context, pair.near).By(Operation::recv).Writer(child).Gets("three");
    Receive(context, pair.near).By(Operation::read).Writer(self).Gets("seven!!");
}

void AlternateStream(Context &context) { Alternate(context, SOCK_STREAM); }
void AlternateDatagram(Context &context) { Alternate(context, SOCK_DGRAM); }
void AlternateSeqPacket(Context &context) { Alternate(context, SOCK_SEQPACKET); }

// A connection that was passed on by fork: who opened it is not who writes.
void OverTcp(Context &context, int family) {
    const Pair pair = TcpPair(family);
    const pid_t self = getpid();
    Send(pair.far, "one");
    const pid_t first = StartChild([&] { Send(pair.far, "three"); });
    AwaitChild(first);
    Send(pair.far, "seven!!");
    const pid_t second = StartChild([&] { Send(pair.far, "and the last"); });
    AwaitChild(second);
    AwaitQueued(pair.near, 27);
    const Json begin = {By(self, 3), By(first, 1)};
    const Json rest = {By(first, 4), By(self, 7), By(second, 12)};
    Receive(context, pair.near).Buffers({4}).Also({{"senders", begin}}).Gets("onet");
    Receive(context, pair.near).Flags(MSG_PEEK).Also({{"senders", rest}}).Gets("hreeseven!!and the last");
    Receive(context, pair.near).By(Operation::read).Also({{"senders", rest}}).Gets("hreeseven!!and the last");
    const pid_t third = StartChild([&] { Send(pair.far, Pattern(40000)); });
    AwaitChild(third);
    AwaitQueued(pair.near, 40000);
    Receive(context, pair.near).Buffers({65536}).Writer(third).Gets(Pattern(40000));
    Send(pair.near, "back");
    Receive(context, pair.far).Writer(self).Gets("back");
}

void OverTcp4(Context &context) { OverTcp(context, AF_INET); }
void OverTcp6(Context &context) { OverTcp(context, AF_INET6); }

void OverUdp(Context &context, int family) {
    for (const size_t size : {20, 1000, 30000}) {
        const Pair pair = UdpPair(family);
        const std::string bytes = Pattern(size);
        const pid_t first = StartChild([&] {
            prctl(PR_SET_NAME, "udp-writer");
            Send(pair.far, bytes);
        });
        AwaitChild(first);
        Send(pair.far, "by itself");
        Json sender = {{"pid", first}, {"tid", first}, {"comm", "udp-writer"}};
        Receive(context, pair.near).Flags(MSG_PEEK).Buffers({65536}).Also({{"senders", {sender}}}).Gets(bytes);
        Receive(context, pair.near).By(Operation::recvfrom).Buffers({65536}).Also({{"senders", {sender}}}).Gets(bytes);
        Receive(context, pair.near).By(Operation::read).Writer(getpid()).Gets("by itself");
    }
}

void OverUdp4(Context &context) { OverUdp(context, AF_INET); }
void OverUdp6(Context &context) { OverUdp(context, AF_INET6); }

void Threads(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "main, ");
    std::atomic<pid_t> other = 0;
    std::thread([&] {
        other = gettid();
        Send(pair.far, "thread");
    }).join();
    const Json both = {{{"pid", getpid()}, {"tid", getpid()}, {"bytes", 6}},
                       {{"pid", getpid()}, {"tid", other.load()}, {"bytes", 6}}};
    Receive(context, pair.near).Also({{"senders", both}}).Gets("main, thread");
}

// The same task under another user id.
void ChangedUser(Context &context) {
    constexpr uid_t kUser = 4242;
    if (geteuid() != 0)
        throw Skip("not root");
    const Pair pair = UnixPair(SOCK_DGRAM);
    const pid_t child = StartChild([&] {
        Send(pair.far, "as root");
        Check(setresuid(kUser, kUser, kUser) == 0, "setresuid");
        Send(pair.far, "as a user");
    });
    AwaitChild(child);
    Json as_root = By(child, 7);
    as_root["uid"] = 0;
    Json as_user = By(child, 9);
    as_user["uid"] = kUser;
    Receive(context, pair.near).Also({{"senders", {as_root}}}).Gets("as root");
    Receive(context, pair.near).Also({{"senders", {as_user}}}).Gets("as a user");
}

// Every call that writes.
void EveryCall(Context &context) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const Pair pair = UnixPair(type);
        const pid_t child = StartChild([&] {
            char text[] = "by a call";
            iovec iov{text, 9};
            mmsghdr message{};
            message.msg_hdr.msg_iov = &iov;
            message.msg_hdr.msg_iovlen = 1;
            Check(write(pair.far.get(), text, 9) == 9, "write");
            Check(writev(pair.far.get(), &iov, 1) == 9, "writev");
            Check(sendmmsg(pair.far.get(), &message, 1, 0) == 1, "sendmmsg");
        });
        AwaitChild(child);
        for (int i = 0; i < 3; ++i)
            Receive(context, pair.near).Buffers({9}).Writer(child).Gets("by a call");
    }
}

// Bytes that are spliced from a pipe into a stream.
void Spliced(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    const pid_t child = StartChild([&] {
        int ends[2];
        Check(pipe(ends) == 0, "pipe");
        Check(write(ends[1], "through a pipe", 14) == 14, "write");
        Check(splice(ends[0], nullptr, pair.far.get(), nullptr, 14, 0) == 14, "splice");
    });
    AwaitChild(child);
    Receive(context, pair.near).Writer(child).Gets("through a pipe");
}

constexpr Scenario kScenarios[] = {
    {"writer-exited", Exited, ""},
    {"writers-stream", AlternateStream, ""},
    {"writer-other-netns", OtherNamespace, "CAP_SYS_ADMIN"},
    {"writers-datagram", AlternateDatagram, ""},
    {"writers-seqpacket", AlternateSeqPacket, ""},
    {"writers-threads", Threads, ""},
    {"writer-changed-user", ChangedUser, ""},
    {"writer-every-call", EveryCall, ""},
    {"writer-spliced", Spliced, ""},
    {"writer-passed-socket", PassedSocket, ""},
    {"writers-tcp4", OverTcp4, ""},
    {"writers-tcp6", OverTcp6, "IPv6"},
    {"writers-udp4", OverUdp4, ""},
    {"writers-udp6", OverUdp6, "IPv6"},
};

}  // namespace

std::span<const Scenario> WriterScenarios() { return kScenarios; }

}  // namespace traffic
