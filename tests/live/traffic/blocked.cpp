// SPDX-License-Identifier: Apache-2.0
// Waiting until a thread sleeps inside recvmsg: its state and system call as /proc shows them.
#include "blocked.h"

#include <poll.h>
#include <sys/syscall.h>

#include <fstream>
#include <string>

#include "scenario.h"

namespace traffic {
namespace {

bool IsAsleep(const std::string &directory) {
    std::string line;
    std::getline(std::ifstream(directory + "/stat"), line);
    const size_t behind_comm = line.rfind(')');
    return behind_comm != std::string::npos && line[behind_comm + 2] == 'S';
}

// /proc/PID/syscall is not there on every kernel; then the state alone must do.
bool IsInReceive(const std::string &directory) {
    std::ifstream file(directory + "/syscall");
    long number = -1;
    return !file || !(file >> number) ? !file.is_open() : number == SYS_recvmsg;
}

}  // namespace

void AwaitBlocked(pid_t thread) {
    const std::string directory = "/proc/" + std::to_string(thread);
    for (int tries = 0; tries < 10000; ++tries) {
        poll(nullptr, 0, 1);
        if (IsAsleep(directory) && IsInReceive(directory))
            return;
    }
    throw Failure("the thread did not block in recvmsg within 10 s");
}

}  // namespace traffic
