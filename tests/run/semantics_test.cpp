// SPDX-License-Identifier: Apache-2.0
// Receives that a policy looks at behave as without it: waiting, signals, timeouts, flags, batches, errors.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "actor.h"
#include "options.h"
#include "supervised.h"

namespace run {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kKinds[][2] = {{AF_UNIX, SOCK_STREAM},
                             {AF_UNIX, SOCK_DGRAM},
                             {AF_UNIX, SOCK_SEQPACKET},
                             {AF_INET, SOCK_STREAM},
                             {AF_INET, SOCK_DGRAM}};

void Catch(int signal, int flags) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    action.sa_flags = flags;
    ::sigaction(signal, &action, nullptr);
}
void AlarmIn(long milliseconds, long every = 0) {
    const itimerval when{{0, every * 1000}, {0, milliseconds * 1000}};
    ::setitimer(ITIMER_REAL, &when, nullptr);
}

ACTOR(waiting) {
    for (const auto &[family, type] : kKinds) {
        const Pair pair = MakePair(type, family);
        IS(Receive(pair.far, MSG_DONTWAIT), "-EAGAIN");
        std::thread later([&] {
            std::this_thread::sleep_for(50ms);
            Send(pair.near, "late");
        });
        IS(Receive(pair.far), "late");
        later.join();
        ::fcntl(pair.far, F_SETFL, O_NONBLOCK);
        IS(Receive(pair.far), "-EAGAIN");
        ::fcntl(pair.far, F_SETFL, 0);
        const timeval limit{0, 100'000};
        ::setsockopt(pair.far, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        const auto begin = Clock::now();
        IS(Receive(pair.far), "-EAGAIN");
        const auto took = Clock::now() - begin;
        IS(took > 90ms && took < 500ms, 1);
    }
    const Pair pair = MakePair(SOCK_STREAM);
    std::thread closing([&] {
        std::this_thread::sleep_for(50ms);
        ::shutdown(pair.near, SHUT_WR);
    });
    IS(Receive(pair.far), "");
    closing.join();
    IS(Receive(pair.far), "");
    ::close(pair.near);
    IS(Receive(pair.far), "");
}
TEST(Semantics, Waiting) {
    const Result result = RunUnder(kHarmless, "waiting");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

// Many threads wait at once, and none keeps another.
ACTOR(crowd) {
    std::vector<Pair> pairs;
    std::vector<std::thread> threads;
    std::atomic<int> done{0};
    for (int i = 0; i < 40; ++i) {
        pairs.push_back(MakePair(SOCK_STREAM));
    }
    for (int i = 0; i < 40; ++i) {
        threads.emplace_back([&, i] {
            IS(Receive(pairs[static_cast<std::size_t>(i)].far), std::to_string(i));
            ++done;
        });
    }
    std::this_thread::sleep_for(50ms);
    const Pair pair = MakePair(SOCK_DGRAM);
    for (int i = 0; i < 100; ++i) {
        Send(pair.near, "x");
        IS(Receive(pair.far), "x");
    }
    IS(done.load(), 0);
    for (int i = 39; i >= 0; --i) {
        Send(pairs[static_cast<std::size_t>(i)].near, std::to_string(i));
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
}
TEST(Semantics, ACrowdThatWaits) {
    const Result result = RunUnder(kHarmless, "crowd");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

ACTOR(signals) {
    const Pair pair = MakePair(SOCK_STREAM);
    Catch(SIGALRM, 0);
    AlarmIn(50);
    IS(Receive(pair.far), "-EINTR");
    Send(pair.near, "after");
    IS(Receive(pair.far), "after");
    Catch(SIGALRM, SA_RESTART);
    AlarmIn(50);
    std::thread later([&] {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        std::this_thread::sleep_for(150ms);
        Send(pair.near, "restarted");
    });
    IS(Receive(pair.far), "restarted");
    later.join();
    // What MSG_WAITALL had got when it was interrupted is told, or comes again.
    Catch(SIGALRM, 0);
    Send(pair.near, "12345");
    AlarmIn(50);
    std::string got = Receive(pair.far, MSG_WAITALL, 10);
    if (got == "-EINTR") {
        got = Receive(pair.far);
    }
    IS(got, "12345");
}
TEST(Semantics, Signals) {
    const Result result = RunUnder(kHarmless, "signals");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

// Signals come in the middle of everything, and no message is lost, doubled or out of order.
ACTOR(storm) {
    Catch(SIGALRM, 0);
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
        const Pair pair = MakePair(type);
        constexpr int kCount = 1500;
        const pid_t child = ::fork();
        if (child == 0) {
            for (int i = 0; i < kCount; ++i) {
                char text[9];
                std::snprintf(text, sizeof(text), "%08d", i);
                Send(pair.near, text);
                if (i % 10 == 0) {
                    ::usleep(3000);
                }
            }
            ::_exit(0);
        }
        AlarmIn(1, 1);
        int interrupted = 0;
        for (int i = 0; i < kCount;) {
            const std::string got = Receive(pair.far, 0, 8);
            if (got == "-EINTR") {
                ++interrupted;
                continue;
            }
            if (got.size() != 8 || std::atoi(got.c_str()) != i) {
                IS(got, std::to_string(i));
                break;
            }
            ++i;
        }
        AlarmIn(0);
        IS(interrupted > 10, 1);
        ::waitpid(child, nullptr, 0);
    }
}
TEST(Semantics, AStormOfSignalsLosesNothing) {
    const Result result = RunUnder(kHarmless, "storm");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

ACTOR(flags) {
    for (const auto &[family, type] : kKinds) {
        const Pair pair = MakePair(type, family);
        Send(pair.near, "0123456789");
        IS(Receive(pair.far, MSG_PEEK, 4), "0123");
        if (type == SOCK_STREAM) {
            IS(Receive(pair.far, 0, 4), "0123");
            IS(Receive(pair.far), "456789");
            std::thread later([&] {
                std::this_thread::sleep_for(30ms);
                Send(pair.near, "cdef");
            });
            Send(pair.near, "ab");
            IS(Receive(pair.far, MSG_WAITALL, 6), "abcdef");
            later.join();
        } else {
            char four[4];
            IS(Got(::recv(pair.far, four, 4, MSG_TRUNC | MSG_PEEK)), 10);
            iovec part{four, 4};
            msghdr message{};
            message.msg_iov = &part;
            message.msg_iovlen = 1;
            IS(Got(::recvmsg(pair.far, &message, 0)), 4);
            IS(message.msg_flags & MSG_TRUNC, MSG_TRUNC);
            Send(pair.near, "");
            IS(Receive(pair.far), "");
        }
        IS(Receive(pair.far, MSG_DONTWAIT), "-EAGAIN");
    }
}
TEST(Semantics, Flags) {
    const Result result = RunUnder(kHarmless, "flags");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

ACTOR(batches) {
    const Pair pair = MakePair(SOCK_DGRAM, AF_INET);
    for (const char *text : {"one", "two", "three"}) {
        Send(pair.near, text);
    }
    char bytes[4][10];
    mmsghdr messages[4] = {};
    iovec parts[4];
    sockaddr_storage names[4];
    for (std::size_t i = 0; i < 4; ++i) {
        parts[i] = {bytes[i], sizeof(bytes[i])};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &names[i];
        messages[i].msg_hdr.msg_namelen = sizeof(names[i]);
    }
    IS(Got(::recvmmsg(pair.far, messages, 4, MSG_WAITFORONE, nullptr)), 3);
    IS(std::string(bytes[2], messages[2].msg_len), "three");
    IS(messages[1].msg_hdr.msg_namelen, 16);
    IS(Got(::recvmmsg(pair.far, messages, 4, MSG_DONTWAIT, nullptr)), -EAGAIN);
    IS(Got(::recvmmsg(pair.far, messages, 0, 0, nullptr)), 0);
    timespec limit{0, 50'000'000};
    std::thread later([&] {
        for (int i = 0; i < 2; ++i) {
            std::this_thread::sleep_for(80ms);
            Send(pair.near, "x");
        }
    });
    IS(Got(::recvmmsg(pair.far, messages, 4, 0, &limit)), 1);  // looked at when a message has come (recvmmsg(2), BUGS)
    later.join();
}
TEST(Semantics, Batches) {
    const Result result = RunUnder(kHarmless, "batches");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_TRUE(RunUnder("", "batches").Passed());
}

ACTOR(errors) {
    char byte = 0;
    IS(Got(::recv(-1, &byte, 1, 0)), -EBADF);
    const int file = ::open("/dev/null", O_RDWR);
    IS(Got(::recv(file, &byte, 1, 0)), -ENOTSOCK);
    IS(Got(::read(file, &byte, 1)), 0);
    IS(Got(::write(file, &byte, 1)), 1);
    const Pair pair = MakePair(SOCK_DGRAM);
    Send(pair.near, "x");
    IS(Got(::recv(pair.far, reinterpret_cast<void *>(8), 1, 0)), -EFAULT);
    IS(Got(::recvmsg(pair.far, reinterpret_cast<msghdr *>(8), 0)), -EFAULT);
    msghdr message{};
    message.msg_iovlen = 1025;
    IS(Got(::recvmsg(pair.far, &message, 0)), -EMSGSIZE);
    const int unconnected = ::socket(AF_INET, SOCK_STREAM, 0);
    IS(Receive(unconnected), "-ENOTCONN");
    Pair reset = MakePair(SOCK_STREAM, AF_INET);
    const linger now{1, 0};
    ::setsockopt(reset.near, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    ::close(reset.near);
    IS(Receive(reset.far), "-ECONNRESET");
    int ends[2];
    ::pipe(ends);
    std::thread later([&] {
        std::this_thread::sleep_for(30ms);
        [[maybe_unused]] const ssize_t sent = ::write(ends[1], "pipe", 4);
    });
    char text[10];
    IS(Got(::read(ends[0], text, sizeof(text))), 4);
    later.join();
    char first[3], second[10];
    const iovec parts[] = {{first, 3}, {second, 10}};
    Send(pair.near, "abcdef");
    IS(Got(::readv(pair.far, parts, 2)), 6);
    IS(std::string(second, 3), "def");
}
TEST(Semantics, Errors) {
    const Result result = RunUnder(kHarmless, "errors");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

ACTOR(control) {
    const int file = ::open("/dev/null", O_RDONLY);
    const int three[] = {file, file, file};
    const int on = 1;
    for (const std::size_t room : {0UL, 8UL, 16UL, 20UL, 24UL, 28UL, 32UL, 40UL, 200UL}) {
        const Pair pair = MakePair(SOCK_STREAM);
        ::setsockopt(pair.far, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
        SendFds(pair.near, "x", three, 3);
        alignas(cmsghdr) char control[200];
        char byte = 0;
        iovec part{&byte, 1};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = room == 0 ? nullptr : control;
        message.msg_controllen = room;
        IS(Got(::recvmsg(pair.far, &message, 0)), 1);
        std::string text = std::to_string(message.msg_controllen) + (message.msg_flags & MSG_CTRUNC ? "t" : "");
        for (const cmsghdr *one = CMSG_FIRSTHDR(&message); one != nullptr;
             one = CMSG_NXTHDR(&message, const_cast<cmsghdr *>(one))) {
            text += " " + std::to_string(one->cmsg_type) + ":" + std::to_string(one->cmsg_len);
            if (one->cmsg_type == SCM_CREDENTIALS && one->cmsg_len == CMSG_LEN(sizeof(ucred))) {
                ucred from{};
                std::memcpy(&from, CMSG_DATA(one), sizeof(from));
                text += from.pid == ::getpid() ? " mine" : " another's";
            }
        }
        std::printf("%zu: %s\n", room, text.c_str());
    }
    std::fflush(stdout);
}
// What the kernel gives of ancillary data to how much room, and what sockwarden does.
TEST(Semantics, ControlMessages) {
    const live::Ended bare = live::RunCommand(Supervised::Actor("control"));
    const Result result = RunUnder(kHarmless, "control");
    EXPECT_TRUE(result.Passed()) << result.Text();
    std::string own;
    for (std::size_t at = 0, end = 0; (end = result.ended.out.find('\n', at)) != std::string::npos; at = end + 1) {
        const std::string line = result.ended.out.substr(at, end - at + 1);
        own += line.starts_with('{') ? "" : line;
    }
    EXPECT_EQ(own, bare.out);
}

TEST(Semantics, EndsAsTheCommandEnds) {
    const Supervised harmless(kHarmless);
    EXPECT_TRUE(live::RunCommand(harmless.CommandOf({"/bin/sh", "-c", "exit 7"})).Exited(7));
    EXPECT_TRUE(live::RunCommand(harmless.CommandOf({"/bin/sh", "-c", "kill -USR1 $$"})).Killed(SIGUSR1));
    EXPECT_TRUE(live::RunCommand(harmless.CommandOf({"/no/such/program"})).Exited(127));
    EXPECT_TRUE(live::RunCommand(harmless.CommandOf({"/etc/passwd"})).Exited(126));
}

}  // namespace
}  // namespace run
