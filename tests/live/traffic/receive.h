// SPDX-License-Identifier: Apache-2.0
// One receive call: made, counted, checked against what the scenario expects, and written to the
// truth.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scenario.h"
#include "sockets.h"
#include "truth.h"

namespace traffic {

struct Outcome {
    ssize_t result = 0;
    int error = 0;
    int flags = 0;                 // msg_flags at return
    size_t control = 0;            // bytes of ancillary data
    std::string bytes;             // what stands in the buffers
    std::vector<int> descriptors;  // received ones, still open
};

// The system call that receives. `recv` is recvfrom without an address.
enum class Operation { recvmsg, recvmmsg, recvfrom, recv, read, readv, splice, uring_recv, uring_recvmsg, uring_read };

std::string_view EventOf(Operation operation);
bool HasHeader(Operation operation);

class Receive {
public:
    Receive(Context &context, int fd);
    Receive(Context &context, const Fd &fd) : Receive(context, fd.get()) {}
    Receive(const Receive &) = delete;  // the kernel is given the address of own_
    Receive &operator=(const Receive &) = delete;

    Receive &By(Operation operation);  // recvmsg unless it is said
    Receive &Buffers(const std::vector<size_t> &sizes);
    Receive &Control(size_t room);
    Receive &Name();
    Receive &Async();                              // io_uring: by a worker at once
    Receive &Between(std::function<void()> work);  // io_uring: between the request and its completion
    Receive &Flags(int flags);
    // For calls with bad pointers.
    Receive &Vector(iovec *iov, size_t count);
    Receive &Header(msghdr *header);
    Receive &NameLength(int length);

    // What the scenario knows beside what the call shows.
    Receive &Writer(pid_t pid);                               // who wrote all of it
    Receive &WriterThread(const std::atomic<pid_t> &thread);  // of this process; read after the call
    Receive &Also(const Json &fields);                        // merged into the record
    Receive &Unknown(const std::string &pointer);             // a field the program cannot vouch for
    Receive &Sent(size_t descriptors);
    Receive &BeforeSocket();  // fails before it reaches the socket layer

    // Makes the call and writes its truth. Failure unless it returned `bytes`.
    Outcome Gets(std::string_view bytes);
    Outcome Returns(ssize_t result);
    Outcome Fails(int error);
    Outcome Succeeds();
    // The kernel will enter the call twice, the first time ending in ERESTARTSYS.
    Receive &RestartedOnce();

    // Makes the call and writes its truth, whatever comes of it.
    Outcome Make();

private:
    friend class Batch;
    void Tell(Outcome &outcome);
    ssize_t Call();
    ssize_t Request();
    ssize_t Splice();
    void TellRestart();
    Json DescribeCall() const;
    void DescribeBuffers(Json &record) const;
    Json DescribeVector() const;
    void DescribeMessage(Outcome &outcome, Json &record);

    Context &context_;
    int fd_;
    Operation operation_ = Operation::recvmsg;
    unsigned vlen_ = 1;
    int pipe_ = -1;  // that was spliced into
    bool async_ = false;
    std::function<void()> between_;
    Json index_;
    int flags_ = 0;
    size_t sent_ = 0;
    bool wants_name_ = false;
    bool before_socket_ = false;
    bool restarted_ = false;
    msghdr *header_;
    mmsghdr array_{};
    msghdr &own_ = array_.msg_hdr;
    socklen_t name_size_ = sizeof(sockaddr_storage);
    sockaddr_storage name_{};
    std::vector<std::vector<char>> memory_;
    std::vector<iovec> iov_;
    std::vector<char> control_;
    const std::atomic<pid_t> *writer_thread_ = nullptr;
    Json before_;  // the socket as it was before the call
    Json also_ = Json::object();
    std::vector<std::string> unknown_;
};

// Several messages received by one recvmmsg.
class Batch {
public:
    Batch(Context &context, int fd) : context_(context), fd_(fd) {}
    Batch(Context &context, const Fd &fd) : Batch(context, fd.get()) {}

    // Adds a message and what the scenario knows of it; all fail to be received past the queue's end.
    Receive &Next();
    // Makes the call, which is to deliver `expected`, and writes a truth line for each.
    void Gets(int flags, const std::vector<std::string> &expected);

private:
    Context &context_;
    int fd_;
    std::vector<std::unique_ptr<Receive>> messages_;
};

}  // namespace traffic
