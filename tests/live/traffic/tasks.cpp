// SPDX-License-Identifier: Apache-2.0
// Scenarios about who receives and who writes: threads, children, grandchildren, other users, exec.
#include "tasks.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <iostream>
#include <thread>

#include "receive.h"

namespace traffic {

pid_t StartChild(const std::function<void()> &work) {
    const pid_t child = fork();
    Check(child >= 0, "fork");
    if (child > 0)
        return child;
    try {
        work();
        _exit(0);
    } catch (const std::exception &error) {
        std::cerr << "a child failed: " << error.what() << std::endl;
        _exit(1);
    }
}

void AwaitChild(pid_t child) {
    int status = 0;
    Check(waitpid(child, &status, 0) == child, "waitpid");
    if (status != 0)
        throw Failure("a child did not end well");
}

void AfterExec(Context &context, int socket) { Receive(context, socket).Writer(getppid()).Gets("after exec"); }

namespace {

constexpr int kThreads = 200;

void Threads(Context &context) {
    std::vector<Pair> pairs;
    for (int i = 0; i < kThreads; ++i)
        pairs.push_back(UnixPair(SOCK_DGRAM));
    std::vector<std::string> wrong(kThreads);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, i] {
            try {
                Receive(context, pairs[i].near).Gets("for thread " + std::to_string(i));
            } catch (const std::exception &error) {
                wrong[i] = error.what();
            }
        });
    }
    for (size_t i = 0; i < kThreads; ++i)
        Send(pairs[i].far, "for thread " + std::to_string(i));
    for (std::thread &thread : threads)
        thread.join();
    for (const std::string &text : wrong) {
        if (!text.empty())
            throw Failure(text);
    }
}

void ThreadName(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "by name");
    std::exception_ptr wrong;
    std::thread thread([&] {
        try {
            prctl(PR_SET_NAME, "rx \"thread\" 15");
            Receive(context, pair.near).Gets("by name");
        } catch (...) {
            wrong = std::current_exception();
        }
    });
    thread.join();
    if (wrong)
        std::rethrow_exception(wrong);
}

void ChildWrites(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    const pid_t child = StartChild([&] { Send(pair.far, "from the child"); });
    AwaitChild(child);
    Receive(context, pair.near).Writer(child).Gets("from the child");
}

void TwoChildrenWrite(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    const pid_t first = StartChild([&] { Send(pair.far, "one "); });
    AwaitChild(first);
    const pid_t second = StartChild([&] { Send(pair.far, "two"); });
    AwaitChild(second);
    const Json both = {{{"pid", first}, {"tid", first}, {"bytes", 4}},
                       {{"pid", second}, {"tid", second}, {"bytes", 3}}};
    Receive(context, pair.near).Also({{"senders", both}}).Gets("one two");
}

void ChildReceives(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "to the child");
    const pid_t parent = getpid();
    AwaitChild(StartChild([&] { Receive(context, pair.near).Writer(parent).Gets("to the child"); }));
}

// What a daemon does: fork, setsid, fork, and its parents are gone when it receives.
void GrandchildReceives(Context &context) {
    const pid_t writer = getpid();
    Pair pair = UnixPair(SOCK_STREAM);
    int ends[2];
    Check(pipe(ends) == 0, "pipe");
    Fd done_read(ends[0]);
    Fd done_write(ends[1]);
    AwaitChild(StartChild([&] {
        setsid();
        const pid_t middle = getpid();
        StartChild([&] {
            while (getppid() == middle)
                usleep(1000);
            Receive(context, pair.near).Writer(writer).Gets("to the grandchild");
            Check(write(done_write.get(), "k", 1) == 1, "write");
        });
    }));
    done_write.Close();
    Send(pair.far, "to the grandchild");
    char done = 0;
    if (read(done_read.get(), &done, 1) != 1)
        throw Failure("the grandchild failed");
}

void OtherUser(Context &context) {
    constexpr uid_t kUser = 4242;
    constexpr gid_t kGroup = 2424;
    if (geteuid() != 0)
        throw Skip("not root");
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "to somebody else");
    const pid_t parent = getpid();
    AwaitChild(StartChild([&] {
        Check(setresgid(kGroup, kGroup, kGroup) == 0, "setresgid");
        Check(setresuid(kUser, kUser, kUser) == 0, "setresuid");
        // A process that changed its ids may not look at itself in /proc.
        prctl(PR_SET_DUMPABLE, 1);
        Receive(context, pair.near).Writer(parent).Gets("to somebody else");
    }));
}

void Replaced(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "before exec");
    Send(pair.far, "after exec");
    const pid_t parent = getpid();
    AwaitChild(StartChild([&] {
        Receive(context, pair.near).Buffers({11}).Writer(parent).Gets("before exec");
        const std::string truth = std::to_string(context.truth.file());
        const std::string counter = std::to_string(context.truth.counter());
        const std::string socket = std::to_string(pair.near.get());
        execl("/proc/self/exe", "sockwarden-traffic", "--truth-fd", truth.c_str(), "--counter-fd", counter.c_str(),
              "--resume", socket.c_str(), nullptr);
        Check(false, "exec");
    }));
}

constexpr Scenario kScenarios[] = {
    {"threads-200", Threads, ""},
    {"thread-name", ThreadName, ""},
    {"fork-child-writes", ChildWrites, ""},
    {"fork-two-write", TwoChildrenWrite, ""},
    {"fork-child-receives", ChildReceives, ""},
    {"fork-grandchild", GrandchildReceives, ""},
    {"other-user", OtherUser, "root"},
    {"exec", Replaced, ""},
};

}  // namespace

std::span<const Scenario> TaskScenarios() { return kScenarios; }

}  // namespace traffic
