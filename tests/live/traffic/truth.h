// SPDX-License-Identifier: Apache-2.0
// The log of what truly happened: one JSON line a call, and a count of calls kept apart from the
// lines.
#pragma once

#include <atomic>
#include <nlohmann/json.hpp>

namespace traffic {

using Json = nlohmann::json;

// Shared by all threads and children of the program, also across exec: lines are appended whole by
// one write each, and the counter lives in a memfd.
class Truth {
public:
    // Borrows `file`. `counter` is the memfd to continue, or -1 for a new one.
    Truth(int file, int counter);
    Truth(const Truth &) = delete;
    Truth &operator=(const Truth &) = delete;
    ~Truth();

    void CountOperation() { operations_->fetch_add(1); }
    unsigned long Operations() const { return operations_->load(); }
    // Lines carry this name from now on, in children and across exec too. Not while threads run.
    static void NameScenario(const char *name);
    void Append(Json line) const;

    int file() const { return file_; }
    int counter() const { return counter_; }

private:
    int file_;
    int counter_;
    std::atomic<unsigned long> *operations_;
};

}  // namespace traffic
