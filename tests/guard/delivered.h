// SPDX-License-Identifier: Apache-2.0
// Messages that are delivered to processes of a test, every way there is, and how these end.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "actor.h"

namespace guard {

// A rule on what is received.
std::string Rule(const std::string &name, const std::string &when, const std::string &action);
std::string KillsFor(const std::string &word);  // the rule "word"

struct Way {
    const char *name;
    std::function<ssize_t(int socket, void *room, std::size_t size)> receive;
};
std::vector<Way> Ways();  // the first is recv

// How a process ended that received, and whether its call came back.
struct Outcome {
    int status = -1;
    bool returned = false;

    bool Died() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
    bool Lived() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
};

// A truth value that a child shares with who forked it.
class Flag {
public:
    Flag();
    Flag(const Flag &) = delete;
    Flag &operator=(const Flag &) = delete;
    ~Flag();
    std::atomic<bool> &operator*() const { return *value_; }

private:
    std::atomic<bool> *value_;
};

// A child receives what `pair.near` was sent, and goes on for so many seconds unless it is killed. It becomes what
// `first` makes of it before.
Outcome InChild(const enforced::Pair &pair, const Way &way, unsigned stays = 0,
                const std::function<void()> &first = nullptr);

struct Kind {
    const char *name;
    int type, family;
    bool is_stream() const { return type == SOCK_STREAM; }
};
constexpr Kind kKinds[] = {{"UNIX stream", SOCK_STREAM, AF_UNIX},
                           {"UNIX datagram", SOCK_DGRAM, AF_UNIX},
                           {"UNIX seqpacket", SOCK_SEQPACKET, AF_UNIX},
                           {"TCP", SOCK_STREAM, AF_INET},
                           {"UDP", SOCK_DGRAM, AF_INET}};

// A pair over which these bytes are on their way.
enforced::Pair Sent(const Kind &kind, const std::string &bytes);
void Close(const enforced::Pair &pair);

}  // namespace guard
