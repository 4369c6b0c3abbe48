// SPDX-License-Identifier: Apache-2.0
// UNIX sockets as sock_diag tells them; see unix_diag.h.
#include "source/supervisor/unix_diag.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/text.h"

namespace sockwarden {
namespace {

constexpr int kMostTries = 3;  // a connection may be accepted between two questions

}  // namespace

UnixDiag::UnixDiag() : netlink_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {}

bool UnixDiag::send(std::uint32_t inode, std::uint32_t states, std::uint32_t show, std::uint16_t flags) const {
    struct {
        nlmsghdr head;
        unix_diag_req asked;
    } request{};
    request.head.nlmsg_len = sizeof(request);
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST | flags;
    request.head.nlmsg_seq = ++asked_;
    request.asked.sdiag_family = AF_UNIX;
    request.asked.udiag_states = states;
    request.asked.udiag_ino = inode;
    request.asked.udiag_show = show;
    request.asked.udiag_cookie[0] = request.asked.udiag_cookie[1] = ~0U;
    return netlink_ && ::send(netlink_.get(), &request, sizeof(request), 0) == sizeof(request);
}

UnixDiag::Told UnixDiag::ask(std::uint32_t inode) const {
    Told told;
    alignas(nlmsghdr) std::array<char, 4096> answer{};
    if (!send(inode, ~0U, UDIAG_SHOW_VFS | UDIAG_SHOW_PEER, 0)) {
        return told;
    }
    while (true) {
        const ssize_t size = ::recv(netlink_.get(), answer.data(), answer.size(), 0);
        const auto *head = reinterpret_cast<const nlmsghdr *>(answer.data());
        if (size < static_cast<ssize_t>(sizeof(*head)) || head->nlmsg_len > static_cast<std::size_t>(size)) {
            return told;
        }
        if (head->nlmsg_seq == asked_) {
            return read(*head, 0);
        }
    }
}

UnixDiag::Told UnixDiag::read(const nlmsghdr &head, std::uint32_t waiting) {
    Told told;
    if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || head.nlmsg_len < NLMSG_SPACE(sizeof(unix_diag_msg))) {
        return told;
    }
    const char *start = reinterpret_cast<const char *>(&head) + NLMSG_SPACE(sizeof(unix_diag_msg));
    const auto *attribute = reinterpret_cast<const rtattr *>(start);
    int rest = static_cast<int>(head.nlmsg_len - NLMSG_SPACE(sizeof(unix_diag_msg)));
    for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest)) {
        const Bytes value(static_cast<const std::byte *>(RTA_DATA(attribute)), RTA_PAYLOAD(attribute));
        if (attribute->rta_type == UNIX_DIAG_VFS && value.size() >= sizeof(unix_diag_vfs)) {
            unix_diag_vfs file{};
            std::memcpy(&file, value.data(), sizeof(file));
            told.file = {file.udiag_vfs_ino, file.udiag_vfs_dev};
        } else if (attribute->rta_type == UNIX_DIAG_PEER && value.size() >= sizeof(told.peer)) {
            std::memcpy(&told.peer, value.data(), sizeof(told.peer));
        } else if (attribute->rta_type == UNIX_DIAG_ICONS) {
            for (std::size_t at = 0; at + sizeof(waiting) <= value.size(); at += sizeof(waiting)) {
                told.is_awaited |= std::memcmp(value.data() + at, &waiting, sizeof(waiting)) == 0;
            }
        }
    }
    return told;
}

FileIdentity UnixDiag::find_listener(std::uint32_t waiting) const {
    FileIdentity found;
    if (!send(0, 1U << TCP_LISTEN, UDIAG_SHOW_VFS | UDIAG_SHOW_ICONS, NLM_F_DUMP)) {
        return found;
    }
    alignas(nlmsghdr) std::array<char, 32 << 10> answer{};
    while (true) {
        auto size = static_cast<int>(::recv(netlink_.get(), answer.data(), answer.size(), 0));
        if (size <= 0) {
            return found;
        }
        const auto *head = reinterpret_cast<const nlmsghdr *>(answer.data());
        for (; NLMSG_OK(head, static_cast<unsigned>(size)); head = NLMSG_NEXT(head, size)) {
            if (head->nlmsg_seq != asked_) {
                continue;
            }
            if (head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR) {
                return found;
            }
            if (const Told told = read(*head, waiting); told.is_awaited) {
                found = told.file;
            }
        }
    }
}

UnixDiag::Files UnixDiag::files_of(std::uint64_t socket_inode, bool has_peer) const {
    const auto inode = static_cast<std::uint32_t>(socket_inode);
    Files files;
    for (int tries = 0; tries < kMostTries; ++tries) {
        const Told own = ask(inode);
        files.local = own.file;
        if (!has_peer) {
            return files;
        }
        files.remote = own.peer != 0 ? ask(own.peer).file : find_listener(inode);
        if (files.remote.inode != 0) {
            return files;
        }
    }
    return files;
}

}  // namespace sockwarden
