// SPDX-License-Identifier: Apache-2.0
// One system call that may wait, made in a thread of its own.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

#include "base/fd.h"

namespace sockwarden {

class Worker {
public:
    // Makes `call`, which returns 0 or more, or a negative errno. It must not own what this object's owner destroys
    // before it.
    explicit Worker(std::function<std::int64_t()> call) : ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        struct sigaction nothing {};
        nothing.sa_handler = [](int) {};  // without SA_RESTART: it interrupts
        ::sigaction(kInterrupt, &nothing, nullptr);
        thread_ = std::thread([this, call = std::move(call)] {
            sigset_t one;
            ::sigemptyset(&one);
            ::sigaddset(&one, kInterrupt);
            ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
            result_ = call();
            is_done_ = true;
            ::eventfd_write(ended_.get(), 1);
        });
    }
    Worker(const Worker &) = delete;
    Worker &operator=(const Worker &) = delete;
    ~Worker() {
        stop();
        thread_.join();
    }

    // Interrupts the call, as often as it takes: the first signal may come before it. What it came to is its result.
    void stop() {
        while (!is_done_) {
            ::pthread_kill(thread_.native_handle(), kInterrupt);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

    // Becomes readable when it has ended.
    int fd() const { return ended_.get(); }
    bool is_done() const { return is_done_; }
    std::int64_t result() const { return result_; }

private:
    static inline const int kInterrupt = SIGRTMAX;

    Fd ended_;
    std::atomic<bool> is_done_{false};
    std::atomic<std::int64_t> result_{0};
    std::thread thread_;
};

}  // namespace sockwarden
