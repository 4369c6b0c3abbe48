// SPDX-License-Identifier: Apache-2.0
// Policies judged once a message has been delivered, by a tracing engine: who received what it should not is killed,
// and what a refusal let escape is found.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/compiled_policies.h"
#include "cli/rulings.h"
#include "policy/compile/image.h"
#include "policy/verdict.h"
#include "source/bpf/engine.h"

namespace sockwarden {

struct DeliveryOptions {
    std::size_t ring_size = 0;  // bytes of each CPU's ring; 0: default
    std::uint32_t snaplen = 0;  // bytes of each message that are judged
    bool marked_only = false;   // what marked processes receive, and their descendants
    FileIdentity control;       // the socket that the guard is talked to by
};

// Policies at one point where delivered messages are judged. What is certain by process, socket and the first bytes
// kills inside the kernel, before the call returns; what only the reader knows, a moment later.
class DeliveryJudge {
public:
    // Loads and attaches, and proves that it kills: a process of its own, by each call that receives. Exit code 3 where
    // it does not. `point` is of the policies, and `image` was made of it.
    static Result<std::unique_ptr<DeliveryJudge>> open(std::shared_ptr<const PlacedPolicies> placed,
                                                       const policy::Deployed &point, policy::Image image,
                                                       const DeliveryOptions &options);

    // Puts it in force.
    void arm() { engine_->arm(); }
    // What was delivered from then on, or until then, in ns of the monotonic clock, is its own.
    void begin(std::uint64_t now) { begin_ = now; }
    void end(std::uint64_t now) { end_ = now; }
    // Says in words what is decided about a message that was read from engine(), and kills where that is still to be
    // done. False where it is allowed without more, or another's. The words are valid until the next one.
    bool complete(Message &message);

    BpfEngine &engine() { return *engine_; }
    const std::string &engine_name() const { return name_; }
    // How often a rule, or without a name the default of its policy, has decided or reported.
    std::uint64_t hits(const std::string &policy, const std::string &rule) const;

private:
    DeliveryJudge(std::shared_ptr<const PlacedPolicies> placed, const policy::Deployed &point, policy::Image image)
        : placed_(std::move(placed)), point_(point), image_(std::move(image)), rulings_(placed_->points) {}
    bool say(const policy::Verdict &verdict, Message &message);

    std::shared_ptr<const PlacedPolicies> placed_;
    const policy::Deployed &point_;
    policy::Image image_;
    std::unique_ptr<BpfEngine> engine_;
    std::string name_;
    Rulings rulings_;  // of verdicts from the kernel
    Ruling ruling_;
    std::uint64_t begin_ = 0, end_ = UINT64_MAX;
    std::map<std::pair<std::string, std::string>, std::uint64_t> hits_;
};

// The judges of a guard, one after the other.
class Deliveries : public Source {
public:
    // Judges in the place of the one before, which may be null, as this may; each message is told by one of them.
    void replace(std::unique_ptr<DeliveryJudge> next);
    DeliveryJudge *current() const { return current_.get(); }
    bool complete(Message &message);

    std::size_t drain(const Take &take, bool all, std::size_t budget) override;
    int wake_fd() const override;
    bool prepare_sleep() override;
    std::vector<Loss> losses() override;

private:
    std::unique_ptr<DeliveryJudge> current_;
    std::vector<std::unique_ptr<DeliveryJudge>> former_;  // what they told is still to be read
    DeliveryJudge *read_ = nullptr;                       // of whose messages complete() is asked
    std::vector<Loss> lost_;                              // of all that are gone
};

}  // namespace sockwarden
