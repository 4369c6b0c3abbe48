// SPDX-License-Identifier: Apache-2.0
// Scenarios of receives that block, and of signals that interrupt them.
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "blocked.h"
#include "receive.h"

namespace traffic {
namespace {

std::atomic<int> caught{0};  // a signal handler can reach nothing else

void Catch(int) { caught.fetch_add(1); }

void Handle(int flags) {
    struct sigaction action {};
    action.sa_handler = Catch;
    action.sa_flags = flags;
    Check(sigaction(SIGUSR1, &action, nullptr) == 0, "sigaction");
    caught = 0;
}

void Signal(pid_t thread) { syscall(SYS_tgkill, getpid(), thread, SIGUSR1); }

void Blocking(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    const pid_t reader = gettid();
    std::atomic<pid_t> thread = 0;
    std::thread writer([&] {
        thread = gettid();
        AwaitBlocked(reader);
        Send(pair.far, "woken");
    });
    Receive call(context, pair.near);
    const Outcome outcome = call.WriterThread(thread).Make();
    writer.join();
    if (outcome.bytes != "woken")
        throw Failure("the blocked call did not get the message");
}

// Without SA_RESTART and with no timeout: the kernel's code is ERESTARTSYS, the program sees EINTR.
void Interrupted(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    const pid_t reader = gettid();
    Handle(0);
    std::thread other([&] {
        AwaitBlocked(reader);
        Signal(reader);
    });
    Receive call(context, pair.near);
    const Outcome outcome = call.Make();
    other.join();
    if (outcome.error != EINTR)
        throw Failure("the call was not interrupted");
}

// A timeout makes the kernel itself say EINTR.
void InterruptedWithTimeOut(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    const timeval late{30, 0};
    setsockopt(pair.near.get(), SOL_SOCKET, SO_RCVTIMEO, &late, sizeof(late));
    const pid_t reader = gettid();
    Handle(SA_RESTART);
    std::atomic<pid_t> thread = 0;
    std::thread other([&] {
        thread = gettid();
        AwaitBlocked(reader);
        Signal(reader);
    });
    Receive call(context, pair.near);
    const Outcome outcome = call.Make();
    other.join();
    if (outcome.error != EINTR)
        throw Failure("the call was not interrupted");
}

// One call of the program, two of the kernel: it enters recvmsg again after the handler.
void Restarted(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    const pid_t reader = gettid();
    Handle(SA_RESTART);
    std::atomic<pid_t> thread = 0;
    std::thread other([&] {
        thread = gettid();
        AwaitBlocked(reader);
        Signal(reader);
        while (caught == 0)
            usleep(1000);
        AwaitBlocked(reader);
        Send(pair.far, "after the signal");
    });
    Receive call(context, pair.near);
    const Outcome outcome = call.WriterThread(thread).RestartedOnce().Make();
    other.join();
    if (caught != 1 || outcome.bytes != "after the signal")
        throw Failure("no restart happened");
}

constexpr Scenario kScenarios[] = {
    {"blocking", Blocking, ""},
    {"interrupted", Interrupted, ""},
    {"interrupted-with-timeout", InterruptedWithTimeOut, ""},
    {"restarted", Restarted, ""},
};

}  // namespace

std::span<const Scenario> SignalScenarios() { return kScenarios; }

}  // namespace traffic
