// SPDX-License-Identifier: Apache-2.0
// Ways round a supervisor that are none: other system calls, descendants, other tables of descriptors, its death.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "actor.h"
#include "cases.h"
#include "options.h"
#include "supervised.h"

namespace run {
namespace {

using namespace std::chrono_literals;

const char *const kBad = R"(
  - name: bad
    when: event in ["recvmsg", "recvmmsg", "recvfrom", "read", "readv"] && payload.contains("bad")
    action: deny
    errno: EPERM
)";

Pair Bad() {
    const Pair pair = MakePair(SOCK_STREAM);
    Send(pair.near, "bad");
    return pair;
}

int EndOf(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

ACTOR(other_calls) {
    const Pair pair = Bad();
    char bytes[10];
    const iovec part{bytes, sizeof(bytes)};
    IS(Got(::read(pair.far, bytes, sizeof(bytes))), -EPERM);
    IS(Got(::readv(pair.far, &part, 1)), -EPERM);
    IS(Got(::preadv2(pair.far, &part, 1, -1, RWF_NOWAIT)), -ENOTSUP);
    IS(Got(::syscall(SYS_preadv2, pair.far, &part, 1, -1, -1, 0)), -ENOSYS);
    int ends[2];
    ::pipe(ends);
    IS(Got(::splice(pair.far, nullptr, ends[1], nullptr, 10, 0)), -EINVAL);
    const int sink = ::open("/dev/null", O_WRONLY);
    IS(Got(::sendfile(sink, pair.far, nullptr, 10)), -EINVAL);
    const int file = ::open("/proc/self/exe", O_RDONLY);
    IS(Got(::sendfile(sink, file, nullptr, 10)), 10);
    std::thread beside([&] {
        off_t at = 4;
        IS(Got(::sendfile(ends[1], file, &at, 6)), 6);
        IS(at, 10);
        IS(Got(::sendfile(ends[1], pair.far, nullptr, 6)), -EINVAL);
        IS(Got(::read(ends[0], bytes, sizeof(bytes))), 6);
    });
    beside.join();
    IS(Got(::syscall(SYS_io_uring_setup, 1, nullptr)), -ENOSYS);
    IS(Got(::syscall(SYS_io_setup, 1, nullptr)), -ENOSYS);
    IS(Got(::syscall(0x40000000 | 45, pair.far, bytes, 10, 0, nullptr, nullptr)), -ENOSYS);  // x32
    const Pair tcp = MakePair(SOCK_STREAM, AF_INET);
    char room[64] = {};
    socklen_t size = sizeof(room);
    IS(Got(::getsockopt(tcp.far, IPPROTO_TCP, 35, room, &size)), -ENOPROTOOPT);  // TCP_ZEROCOPY_RECEIVE
    const int zero = 0;
    IS(Got(::setsockopt(pair.far, SOL_SOCKET, SO_PEEK_OFF, &zero, sizeof(zero))), -EOPNOTSUPP);
    const int copy = ::dup(pair.far);
    IS(Receive(copy), "-EPERM");
}
TEST(Rounds, OtherCalls) {
    const Result result = RunUnder(kBad, "other_calls");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

// Who a process is counts at each call, also when it was root before.
ACTOR(another_user) {
    const Pair pair = MakePair(SOCK_STREAM);
    for (int i = 0; i < 3; ++i) {
        Send(pair.near, "x");
        IS(Receive(pair.far), "x");
    }
    const pid_t child = ::fork();
    if (child == 0) {
        const bool is_another = ::setresuid(12345, 12345, 12345) == 0;
        Send(pair.near, "y");
        ::_exit(is_another && Receive(pair.far, MSG_DONTWAIT) == "-EACCES" ? 0 : 1);
    }
    IS(EndOf(child), 0);
    IS(Receive(pair.far), "y");
    IS(Got(::setresuid(0, 12345, 0)), 0);
    Send(pair.near, "z");
    IS(Receive(pair.far, MSG_DONTWAIT), "-EACCES");
    IS(Got(::setresuid(0, 0, 0)), 0);
    IS(Receive(pair.far, MSG_DONTWAIT), "z");
}
TEST(Rounds, WhoBecomesAnotherUser) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    Supervised supervised(R"(
  - name: user
    when: event == "recvfrom" && process.uid == 12345
    action: deny
)");
    supervised.StayRoot();
    const Result result = RunUnder(supervised, "another_user");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Told(result.told), "recvfrom:deny:user*2");
}

// What its parent is counts when it has been quiet for long.
ACTOR(another_parent) {
    const Pair pair = MakePair(SOCK_STREAM);
    Send(pair.near, "x");
    const pid_t child = ::fork();
    if (child == 0) {
        const bool was_let = Receive(pair.far, MSG_DONTWAIT) == "x";
        ::sleep(7);  // past the 5 s after which it is looked up again
        Send(pair.near, "y");
        ::_exit(was_let && Receive(pair.far, MSG_DONTWAIT) == "-EACCES" ? 0 : 1);
    }
    ::usleep(500'000);
    ::execl("/bin/sh", "sh", "-c", "sleep 8; true", nullptr);  // the parent now
}
TEST(Rounds, WhatTheParentBecameIsSeen) {
    const Result result = RunUnder(R"(
  - name: parent
    when: event == "recvfrom" && process.parent.exe == "/bin/sh"
    action: deny
)",
                                   "another_parent");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Told(result.told), "recvfrom:deny:parent");
}

ACTOR(descendants) {
    const Pair pair = Bad();
    for (int way = 0; way < 2; ++way) {
        const pid_t child = way == 0 ? ::fork() : ::vfork();
        if (child == 0) {
            char bytes[10];
            ::_exit(::recv(pair.far, bytes, sizeof(bytes), 0) < 0 && errno == EPERM ? 0 : 1);
        }
        IS(EndOf(child), 0);
    }
    std::thread thread([&] { IS(Receive(pair.far), "-EPERM"); });
    thread.join();
    // A socket that was passed on.
    const Pair to = MakePair(SOCK_STREAM);
    if (::fork() == 0) {
        const int passed = ReceiveFd(to.far);
        ::_exit(Receive(passed) == "-EPERM" ? 0 : 1);
    }
    SendFds(to.near, "x", &pair.far, 1);
    IS(EndOf(-1), 0);
    // A program that is executed, and one whose parent is gone.
    ::dup2(pair.far, 0);
    IS(::system("cat >&2 && exit 9; exit 0"), 0);
    int ends[2];
    ::pipe(ends);
    if (::fork() == 0) {
        if (::fork() == 0) {
            ::setsid();
            std::this_thread::sleep_for(50ms);
            const char answer = Receive(pair.far) == "-EPERM" ? 'y' : 'n';
            ::_exit(::write(ends[1], &answer, 1) == 1 ? 0 : 1);
        }
        ::_exit(0);
    }
    EndOf(-1);
    char answer = 0;
    IS(::read(ends[0], &answer, 1), 1);
    IS(answer, 'y');
    IS(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}
TEST(Rounds, Descendants) {
    const Result result = RunUnder(kBad, "descendants");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

// A 32-bit program, where the compiler can make one and the kernel runs it.
TEST(Rounds, AnI386Program) {
    const std::string program = enforced::CompatProgram();
    if (program.empty()) {
        GTEST_SKIP() << "it was not built, or this kernel runs no 32-bit programs";
    }
    const Supervised supervised(std::string(kBad) + R"(
  - name: name
    when: event == "connect" && socket.remote.abstract == "sockwarden-run-secret"
    action: deny
)");
    const live::Ended ended = live::RunCommand(supervised.CommandOf({program}));
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << ended.err;
}

// A thread whose table of descriptors is its own means its own socket, whatever the process has by that number.
ACTOR(own_table) {
    const Pair pair = Bad(), good = MakePair(SOCK_STREAM);
    Send(good.near, "good");
    const int number = ::dup(good.far);
    std::thread thread([&] {
        IS(::unshare(CLONE_FILES), 0);
        ::dup2(pair.far, number);
        const std::string got = Receive(number);
        IS(got == "-EPERM" || got == "-EACCES", 1);
    });
    thread.join();
    IS(Receive(number), "good");
}
TEST(Rounds, AThreadWithATableOfItsOwn) {
    const Result result = RunUnder(kBad, "own_table");
    EXPECT_TRUE(result.Passed()) << result.Text();
}

// Who may not be looked into is refused.
ACTOR(opaque) {
    const Pair pair = MakePair(SOCK_STREAM);
    Send(pair.near, "good");
    ::prctl(PR_SET_DUMPABLE, 0);
    const std::string got = Receive(pair.far);
    ::prctl(PR_SET_DUMPABLE, 1);
    IS(got, "-EACCES");
    Send(pair.near, "more");
    IS(Receive(pair.far), "goodmore");
}
TEST(Rounds, WhoMayNotBeLookedInto) {
    const Result result = RunUnder(kBad, "opaque");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_NE(result.ended.err.find("may not be looked into"), std::string::npos) << result.Text();
    EXPECT_TRUE(RunUnder(kBad, "opaque", {"--allow-opaque"}).ended.Exited(2));  // both checks differ
}

TEST(Rounds, OneSupervisorIsAllThatThereCanBe) {
    const std::string tool = Supervised::Tool();
    const live::Ended ended = live::RunCommand(Supervised("").CommandOf({tool, "run", "--", "/bin/true"}));
    EXPECT_TRUE(ended.Exited(2)) << ended.Text() << ended.err;
    EXPECT_NE(ended.err.find("there is a supervisor already"), std::string::npos) << ended.err;
}

ACTOR(lingering) {
    std::printf("begun %d\n", ::getpid());
    for (int i = 0; i < 3; ++i) {
        if (::fork() == 0) {
            ::setsid();
            ::signal(SIGTERM, SIG_IGN);
            if (i == 2 && ::fork() != 0) {
                ::_exit(0);
            }
            std::printf("child %d\n", ::getpid());
            std::fflush(stdout);
            ::pause();
        }
    }
    std::fflush(stdout);
    ::pause();
}
// Whatever ends the supervisor, nobody runs on without one.
TEST(Rounds, NobodyOutlivesTheSupervisor) {
    for (const int signal : {SIGKILL, SIGTERM}) {
        const Supervised harmless(kHarmless);
        live::Process process(harmless.Command("lingering"));
        const auto has_all = [&] {
            std::size_t count = 0;
            for (std::size_t at = 0; (at = process.out().find("child ", at)) != std::string::npos; ++at) {
                ++count;
            }
            return count == 3 && process.out().back() == '\n';
        };
        ASSERT_TRUE(process.ReadUntil(has_all, live::Seconds(20))) << process.out() << process.err();
        std::vector<pid_t> pids;
        for (std::size_t at = 0; (at = process.out().find("child ", at)) != std::string::npos; ++at) {
            pids.push_back(std::atoi(process.out().c_str() + at + 6));
        }
        process.Signal(signal);
        if (signal == SIGTERM) {  // the first is passed on, and its children ignore it
            std::this_thread::sleep_for(200ms);
            process.Signal(signal);
        }
        process.Wait(live::Seconds(10));
        for (const pid_t pid : pids) {
            bool is_there = true;
            for (int i = 0; i < 100 && is_there; ++i) {
                std::this_thread::sleep_for(20ms);
                is_there = ::kill(pid, 0) == 0;
            }
            EXPECT_FALSE(is_there) << pid << " after " << signal;
        }
    }
}

}  // namespace
}  // namespace run
