// SPDX-License-Identifier: Apache-2.0
// Who a guard never refuses anything; see agent.h.
#include "source/bpf/agent.h"

#include <unistd.h>

#include <fstream>
#include <sstream>

namespace sockwarden {

Result<std::uint64_t> start_of(const std::string &pid) {
    const std::string name = "/proc/" + pid + "/stat";
    std::ifstream file(name);
    std::string text;
    std::getline(file, text);
    std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));  // the name may hold anything
    constexpr int kBetween = 19;  // from the state, the third, to the start, the twenty-second (proc(5))
    std::string skipped;
    for (int i = 0; i < kBetween; ++i) {
        fields >> skipped;
    }
    std::uint64_t start = 0;
    if (!(fields >> start)) {
        return Error{"cannot read when a process started from " + name};
    }
    return start;
}

Status become_agent(volatile wire::shared_state &guard) {
    const Result<std::uint64_t> start = start_of("self");
    if (!start) {
        return start.error();
    }
    guard.agent = 0;  // never one's id with the other's start
    guard.agent_start = *start;
    guard.agent = static_cast<std::uint32_t>(::getpid());
    return Done{};
}

}  // namespace sockwarden
