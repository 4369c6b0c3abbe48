// SPDX-License-Identifier: Apache-2.0
// A second thread that writes over what a call is given, for as long as it takes to have lied often enough.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace traffic {

// Whether another call is to be made: 10,000 at least, and until the least disturbed memory has lied a hundred times; a
// busy machine needs more calls for it.
constexpr bool GoesOn(int calls, int least_differed) {
    return calls < 10000 || (calls < 100000 && least_differed < 100);
}

// What two threads write at the same time.
template <typename T>
void Store(T &place, T value) {
    std::atomic_ref<T>(place).store(value, std::memory_order_relaxed);
}

// Runs `disturb` on a CPU of its own, which is to return once `done` is set; the destructor sets it. Skip on one CPU,
// where threads take turns and do not race.
class Disturber {
public:
    Disturber(const std::function<void()> &disturb, std::atomic<bool> &done);
    ~Disturber();
    Disturber(const Disturber &) = delete;
    Disturber &operator=(const Disturber &) = delete;

private:
    std::atomic<bool> &done_;
    std::thread thread_;
};

}  // namespace traffic
