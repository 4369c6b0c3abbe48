// SPDX-License-Identifier: Apache-2.0
// Policies as a supervisor enforces them: read, compiled for its points, and asked message by message.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "cli/compiled_policies.h"
#include "cli/rulings.h"
#include "source/supervisor/judging.h"

namespace sockwarden {

class SupervisedPolicies {
public:
    // Reads files and folders. What is wrong with the policies, or cannot be enforced, is said on standard error.
    static Result<std::unique_ptr<SupervisedPolicies>> read(const std::vector<std::string> &names, bool is_audit);

    // Events that some rule may decide.
    EventMask events() const { return events_; }
    // May be asked by one thread, which also sees to it that files are those that paths lead to.
    Decision judge(const Message &message, Known known) const;
    // True where a path that the policies name leads to another file now: earlier decisions count no more.
    bool follow_files();
    // Puts the verdict of a message into words; false where it has none. For one thread, perhaps another.
    bool complete(Message &message) { return rulings_->complete(message); }
    // "connect, receive"
    std::string where() const { return placed_->where(); }

private:
    std::shared_ptr<const PlacedPolicies> placed_;
    CompiledPolicies compiled_;
    std::optional<Rulings> rulings_;
    EventMask events_ = 0;
};

}  // namespace sockwarden
