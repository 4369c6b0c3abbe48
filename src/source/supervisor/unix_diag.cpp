// SPDX-License-Identifier: Apache-2.0
// UNIX sockets as sock_diag tells them; see unix_diag.h.
#include "source/supervisor/unix_diag.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace sockwarden {

UnixDiag::UnixDiag() : netlink_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {}

UnixDiag::Told UnixDiag::ask(std::uint32_t inode) const {
    struct {
        nlmsghdr head;
        unix_diag_req asked;
    } request{};
    request.head.nlmsg_len = sizeof(request);
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST;
    request.asked.sdiag_family = AF_UNIX;
    request.asked.udiag_states = ~0U;
    request.asked.udiag_ino = inode;
    request.asked.udiag_show = UDIAG_SHOW_VFS | UDIAG_SHOW_PEER;
    request.asked.udiag_cookie[0] = request.asked.udiag_cookie[1] = ~0U;
    alignas(nlmsghdr) std::array<char, 4096> answer{};
    Told told;
    if (!netlink_ || ::send(netlink_.get(), &request, sizeof(request), 0) < 0) {
        return told;
    }
    const ssize_t size = ::recv(netlink_.get(), answer.data(), answer.size(), 0);
    const auto *head = reinterpret_cast<const nlmsghdr *>(answer.data());
    if (size < static_cast<ssize_t>(NLMSG_SPACE(sizeof(unix_diag_msg))) || head->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        head->nlmsg_len > static_cast<std::size_t>(size)) {
        return told;
    }
    auto *attribute = reinterpret_cast<rtattr *>(answer.data() + NLMSG_SPACE(sizeof(unix_diag_msg)));
    int rest = static_cast<int>(head->nlmsg_len - NLMSG_SPACE(sizeof(unix_diag_msg)));
    for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest)) {
        if (attribute->rta_type == UNIX_DIAG_VFS && RTA_PAYLOAD(attribute) >= sizeof(unix_diag_vfs)) {
            unix_diag_vfs file{};
            std::memcpy(&file, RTA_DATA(attribute), sizeof(file));
            told.file = {file.udiag_vfs_ino, file.udiag_vfs_dev};
        } else if (attribute->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(attribute) >= sizeof(told.peer)) {
            std::memcpy(&told.peer, RTA_DATA(attribute), sizeof(told.peer));
        }
    }
    return told;
}

UnixDiag::Files UnixDiag::files_of(std::uint64_t socket_inode) const {
    const Told own = ask(static_cast<std::uint32_t>(socket_inode));
    return {own.file, own.peer != 0 ? ask(own.peer).file : FileIdentity{}};
}

}  // namespace sockwarden
