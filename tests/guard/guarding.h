// SPDX-License-Identifier: Apache-2.0
// A guard at work while a test tries what it must refuse.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "process.h"
#include "stream.h"
#include "temporary.h"

namespace guard {

using live::Json;

class Guarding {
public:
    // Starts `sockwarden guard` on a policy of these rules (the text of the list in YAML) and waits until it guards.
    explicit Guarding(const std::string &rules, const std::string &head = "",
                      const std::vector<std::string> &more = {});
    ~Guarding();

    bool Works() const { return works_; }
    // Puts other rules into the policy's file.
    void Write(const std::string &rules, const std::string &head = "") const;
    // Ends it and returns what it told: records with a verdict, in order.
    std::vector<Json> End();
    const std::string &Said() const { return said_.empty() ? process_->err() : said_; }
    int ExitCode();  // once it has ended by itself
    void Signal(int signal) const { process_->Signal(signal); }
    std::string Policy() const { return policy_.path(); }
    pid_t Pid() const { return process_->pid(); }

private:
    live::TemporaryFile policy_;
    std::unique_ptr<live::Process> process_;
    std::string said_;
    bool works_ = false;
};

// The errno of connecting a stream to a path.
int ConnectTo(const char *path);

// Restricts what /proc/kallsyms shows, for as long as it lives.
class HiddenAddresses {
public:
    HiddenAddresses() {
        std::ifstream(kSetting) >> before_;
        std::ofstream(kSetting) << 2;
    }
    ~HiddenAddresses() { std::ofstream(kSetting) << before_; }
    HiddenAddresses(const HiddenAddresses &) = delete;
    HiddenAddresses &operator=(const HiddenAddresses &) = delete;

private:
    static constexpr const char *kSetting = "/proc/sys/kernel/kptr_restrict";
    int before_ = 0;
};

}  // namespace guard
