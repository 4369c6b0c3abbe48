// SPDX-License-Identifier: Apache-2.0
// The engine `supervisor`: a command and its descendants under seccomp user notification, without any privilege.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "source/source.h"
#include "source/supervisor/supervision.h"

namespace sockwarden {

struct SupervisorOptions {
    SupervisionOptions what;
    bool allow_rings = false;
    std::size_t ring_size = 0;  // bytes of records that may wait for the reader; 0: 8 MiB
};

// Whether this kernel lets a process be supervised; the error says why not.
Status probe_supervisor();

class Supervisor : public Source {
public:
    static Result<std::unique_ptr<Supervisor>> open(SupervisorOptions options);
    ~Supervisor() override;

    // To be called in the child, as the last thing before it executes the command: from there on it is supervised, once
    // the parent has called supervise(). Returns an errno. Allocates nothing.
    int enter() const;
    // Takes in the calls of the process that called enter(), which waits there until then: `child`, or a child of it.
    Status supervise(pid_t child);

    std::size_t drain(const Take &take, bool all, std::size_t budget) override;
    int wake_fd() const override { return queue_.wake_fd(); }
    bool prepare_sleep() override { return queue_.prepare_sleep(); }
    std::vector<Loss> losses() override;

    // What the two do not see or do otherwise than without them, in words.
    std::vector<std::string> uncovered() const;

private:
    // Shared with the child until it executes the command.
    struct Handshake {
        std::atomic<pid_t> process{0};
        std::atomic<int> listener{-1};  // its number there
        std::atomic<int> error{0};
        std::atomic<bool> is_taken{false};
    };

    Supervisor(SupervisorOptions options, std::vector<sock_filter> filter);
    void stop();

    SupervisorOptions options_;
    bool is_judging_;
    std::vector<sock_filter> filter_;
    Mapping shared_;
    Handshake *handshake_ = nullptr;
    RecordQueue queue_;
    SupervisionCounts counts_;
    Fd stop_;
    std::unique_ptr<Supervision> supervision_;
    std::thread thread_;
};

}  // namespace sockwarden
