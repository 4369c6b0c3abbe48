// SPDX-License-Identifier: Apache-2.0
// Many receives as fast as they go, from one thread and from several, counted and nothing more.
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "receive.h"

namespace traffic {
namespace {

constexpr int kMessages = 20000;
constexpr int kThreads = 4;
constexpr std::string_view kText = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

// False where a call failed; a thread must not throw.
bool ReceiveMany(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    std::array<char, 256> buffer;
    iovec iov{buffer.data(), buffer.size()};
    bool fine = true;
    for (int i = 0; i < kMessages; ++i) {
        msghdr message{};
        message.msg_iov = &iov;
        message.msg_iovlen = 1;
        const ssize_t size = static_cast<ssize_t>(kText.size());
        fine = fine && send(pair.far.get(), kText.data(), kText.size(), 0) == size;
        context.truth.CountOperation();
        fine = fine && syscall(SYS_recvmsg, pair.near.get(), &message, MSG_DONTWAIT) == size;
    }
    return fine;
}

void Flood(Context &context) {
    if (!ReceiveMany(context))
        throw Failure("a receive failed");
}

void FloodThreads(Context &context) {
    std::array<bool, kThreads> fine{};
    std::array<std::thread, kThreads> threads;
    for (size_t i = 0; i < kThreads; ++i) {
        threads[i] = std::thread([&, i] { fine[i] = ReceiveMany(context); });
    }
    for (std::thread &thread : threads)
        thread.join();
    for (const bool one : fine) {
        if (!one)
            throw Failure("a receive failed");
    }
}

constexpr Scenario kScenarios[] = {
    {"flood", Flood, ""},
    {"flood-threads", FloodThreads, ""},
};

}  // namespace

std::span<const Scenario> FloodScenarios() { return kScenarios; }

}  // namespace traffic
