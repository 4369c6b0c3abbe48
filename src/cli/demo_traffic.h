// SPDX-License-Identifier: Apache-2.0
// The traffic of `sockwarden demo`: real messages on sockets of its own, each with what the receiver itself saw.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sockwarden {

// What one recvmsg of the demo returned, in the words of the program that called it.
struct DemoTruth {
    std::string label;
    std::int64_t result = 0;
    std::string payload;
    std::string source;  // address that recvmsg gave, as people write it; empty when none
    int fds = 0;
    bool credentials = false;
};

// Does the traffic and tells the truth on `fd`, a line a message.
int run_demo_traffic(int fd);

// Reads what run_demo_traffic told.
std::vector<DemoTruth> read_demo_truth(const std::string &text);

}  // namespace sockwarden
