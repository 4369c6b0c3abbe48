// SPDX-License-Identifier: Apache-2.0
// Making the sockets of an exchange, and the exchanges beside the pair.
#include "common/exchange.h"

#include <netinet/in.h>

#include <algorithm>
#include <iterator>

namespace sockwarden::bench {

Result<SocketPair> SocketPair::make() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0)
        return system_error("socketpair");
    return SocketPair(Fd(ends[0]), Fd(ends[1]));
}

Result<SocketPair> SocketPair::make_over_udp() {
    Fd receiver(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), sender(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    auto *address = reinterpret_cast<sockaddr *>(&name);
    if (bind(receiver.get(), address, size) != 0 || getsockname(receiver.get(), address, &size) != 0 ||
        connect(sender.get(), address, size) != 0)
        return system_error("UDP over loopback");
    return SocketPair(std::move(sender), std::move(receiver));
}

bool SocketPair::exchange_by_sendmsg() const {
    char bytes[message_size] = {};
    iovec vector{bytes, sizeof(bytes)};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    return sendmsg(sender_.get(), &message, 0) == sizeof(bytes) &&
           recvmsg(receiver_.get(), &message, 0) == sizeof(bytes);
}

bool SocketPair::exchange_by_read() const {
    char bytes[message_size] = {};
    return send(sender_.get(), bytes, sizeof(bytes), 0) == sizeof(bytes) &&
           read(receiver_.get(), bytes, sizeof(bytes)) == sizeof(bytes);
}

bool SocketPair::is_empty() const {
    char bytes[message_size];
    iovec vector{bytes, sizeof(bytes)};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    return recvmsg(receiver_.get(), &message, MSG_DONTWAIT) < 0;
}

bool SocketPair::exchange_batch() const {
    char bytes[message_size] = {};
    iovec vector{bytes, sizeof(bytes)};
    mmsghdr messages[batch_messages] = {};
    for (mmsghdr &message : messages) {
        message.msg_hdr.msg_iov = &vector;
        message.msg_hdr.msg_iovlen = 1;
    }
    return sendmmsg(sender_.get(), messages, batch_messages, 0) == batch_messages &&
           recvmmsg(receiver_.get(), messages, batch_messages, 0, nullptr) == batch_messages &&
           std::all_of(std::begin(messages), std::end(messages),
                       [](const mmsghdr &message) { return message.msg_len == message_size; });
}

}  // namespace sockwarden::bench
