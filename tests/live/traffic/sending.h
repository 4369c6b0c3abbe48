// SPDX-License-Identifier: Apache-2.0
// One send call: made, counted, checked against what the scenario expects, and written to the truth.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <memory>
#include <string>
#include <vector>

#include "scenario.h"
#include "sockets.h"
#include "truth.h"

namespace traffic {

// The call that sends. `send` is sendto without an address, `splice` goes through a pipe of its own.
enum class SendBy {
    sendmsg,
    sendmmsg,
    sendto,
    send,
    write,
    writev,
    sendfile,
    splice,
    uring_send,
    uring_sendmsg,
    uring_write
};

std::string_view EventOf(SendBy by);

class Sending {
public:
    // What is sent, in one buffer unless Parts says otherwise.
    Sending(Context &context, int fd, std::string bytes);
    Sending(Context &context, const Fd &fd, std::string bytes) : Sending(context, fd.get(), std::move(bytes)) {}
    Sending(const Sending &) = delete;  // the kernel is given the addresses of members
    Sending &operator=(const Sending &) = delete;

    Sending &By(SendBy by);  // sendmsg unless it is said
    Sending &Parts(const std::vector<size_t> &sizes);
    Sending &To(SocketAddress address);
    Sending &Descriptors(const std::vector<int> &fds);
    Sending &Credentials();
    Sending &Flags(int flags);
    Sending &ZeroCopy();                           // io_uring: without copying
    Sending &Async();                              // io_uring: by a worker at once
    Sending &At(void *buffer);                     // for calls with a bad pointer
    Sending &BeforeSocket();                       // fails before it reaches the socket layer
    Sending &Unknown(const std::string &pointer);  // a field the program cannot vouch for

    // Makes the call and writes its truth. Failure unless it took all bytes.
    void Sends();
    // The same, for streams that take what they have room for; the number of bytes that were taken.
    size_t SendsSome();
    void Fails(int error);

private:
    friend class SendBatch;
    ssize_t Make();
    ssize_t Call();
    ssize_t Transfer();
    ssize_t Request();
    Json Describe() const;
    Json DescribeVector() const;
    void Tell(ssize_t result, int error);

    Context &context_;
    int fd_;
    std::string bytes_;
    SendBy by_ = SendBy::sendmsg;
    SocketAddress to_;
    bool has_address_ = false;
    std::vector<iovec> iov_;
    std::vector<char> control_;
    Json control_truth_ = Json::array();
    size_t descriptors_ = 0;
    int flags_ = 0;
    bool async_ = false;
    bool zero_copy_ = false;
    bool before_socket_ = false;
    mmsghdr array_{};
    msghdr &header_ = array_.msg_hdr;
    const msghdr *address_ = &array_.msg_hdr;
    unsigned vlen_ = 1;
    int in_fd_ = -1;
    Json index_;
    Json before_;  // the socket as it was before the call
    std::vector<std::string> unknown_;
};

// Several messages sent by one sendmmsg.
class SendBatch {
public:
    SendBatch(Context &context, const Fd &fd) : context_(context), fd_(fd.get()) {}

    Sending &Next(std::string bytes);
    // Makes the call, which is to send the first `sent` messages, and writes a truth line for each.
    void Sends(int flags, size_t sent);

private:
    Context &context_;
    int fd_;
    std::vector<std::unique_ptr<Sending>> messages_;
};

}  // namespace traffic
