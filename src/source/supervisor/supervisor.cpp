// SPDX-License-Identifier: Apache-2.0
// The engine `supervisor`; see supervisor.h.
#include "source/supervisor/supervisor.h"

#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>

namespace sockwarden {
namespace {

constexpr std::size_t kDefaultQueue = 8 << 20;
// Who is told to the supervisor is out of reach of signals that do not kill, until it is answered: else an answer can
// be lost that was given in the moment of a signal (include/uapi/linux/seccomp.h, Linux 5.19).
constexpr unsigned kWaitKillable = 1U << 5;

// A word that two processes share changes: whoever sleeps on it looks again.
void wake(const void *word) { ::syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0); }
void sleep_while(const void *word, int value) {
    const timespec a_while{0, 20'000'000};  // it may change before it is slept on
    ::syscall(SYS_futex, word, FUTEX_WAIT, value, &a_while, nullptr, 0);
}

long install_filter(const sock_fprog &program) {
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
               ? -1
               : ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | kWaitKillable,
                           &program);
}

Error refusal(int error) {
    if (error == EBUSY) {
        return {
            "there is a supervisor already: the kernel allows one for a process and its descendants, so sockwarden "
            "cannot run inside `sockwarden run`",
            2};
    }
    if (error == EINVAL) {
        return {
            "this kernel cannot hold a supervised process still (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV): Linux 5.19 "
            "or newer is needed",
            2};
    }
    return errno_error("cannot supervise the command (seccomp)", error);
}

}  // namespace

Status probe_supervisor() {
    const pid_t child = ::fork();
    if (child == 0) {
        sock_filter pass = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        ::_exit(install_filter({1, &pass}) < 0 ? errno : 0);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return errno_error("cannot tell");
    }
    return WEXITSTATUS(status) == 0 ? Status(Done{}) : refusal(WEXITSTATUS(status));
}

Supervisor::Supervisor(SupervisorOptions options, std::vector<sock_filter> filter)
    : options_(std::move(options)),
      is_judging_(options_.what.judged != 0),
      filter_(std::move(filter)),
      shared_(::mmap(nullptr, sizeof(Handshake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
              sizeof(Handshake)),
      queue_(options_.ring_size != 0 ? options_.ring_size : kDefaultQueue),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Result<std::unique_ptr<Supervisor>> Supervisor::open(SupervisorOptions options) {
    Result<std::vector<sock_filter>> filter =
        make_filter({options.what.traced | options.what.judged, options.what.judged, options.allow_rings});
    if (!filter) {
        return filter.error();
    }
    std::unique_ptr<Supervisor> supervisor(new Supervisor(std::move(options), *std::move(filter)));
    if (!supervisor->shared_ || !supervisor->stop_) {
        return errno_error("cannot set up the supervisor");
    }
    supervisor->handshake_ = new (supervisor->shared_.data()) Handshake;
    return supervisor;
}

Supervisor::~Supervisor() { stop(); }

void Supervisor::stop() {
    if (thread_.joinable()) {
        ::eventfd_write(stop_.get(), 1);
        thread_.join();
    }
}

int Supervisor::enter() const {
    const sock_fprog program{static_cast<unsigned short>(filter_.size()), const_cast<sock_filter *>(filter_.data())};
    const long listener = install_filter(program);
    const int error = listener < 0 ? errno : 0;
    handshake_->process = ::getpid();
    handshake_->error = error;
    handshake_->listener = static_cast<int>(listener);
    wake(&handshake_->listener);
    while (error == 0 && !handshake_->is_taken) {
        sleep_while(&handshake_->is_taken, 0);
    }
    return error;
}

Status Supervisor::supervise(pid_t child) {
    const Fd between(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    if (!between) {
        return errno_error("cannot supervise the command");
    }
    pollfd ended{between.get(), POLLIN, 0};
    while (handshake_->listener < 0 && handshake_->error == 0) {
        sleep_while(&handshake_->listener, -1);
        if (::poll(&ended, 1, 0) != 0) {
            return Error{"the command ended before it was supervised"};
        }
    }
    if (const int error = handshake_->error; error != 0) {
        return refusal(error);
    }
    const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, handshake_->process.load(), 0)));
    Fd listener(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), handshake_->listener.load(), 0)));
    if (!listener) {
        return errno_error("cannot take over the command's calls (pidfd_getfd)");
    }
    // One for each thread that it knows and for each call that waits. The command keeps the limit that it was given.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    supervision_ = std::make_unique<Supervision>(std::move(options_.what), std::move(listener), queue_, counts_);
    thread_ = std::thread([this] {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        supervision_->run(stop_.get());
    });
    handshake_->is_taken = true;
    wake(&handshake_->is_taken);
    return Done{};
}

// At the end: what was answered before is recorded by then. Who calls later waits, as nobody answers any more.
std::size_t Supervisor::drain(const Take &take, bool all, std::size_t budget) {
    if (all) {
        stop();
    }
    return queue_.drain(take, budget);
}

std::vector<Loss> Supervisor::losses() {
    std::vector<Loss> losses;
    for (const auto &[name, sum, count] : {std::tuple("ring_full", "dropped", counts_.ring_full.load()),
                                           std::tuple("repeated", "filtered", counts_.repeated.load()),
                                           std::tuple("unjudged", "none", counts_.unjudged.load())}) {
        if (count != 0) {
            losses.push_back({name, sum, -1, count});
        }
    }
    return losses;
}

std::vector<std::string> Supervisor::uncovered() const {
    std::vector<std::string> uncovered{"accept, fd_received, senders"};
    if (is_judging_) {
        uncovered.emplace_back(
            "refused to the command: splice, preadv2, sendfile from a socket, TCP_ZEROCOPY_RECEIVE, SO_PEEK_OFF");
    } else {
        uncovered.emplace_back("splice, preadv2, pwritev2, and TCP_ZEROCOPY_RECEIVE");
        uncovered.emplace_back("what sends and connections come to");
    }
    uncovered.emplace_back(options_.allow_rings ? "io_uring, Linux AIO"
                                                : "refused to the command: io_uring, Linux AIO");
    return uncovered;
}

}  // namespace sockwarden
