// SPDX-License-Identifier: Apache-2.0
// Ancillary data as the program received it, in the record's shape.
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <array>
#include <cstring>
#include <ctime>  // linux/errqueue.h uses timespec and does not include it

#include "describe.h"

namespace traffic {
namespace {

template <typename T>
T Data(const cmsghdr *header, size_t index = 0) {
    T value;
    std::memcpy(&value, CMSG_DATA(header) + index * sizeof(T), sizeof(value));
    return value;
}

std::string Text(int family, const void *bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, bytes, text.data(), text.size());
    return text.data();
}

Json Rights(const cmsghdr *header) {
    Json fds = Json::array();
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i)
        fds.push_back(PassedDescriptor(Data<int>(header, i)));
    return {{"type", "SCM_RIGHTS"}, {"fds", fds}};
}

Json Time(const timespec &time) { return {{"seconds", time.tv_sec}, {"nanoseconds", time.tv_nsec}}; }

Json SocketLevel(const cmsghdr *header) {
    switch (header->cmsg_type) {
        case SCM_RIGHTS:
            return Rights(header);
        case SCM_CREDENTIALS: {
            const auto who = Data<ucred>(header);
            return {{"type", "SCM_CREDENTIALS"}, {"pid", who.pid}, {"uid", who.uid}, {"gid", who.gid}};
        }
        case SO_TIMESTAMP: {
            const auto time = Data<timeval>(header);
            Json shown = Time({time.tv_sec, time.tv_usec * 1000});
            shown["type"] = "SO_TIMESTAMP";
            return shown;
        }
        case SO_TIMESTAMPNS: {
            Json shown = Time(Data<timespec>(header));
            shown["type"] = "SO_TIMESTAMPNS";
            return shown;
        }
        case SO_TIMESTAMPING: {
            Json times = Json::array();
            for (size_t i = 0; i < 3; ++i)
                times.push_back(Time(Data<timespec>(header, i)));
            return {{"type", "SO_TIMESTAMPING"}, {"times", times}};
        }
        default:
            return {{"number", header->cmsg_type}};
    }
}

Json Error(const cmsghdr *header, const char *type) {
    const auto error = Data<sock_extended_err>(header);
    Json shown = {{"type", type},
                  {"errno", ErrnoName(static_cast<int>(error.ee_errno))},
                  {"origin", error.ee_origin},
                  {"icmp_type", error.ee_type},
                  {"icmp_code", error.ee_code}};
    const unsigned char *behind = CMSG_DATA(header) + sizeof(error);
    sockaddr_storage offender{};
    const size_t size = header->cmsg_len - CMSG_LEN(sizeof(error));
    std::memcpy(&offender, behind, std::min(size, sizeof(offender)));
    shown["offender"] = Address(reinterpret_cast<const sockaddr *>(&offender), static_cast<socklen_t>(size));
    return shown;
}

Json Ipv4Level(const cmsghdr *header) {
    switch (header->cmsg_type) {
        case IP_PKTINFO: {
            const auto info = Data<in_pktinfo>(header);
            return {{"type", "IP_PKTINFO"},
                    {"ifindex", info.ipi_ifindex},
                    {"local", Text(AF_INET, &info.ipi_spec_dst)},
                    {"address", Text(AF_INET, &info.ipi_addr)}};
        }
        case IP_RECVERR:
            return Error(header, "IP_RECVERR");
        case IP_TTL:
            return {{"type", "IP_TTL"}, {"value", Data<int>(header)}};
        case IP_TOS:
            return {{"type", "IP_TOS"}, {"number", IP_TOS}};
        default:
            return {{"number", header->cmsg_type}};
    }
}

Json Ipv6Level(const cmsghdr *header) {
    switch (header->cmsg_type) {
        case IPV6_PKTINFO: {
            const auto info = Data<in6_pktinfo>(header);
            return {
                {"type", "IPV6_PKTINFO"}, {"ifindex", info.ipi6_ifindex}, {"address", Text(AF_INET6, &info.ipi6_addr)}};
        }
        case IPV6_RECVERR:
            return Error(header, "IPV6_RECVERR");
        default:
            return {{"number", header->cmsg_type}};
    }
}

Json Message(const cmsghdr *header) {
    switch (header->cmsg_level) {
        case SOL_SOCKET:
            return SocketLevel(header);
        case IPPROTO_IP:
            return Ipv4Level(header);
        case IPPROTO_IPV6:
            return Ipv6Level(header);
        default:
            return {{"number", header->cmsg_type}};
    }
}

std::string LevelName(int level) {
    switch (level) {
        case SOL_SOCKET:
            return "SOL_SOCKET";
        case IPPROTO_IP:
            return "SOL_IP";
        case IPPROTO_IPV6:
            return "SOL_IPV6";
        case IPPROTO_UDP:
            return "SOL_UDP";
        default:
            return std::to_string(level);
    }
}

}  // namespace

Json Control(msghdr &message) {
    Json list = Json::array();
    for (cmsghdr *header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        Json shown = Message(header);
        shown["level"] = LevelName(header->cmsg_level);
        if (shown.contains("number")) {
            shown.erase("number");  // a type without a decoder: what the record must show is hex
            shown["data"] = HexBytes(CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
        }
        list.push_back(shown);
    }
    return list;
}

}  // namespace traffic
