// SPDX-License-Identifier: Apache-2.0
// Scenarios about ancillary data other than descriptors: credentials, times, packet information,
// errors.
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "receive.h"
#include "tasks.h"

namespace traffic {
namespace {

constexpr size_t kRoom = 512;

void CheckControl(const Outcome &outcome) {
    if (outcome.control == 0)
        throw Failure("no ancillary data arrived");
    if ((outcome.flags & MSG_CTRUNC) != 0)
        throw Failure("MSG_CTRUNC is set");
}

void Credentials(Context &context, int type) {
    const Pair pair = UnixPair(type);
    Option(pair.near, SOL_SOCKET, SO_PASSCRED);
    const pid_t child = StartChild([&] { Send(pair.far, "it was me"); });
    AwaitChild(child);
    const Json sender = {{{"pid", child}, {"uid", getuid()}, {"gid", getgid()}}};
    CheckControl(Receive(context, pair.near).Control(kRoom).Also({{"senders", sender}}).Gets("it was me"));
}

// The child gives its parent out as the writer, which root may.
void CredentialsForged(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Option(pair.near, SOL_SOCKET, SO_PASSCRED);
    const pid_t child = StartChild([&] {
        const ucred forged{getppid(), getuid(), getgid()};
        std::array<char, CMSG_SPACE(sizeof(forged))> room{};
        char text[] = "it was my parent";
        iovec iov{text, sizeof(text) - 1};
        msghdr message{};
        message.msg_iov = &iov;
        message.msg_iovlen = 1;
        message.msg_control = room.data();
        message.msg_controllen = room.size();
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_CREDENTIALS;
        header->cmsg_len = CMSG_LEN(sizeof(forged));
        std::memcpy(CMSG_DATA(header), &forged, sizeof(forged));
        Check(sendmsg(pair.far.get(), &message, 0) > 0, "sendmsg");
    });
    AwaitChild(child);
    const Json sender = {{{"pid", child}, {"uid", getuid()}, {"gid", getgid()}}};
    CheckControl(Receive(context, pair.near).Control(kRoom).Also({{"senders", sender}}).Gets("it was my parent"));
}

void CredentialsStream(Context &context) { Credentials(context, SOCK_STREAM); }
void CredentialsDatagram(Context &context) { Credentials(context, SOCK_DGRAM); }

void CredentialsAndDescriptor(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Option(pair.near, SOL_SOCKET, SO_PASSCRED);
    SendDescriptors(pair.far, "both", {STDERR_FILENO});
    const Outcome outcome = Receive(context, pair.near).Control(kRoom).Sent(1).Gets("both");
    CheckControl(outcome);
    CloseAll(outcome.descriptors);
}

void CredentialsCut(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Option(pair.near, SOL_SOCKET, SO_PASSCRED);
    Send(pair.far, "cut");
    // The kernel writes what fits of the last message; how much of it a record shows is open.
    Receive(context, pair.near).Control(20).Unknown("/args/msg/control").Gets("cut");
}

void Timestamp(Context &context, int option) {
    const Pair pair = UdpPair(AF_INET);
    Option(pair.near, SOL_SOCKET, option);
    Send(pair.far, "when");
    CheckControl(Receive(context, pair.near).Control(kRoom).Gets("when"));
}

void TimestampMicro(Context &context) { Timestamp(context, SO_TIMESTAMP); }
void TimestampNano(Context &context) { Timestamp(context, SO_TIMESTAMPNS); }

void TimestampUnix(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Option(pair.near, SOL_SOCKET, SO_TIMESTAMP);
    Send(pair.far, "when");
    CheckControl(Receive(context, pair.near).Control(kRoom).Gets("when"));
}

void Timestamping(Context &context) {
    const Pair pair = UdpPair(AF_INET);
    Option(pair.near, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
    poll(nullptr, 0, 20);  // the kernel switches stamping on a little later
    Send(pair.far, "when");
    CheckControl(Receive(context, pair.near).Control(kRoom).Gets("when"));
}

void PacketInfo4(Context &context) {
    const Pair pair = UdpPair(AF_INET);
    Option(pair.near, IPPROTO_IP, IP_PKTINFO);
    Send(pair.far, "which way");
    CheckControl(Receive(context, pair.near).Name().Control(kRoom).Gets("which way"));
}

void PacketInfo6(Context &context) {
    const Pair pair = UdpPair(AF_INET6);
    Option(pair.near, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    Send(pair.far, "which way");
    CheckControl(Receive(context, pair.near).Name().Control(kRoom).Gets("which way"));
}

void WithoutDecoder(Context &context) {
    const Pair pair = UdpPair(AF_INET);
    Option(pair.near, IPPROTO_IP, IP_RECVTTL);
    Option(pair.near, IPPROTO_IP, IP_RECVTOS);
    Send(pair.far, "raw");
    CheckControl(Receive(context, pair.near).Control(kRoom).Gets("raw"));
}

// A datagram to a port where nobody listens comes back through the error queue.
void ErrorQueue(Context &context, int family, int level, int option) {
    if (family == AF_INET6)
        NeedIpv6();
    const Fd near = Open(family, SOCK_DGRAM);
    Bind(near, Loopback(family));
    Option(near, level, option);
    Fd closed = Open(family, SOCK_DGRAM);
    Bind(closed, Loopback(family));
    const SocketAddress nowhere = NameOf(closed);
    closed.Close();
    Connect(near, nowhere);
    Send(near, "anyone there?");
    Await(near.get(), 0);
    const Outcome outcome = Receive(context, near)
                                .Name()
                                .Control(kRoom)
                                .Flags(MSG_ERRQUEUE)
                                .Unknown("/senders")  // the network's, or our own words: open
                                .Gets("anyone there?");
    CheckControl(outcome);
    if ((outcome.flags & MSG_ERRQUEUE) == 0)
        throw Failure("MSG_ERRQUEUE is not set");
    Receive(context, near).Flags(MSG_ERRQUEUE).Fails(EAGAIN);
}

void ErrorQueue4(Context &context) { ErrorQueue(context, AF_INET, IPPROTO_IP, IP_RECVERR); }
void ErrorQueue6(Context &context) { ErrorQueue(context, AF_INET6, IPPROTO_IPV6, IPV6_RECVERR); }

void Refused(Context &context) {
    const Fd near = Open(AF_INET, SOCK_DGRAM);
    Fd closed = Open(AF_INET, SOCK_DGRAM);
    Bind(closed, Loopback(AF_INET));
    Connect(near, NameOf(closed));
    closed.Close();
    Send(near, "anyone there?");
    Await(near.get(), 0);
    Receive(context, near).Fails(ECONNREFUSED);
}

constexpr Scenario kScenarios[] = {
    {"credentials-stream", CredentialsStream, ""},
    {"credentials-datagram", CredentialsDatagram, ""},
    {"credentials-forged", CredentialsForged, ""},
    {"credentials-and-fd", CredentialsAndDescriptor, ""},
    {"credentials-cut", CredentialsCut, ""},
    {"timestamp", TimestampMicro, ""},
    {"timestampns", TimestampNano, ""},
    {"timestamp-unix", TimestampUnix, ""},
    {"timestamping", Timestamping, ""},
    {"pktinfo4", PacketInfo4, ""},
    {"pktinfo6", PacketInfo6, "IPv6"},
    {"control-raw", WithoutDecoder, ""},
    {"errqueue4", ErrorQueue4, ""},
    {"errqueue6", ErrorQueue6, "IPv6"},
    {"udp4-refused", Refused, ""},
};

}  // namespace

std::span<const Scenario> ControlScenarios() { return kScenarios; }

}  // namespace traffic
