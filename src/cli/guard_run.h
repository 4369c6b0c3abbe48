// SPDX-License-Identifier: Apache-2.0
// A guard over its whole life: the policies in force, those that replace them, and what it answers to who asks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/compiled_policies.h"
#include "cli/delivery_judge.h"
#include "cli/rulings.h"
#include "control/control.h"
#include "source/bpf/guard.h"

namespace sockwarden {

struct GuardPlan {
    std::vector<std::string> policies;  // files and folders, read anew for each reload
    bool audit = false;
    bool recheck = false;   // what was delivered is judged again, for what escaped a refusal
    bool keep = false;      // enforces on when the guard has ended
    bool is_trial = false;  // must not take the place of what an earlier guard left in force
    GuardKind kind = GuardKind::lsm;
    bool may_choose = false;   // another kind, where this one cannot work
    bool for_command = false;  // by programs of a cgroup that is made for it
    std::string cgroup = "/";  // else of which
    std::size_t ring_size = 0;
    std::uint32_t snaplen = 4096;  // bytes of what was delivered that are judged
};

class GuardRun : public Source {
public:
    // Reads the policies and says what cannot be enforced; nothing is loaded.
    static Result<std::unique_ptr<GuardRun>> prepare(GuardPlan plan);
    // Loads, attaches and proves, and then releases what an earlier guard left in force. `control` may name nothing.
    Status start(const FileIdentity &control);

    std::size_t drain(const Take &take, bool all, std::size_t budget) override;
    int wake_fd() const override;
    bool prepare_sleep() override;
    std::vector<Loss> losses() override;

    // Puts the verdict of a message into words; false where it has none.
    bool complete(Message &message);
    // "guarding at connect, send; hooks proven: 4"
    std::string saying() const;
    // Of the guard, or where it has no hooks of its own, that judges what was delivered.
    std::string engine() const;
    // Whose messages are judged once they are delivered; empty where none are.
    std::string delivery_engine() const;
    // What judges messages once they are delivered; a source of its own.
    const std::shared_ptr<Deliveries> &deliveries() const { return deliveries_; }
    // What is judged of one that was delivered is for its command alone, where the guard is.
    Status mark(std::uint32_t pid);
    bool is_in_cgroup() const { return plan_.kind == GuardKind::cgroup; }
    // What the points in use do not see; empty where nothing is left out.
    std::vector<std::string> uncovered() const;
    // Takes this process, that of the command, in: 0, or an errno.
    int take_in() const;
    // Judges nothing any more, where nothing is kept; what was told can still be read.
    void stop();

    // Reads the policies anew and puts them in the place of those in force: first the new ones are attached and
    // proven, then the old ones go, so there is no moment without. With a mistake the old ones stay.
    Status reload();
    // Does the same with the policies in force where a path that they name leads to another file than when they were
    // loaded; nothing where none does.
    std::optional<Status> follow_files();
    // To "status", "reload" or "release".
    Answer answer(std::string_view request);
    bool is_released() const { return is_released_; }

private:
    // Policies from their files to the kernel. Rulings refer to the points.
    struct Version {
        std::uint32_t generation = 0;
        std::shared_ptr<const PlacedPolicies> placed;
        CompiledPolicies compiled;
        std::optional<Rulings> rulings;
        std::unique_ptr<Guard> guard;
    };

    explicit GuardRun(GuardPlan plan) : plan_(std::move(plan)) {}
    Result<std::shared_ptr<const PlacedPolicies>> read() const;
    Result<std::unique_ptr<Version>> compile(std::shared_ptr<const PlacedPolicies> placed) const;
    Status replace(std::shared_ptr<const PlacedPolicies> placed);
    Status load(Version &version) const;
    Result<std::unique_ptr<DeliveryJudge>> judge_deliveries(Version &version) const;
    Status check_delivery(const Version &version) const;
    Status open_cgroup();
    Status use_cgroups(const Error &why);
    std::string status() const;

    GuardPlan plan_;
    FileIdentity control_;
    std::unique_ptr<Version> current_;
    std::shared_ptr<Deliveries> deliveries_ = std::make_shared<Deliveries>();
    std::vector<std::unique_ptr<Version>> former_;  // replaced; what they told is still to be read
    std::vector<Loss> lost_;                        // of all that are gone
    RealFiles tried_;                               // of the last replacement, where it failed
    bool is_released_ = false;
    bool has_stopped_ = false;
    Fd door_;                       // of the cgroup of a command
    std::optional<Cgroup> cgroup_;  // goes first, with what runs in one that was made: never unguarded
};

}  // namespace sockwarden
