// SPDX-License-Identifier: Apache-2.0
// A TCP connection over loopback, both ends in one process, that 16 KiB go through at a time.
#pragma once

#include <memory>

#include "common/fd.h"
#include "common/result.h"

namespace sockwarden::bench {

constexpr std::size_t tcp_message_size = 16384;

class TcpConnection {
public:
    static Result<TcpConnection> make();

    // send + recv of the whole (MSG_WAITALL); true when all of it went through.
    bool exchange() const;

private:
    TcpConnection(Fd sender, Fd receiver) : sender_(std::move(sender)), receiver_(std::move(receiver)) {}

    Fd sender_;
    Fd receiver_;
    std::unique_ptr<char[]> bytes_ = std::make_unique<char[]>(tcp_message_size);
};

}  // namespace sockwarden::bench
