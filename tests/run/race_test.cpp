// SPDX-License-Identifier: Apache-2.0
// A second thread changes what a call points to while it is judged: descriptors, the msghdr, buffers, destinations.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "actor.h"
#include "options.h"
#include "supervised.h"

namespace run {
namespace {

// Does something over and over in another thread while it lives.
class Disturbing {
public:
    template <typename Act>
    explicit Disturbing(Act act)
        : thread_([this, act] {
              while (!is_over_) {
                  act();
              }
          }) {}
    ~Disturbing() {
        is_over_ = true;
        thread_.join();
    }

private:
    std::atomic<bool> is_over_{false};
    std::thread thread_;
};

constexpr int kRounds = 1500;

// One number that is now a socket of which nothing may be received, now another.
ACTOR(race_dup) {
    const Pair bad = MakePair(SOCK_SEQPACKET), good = MakePair(SOCK_STREAM);
    const int number = ::dup(good.far);
    ::fcntl(good.far, F_SETFL, O_NONBLOCK);
    ::fcntl(bad.far, F_SETFL, O_NONBLOCK);
    int got_bad = 0, got_good = 0, refused = 0;
    Disturbing disturbing([&] {
        ::dup2(bad.far, number);
        ::dup2(good.far, number);
    });
    for (int i = 0; i < kRounds; ++i) {
        Send(bad.near, "bad", MSG_DONTWAIT);
        Send(good.near, "good", MSG_DONTWAIT);
        const std::string got = Receive(number, MSG_DONTWAIT);
        char bytes[100];
        const ssize_t read = ::read(number, bytes, 3);
        got_bad += got.starts_with("bad") || (read >= 3 && std::memcmp(bytes, "bad", 3) == 0);
        got_good += got.starts_with("good");
        refused += got == "-EACCES";
    }
    IS(got_bad, 0);
    IS(got_good > 20, 1);
    IS(refused > 20, 1);
}
TEST(Race, OfTheDescriptor) {
    const Result result = RunUnder(R"(
  - name: no-seqpackets
    when: event in ["recvfrom", "read"] && socket.type == "SOCK_SEQPACKET"
    action: deny
)",
                                   "race_dup");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

// A process of its own that shares the table of descriptors.
ACTOR(race_shared_table) {
    const Pair bad = MakePair(SOCK_SEQPACKET), good = MakePair(SOCK_STREAM);
    const int number = ::dup(good.far);
    struct Sockets {
        int bad, good, number;
    } sockets{bad.far, good.far, number};
    static char stack[65536];
    const pid_t other = ::clone(
        [](void *data) {
            const auto *all = static_cast<const Sockets *>(data);
            while (true) {
                ::dup2(all->bad, all->number);
                ::dup2(all->good, all->number);
            }
            return 0;
        },
        stack + sizeof(stack), CLONE_FILES | SIGCHLD, &sockets);
    IS(other > 0, 1);
    int got_bad = 0, refused = 0;
    for (int i = 0; i < kRounds; ++i) {
        Send(bad.near, "bad", MSG_DONTWAIT);
        Send(good.near, "good", MSG_DONTWAIT);
        const std::string got = Receive(number, MSG_DONTWAIT);
        got_bad += got.starts_with("bad");
        refused += got == "-EACCES";
    }
    IS(got_bad, 0);
    IS(refused > 20, 1);
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
}
TEST(Race, OfATableThatIsShared) {
    const Result result = RunUnder(R"(
  - name: no-seqpackets
    when: event in ["recvfrom", "read"] && socket.type == "SOCK_SEQPACKET"
    action: deny
)",
                                   "race_shared_table");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

// Where a datagram goes is read once: who may not be sent to never is.
ACTOR(race_destination) {
    const int bad = ::socket(AF_INET, SOCK_DGRAM, 0), good = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in names[2]{};
    for (int i = 0; i < 2; ++i) {
        names[i].sin_family = AF_INET;
        names[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        names[i].sin_port = htons(static_cast<in_port_t>(i == 0 ? 47811 : 0));
        ::bind(i == 0 ? bad : good, reinterpret_cast<sockaddr *>(&names[i]), sizeof(names[i]));
        socklen_t size = sizeof(names[i]);
        ::getsockname(i == 0 ? bad : good, reinterpret_cast<sockaddr *>(&names[i]), &size);
    }
    sockaddr_in to = names[1];
    volatile in_port_t *port = &to.sin_port;
    int refused = 0, sent = 0;
    {
        Disturbing disturbing([&] {
            for (int i = 0; i < 1000; ++i) {
                *port = names[0].sin_port;
            }
            for (int i = 0; i < 1000; ++i) {
                *port = names[1].sin_port;
            }
        });
        const int from = ::socket(AF_INET, SOCK_DGRAM, 0);
        for (int i = 0; i < kRounds; ++i) {
            const long got = Got(::sendto(from, "x", 1, 0, reinterpret_cast<sockaddr *>(&to), sizeof(to)));
            refused += got == -EACCES;
            sent += got == 1;
        }
    }
    IS(Receive(bad, MSG_DONTWAIT), "-EAGAIN");
    IS(refused > 20, 1);
    IS(sent > 20, 1);
}
TEST(Race, OfTheDestination) {
    const Result result = RunUnder(R"(
  - name: port
    when: event == "sendto" && socket.remote.port == 47811
    action: deny
)",
                                   "race_destination");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

// The caller's own msghdr, vector and buffer change; what is received is still what was judged.
ACTOR(race_msghdr) {
    const Pair pair = MakePair(SOCK_DGRAM);
    char one[64], two[64];
    iovec parts[2] = {{one, sizeof(one)}, {two, sizeof(two)}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 1;
    iovec *volatile *iov = &message.msg_iov;
    volatile std::size_t *length = &parts[0].iov_len;
    Disturbing disturbing([&] {
        *iov = parts + 1;
        *length = 8;
        one[0] = 'z';
        *iov = parts;
        *length = sizeof(one);
    });
    int refused = 0, passed = 0;
    for (int i = 0; i < kRounds; ++i) {
        Send(pair.near, i % 2 == 0 ? "good" : "bad");
        const long got = Got(::recvmsg(pair.far, &message, MSG_DONTWAIT));
        if (got == -EPERM) {
            ++refused;
            char none;
            IS(Got(::recvfrom(pair.far, &none, 0, MSG_DONTWAIT, nullptr, nullptr)), 0);  // throws it away: see the rule
        } else {
            ++passed;
            IS(got, 4);
        }
    }
    IS(refused, kRounds / 2);
    IS(passed, kRounds / 2);
}
TEST(Race, OfTheMsghdr) {
    const Result result = RunUnder(R"(
  - name: bad
    when: event == "recvmsg" && payload.startsWith("bad")
    action: deny
    errno: EPERM
)",
                                   "race_msghdr");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

// Several readers of one queue: what another one takes first is not handed to two, and what is refused to none.
ACTOR(race_readers) {
    const Pair pair = MakePair(SOCK_DGRAM);
    std::atomic<int> good{0}, bad{0};
    std::thread readers[4];
    std::atomic<bool> is_over{false};
    for (std::thread &reader : readers) {
        reader = std::thread([&] {
            while (!is_over) {
                const std::string got = Receive(pair.far, MSG_DONTWAIT);
                good += got == "good";
                bad += got == "bad";
            }
        });
    }
    for (int i = 0; i < kRounds; ++i) {
        while (Send(pair.near, i % 10 == 9 ? "bad" : "good", MSG_DONTWAIT) < 0) {
            ::usleep(100);
        }
    }
    for (int i = 0; i < 200 && good < kRounds - kRounds / 10; ++i) {
        ::usleep(10000);
    }
    is_over = true;
    for (std::thread &reader : readers) {
        reader.join();
    }
    IS(good.load(), kRounds - kRounds / 10);
    IS(bad.load(), 0);
}
TEST(Race, OfSeveralReaders) {
    const Result result = RunUnder(R"(
  - name: bad
    when: event == "recvfrom" && payload == "bad"
    action: drop
)",
                                   "race_readers");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

}  // namespace
}  // namespace run
