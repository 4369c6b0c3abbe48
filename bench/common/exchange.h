// SPDX-License-Identifier: Apache-2.0
// The operation that everything here measures: one 64-byte datagram sent and received with recvmsg.
#pragma once

#include <sys/socket.h>

#include "common/fd.h"
#include "common/result.h"

namespace sockwarden::bench {

constexpr std::size_t message_size = 64;

// Two connected AF_UNIX datagram sockets.
class SocketPair {
public:
    static Result<SocketPair> make();

    // True when the message went through whole.
    bool exchange() const {
        char bytes[message_size] = {};
        iovec vector{bytes, sizeof(bytes)};
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        return send(sender_.get(), bytes, sizeof(bytes), 0) == sizeof(bytes) &&
               recvmsg(receiver_.get(), &message, 0) == sizeof(bytes);
    }

private:
    SocketPair(Fd sender, Fd receiver) : sender_(std::move(sender)), receiver_(std::move(receiver)) {}

    Fd sender_;
    Fd receiver_;
};

}  // namespace sockwarden::bench
