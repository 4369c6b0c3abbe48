// SPDX-License-Identifier: Apache-2.0
// Scenarios over netlink and packet sockets.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include <cstring>

#include "receive.h"

namespace traffic {
namespace {

constexpr int kLoopbackIndex = 1;

struct LinkRequest {
    nlmsghdr header;
    ifinfomsg link;
};

Fd AskForLinks(int flags, int index) {
    Fd fd = Open(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    SocketAddress any;
    sockaddr_nl netlink{};
    netlink.nl_family = AF_NETLINK;
    std::memcpy(&any.storage, &netlink, any.size = sizeof(netlink));
    Bind(fd, any);
    LinkRequest request{};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = static_cast<unsigned short>(NLM_F_REQUEST | flags);
    request.link.ifi_family = AF_UNSPEC;
    request.link.ifi_index = index;
    Send(fd, {reinterpret_cast<const char *>(&request), sizeof(request)});
    return fd;
}

Outcome ReceiveLink(Context &context, const Fd &fd) {
    Receive call(context, fd);
    call.Name().Buffers({32768}).Unknown("/senders");  // the kernel wrote it
    return call.Succeeds();
}

void NetlinkLink(Context &context) {
    const Fd fd = AskForLinks(0, kLoopbackIndex);
    ReceiveLink(context, fd);
}

// A dump comes in several messages, the last of them NLMSG_DONE.
void NetlinkDump(Context &context) {
    const Fd fd = AskForLinks(NLM_F_DUMP, 0);
    for (bool done = false; !done;) {
        const Outcome outcome = ReceiveLink(context, fd);
        size_t at = 0;
        while (at + sizeof(nlmsghdr) <= outcome.bytes.size()) {
            nlmsghdr header{};
            std::memcpy(&header, outcome.bytes.data() + at, sizeof(header));
            done = done || header.nlmsg_type == NLMSG_DONE;
            at += NLMSG_ALIGN(header.nlmsg_len);
        }
    }
}

constexpr unsigned short kExperimental = 0x88b5;  // an EtherType that nobody else uses

void Packet(Context &context) {
    Fd near(socket(AF_PACKET, SOCK_DGRAM, htons(kExperimental)));
    if (near.get() < 0)
        throw Skip("no packet sockets");
    const Fd far = Open(AF_PACKET, SOCK_DGRAM, 0);
    SocketAddress to;
    sockaddr_ll link{};
    link.sll_family = AF_PACKET;
    link.sll_protocol = htons(kExperimental);
    link.sll_ifindex = kLoopbackIndex;
    link.sll_halen = ETH_ALEN;
    std::memcpy(&to.storage, &link, to.size = sizeof(link));
    Bind(near, to);
    SendTo(far, "over the wire", to);
    Receive(context, near).Name().Unknown("/senders").Gets("over the wire");
}

constexpr Scenario kScenarios[] = {
    {"netlink-link", NetlinkLink, ""},
    {"netlink-dump", NetlinkDump, ""},
    {"packet", Packet, "AF_PACKET, CAP_NET_RAW"},
};

}  // namespace

std::span<const Scenario> OtherFamilyScenarios() { return kScenarios; }

}  // namespace traffic
