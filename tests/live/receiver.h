// SPDX-License-Identifier: Apache-2.0
// A child process that receives when it is told to, for tests that trace what already runs.
#pragma once

#include <sys/types.h>

#include <string>

namespace live {

class Receiver {
public:
    struct Who {
        std::string comm;  // empty: as the tests are called
        uid_t uid = 0;
    };

    enum class Socket { kUnixDatagram, kUnixStream, kUdp, kTcp };

    Receiver() : Receiver(Who{}) {}
    explicit Receiver(const Who &who, Socket kind = Socket::kUnixDatagram);
    ~Receiver();
    Receiver(const Receiver &) = delete;
    Receiver &operator=(const Receiver &) = delete;

    pid_t pid() const { return pid_; }

    void Begin() const;                        // it enters recvmsg and stays there
    bool AwaitBlocked() const;                 // until /proc shows it asleep in recvmsg
    void Give(const std::string &text) const;  // what it receives
    bool AwaitDone() const;                    // until it says that it has received
    bool Receive(const std::string &text) const;
    // The same, by a child of its own, whose pid is returned; -1 where it failed.
    pid_t ReceiveInChild(const std::string &text) const;

private:
    pid_t AwaitReply() const;
    [[noreturn]] void Serve(const Who &who) const;
    void MakeSockets(Socket kind);

    pid_t pid_ = -1;
    int near_ = -1;
    int far_ = -1;
    int orders_[2] = {-1, -1};
    int replies_[2] = {-1, -1};
};

}  // namespace live
