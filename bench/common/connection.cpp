// SPDX-License-Identifier: Apache-2.0
// Connects to a listener of its own.
#include "common/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sockwarden::bench {

Result<TcpConnection> TcpConnection::make() {
    const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    Fd sender(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto *const name = reinterpret_cast<sockaddr *>(&address);
    socklen_t size = sizeof(address);
    const int yes = 1;
    if (!listener || !sender || bind(listener.get(), name, size) != 0 || listen(listener.get(), 1) != 0 ||
        getsockname(listener.get(), name, &size) != 0 || connect(sender.get(), name, size) != 0 ||
        setsockopt(sender.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0)
        return system_error("connect over loopback");
    Fd receiver(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!receiver)
        return system_error("accept");
    return TcpConnection(std::move(sender), std::move(receiver));
}

bool TcpConnection::exchange() const {
    constexpr auto whole = static_cast<ssize_t>(tcp_message_size);
    return send(sender_.get(), bytes_.get(), tcp_message_size, 0) == whole &&
           recv(receiver_.get(), bytes_.get(), tcp_message_size, MSG_WAITALL) == whole;
}

}  // namespace sockwarden::bench
