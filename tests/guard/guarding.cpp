// SPDX-License-Identifier: Apache-2.0
// A guard at work; see guarding.h.
#include "guarding.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>

#include "options.h"

namespace guard {

using namespace std::chrono_literals;

Guarding::Guarding(const std::string &rules, const std::string &head, const std::vector<std::string> &more) {
    Write(rules, head);
    std::vector<std::string> command{live::Chosen().sockwarden, "guard", "-o", "json", "--policy", policy_.path()};
    command.insert(command.end(), more.begin(), more.end());
    if (const std::string &engine = live::Chosen().engine;
        engine != "auto" && std::ranges::find(more, "--engine") == more.end()) {
        command.insert(command.end(), {"--engine", engine});
    }
    process_ = std::make_unique<live::Process>(command);
    works_ = process_->ReadUntil([&] { return process_->err().find("hooks proven") != std::string::npos; },
                                 live::Seconds(60));
}

Guarding::~Guarding() = default;

void Guarding::Write(const std::string &rules, const std::string &head) const {
    std::ofstream(policy_.path()) << "version: 1\nname: trial\n" << head << "rules:\n" << rules;
}

std::vector<Json> Guarding::End() {
    process_->Signal(SIGINT);
    const live::Ended ended = process_->Wait();
    said_ = ended.err;
    std::vector<Json> told;
    for (const Json &record : live::ParseStream(ended.out).records) {
        if (record.contains("verdict")) {
            told.push_back(record);
        }
    }
    return told;
}

int Guarding::ExitCode() {
    const live::Ended ended = process_->Wait();
    said_ = ended.err;
    return WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : -1;
}

}  // namespace guard
