// SPDX-License-Identifier: Apache-2.0
// Datagrams sent and received within one process: the send + recvmsg pair that everything is compared with, and the
// same message by other calls.
#pragma once

#include <sys/socket.h>

#include "common/fd.h"
#include "common/result.h"

namespace sockwarden::bench {

constexpr std::size_t message_size = 64;
constexpr unsigned batch_messages = 32;

// Two connected datagram sockets. Each exchange is true when all went through whole.
class SocketPair {
public:
    static Result<SocketPair> make();           // AF_UNIX
    static Result<SocketPair> make_over_udp();  // over loopback

    // send + recvmsg
    bool exchange() const {
        char bytes[message_size] = {};
        iovec vector{bytes, sizeof(bytes)};
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        return send(sender_.get(), bytes, sizeof(bytes), 0) == sizeof(bytes) &&
               recvmsg(receiver_.get(), &message, 0) == sizeof(bytes);
    }

    // sendmsg + recvmsg
    bool exchange_by_sendmsg() const;

    // send + read
    bool exchange_by_read() const;

    // A recvmsg that finds nothing, or is refused.
    bool is_empty() const;

    // sendmmsg + recvmmsg of a batch. It fits in the queue, because net.unix.max_dgram_qlen does not hold for sockets
    // that are connected to each other.
    bool exchange_batch() const;

private:
    SocketPair(Fd sender, Fd receiver) : sender_(std::move(sender)), receiver_(std::move(receiver)) {}

    Fd sender_;
    Fd receiver_;
};

}  // namespace sockwarden::bench
