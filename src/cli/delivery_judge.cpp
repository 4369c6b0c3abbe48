// SPDX-License-Identifier: Apache-2.0
// Judging after delivery; see delivery_judge.h.
#include "cli/delivery_judge.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "catalog/actions.h"
#include "catalog/points.h"
#include "cli/own_sockets.h"
#include "output/message_facts.h"
#include "policy/compile/judge.h"
#include "source/bpf/agent.h"
#include "source/bpf/choose.h"
#include "source/bpf/guard.h"

namespace sockwarden {
namespace {

// Kills the process that received a message, if it is still the same.
bool kill_receiver(const Message &message) {
    const auto pid = static_cast<pid_t>(message.wire->tgid);
    const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process || message.process == nullptr || pid == 1) {  // nobody kills the first
        return false;
    }
    const auto ns_of_tick = std::uint64_t{1'000'000'000} / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    const Result<std::uint64_t> start = start_of(std::to_string(pid));
    return start && *start == message.process->key.start / ns_of_tick &&
           ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) == 0;
}

// Whether something came of the call: not where a stream had ended, but perhaps where its buffer was at fault.
bool may_be_delivered(const Message &message) {
    const std::int64_t ret = message.wire->ret;
    return ret > 0 || ret == -EFAULT || (ret == 0 && message.socket != nullptr && message.socket->type != SOCK_STREAM);
}

// Whether the receiver got less of the message than was queued, or that is not known.
bool may_be_cut(const Message &message) {
    if (message.flags_reason == wire::REASON_here) {
        return (message.wire->msg_flags & MSG_TRUNC) != 0;
    }
    std::uint64_t room = 0;
    for (const wire::user_iovec &buffer : message.iov) {
        room += buffer.len;
    }
    return static_cast<std::uint64_t>(message.wire->ret) >= room;
}

// Which rule decided, and whether by a policy that was to refuse the message before.
struct Decider {
    const policy::Rule *rule = nullptr;  // null: the default
    bool was_to_refuse = false;
};

Decider decider_of(const policy::Deployed &point, const policy::Verdict &verdict) {
    Decider decider;
    for (std::size_t i = 0; i < point.policies.size(); ++i) {
        const policy::Excerpt &excerpt = point.policies[i];
        const auto found = std::ranges::find(excerpt.rules, verdict.rule, &policy::Rule::name);
        const bool decides = verdict.rule.empty() ? excerpt.otherwise != ActionId::allow : found != excerpt.rules.end();
        if (excerpt.policy->name == verdict.policy && decides) {
            decider = {verdict.rule.empty() ? nullptr : *found, point.rechecked.contains(i)};
        }
        if (decider.rule != nullptr && !decider.was_to_refuse) {
            break;
        }
    }
    return decider;
}

std::uint64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

Result<std::unique_ptr<DeliveryJudge>> DeliveryJudge::open(std::shared_ptr<const PlacedPolicies> placed,
                                                           const policy::Deployed &point, policy::Image image,
                                                           const DeliveryOptions &options) {
    std::unique_ptr<DeliveryJudge> judge(new DeliveryJudge(std::move(placed), point, std::move(image)));
    const bool refuses_by_default = std::ranges::any_of(
        point.policies, [](const policy::Excerpt &one) { return one.otherwise != ActionId::allow; });
    EngineOptions wanted;
    wanted.ring_size = options.ring_size;
    wanted.own = own_sockets();
    wanted.control = options.control;
    wanted.types = TypesOf::kernel_only;  // so that policies can be replaced when privilege is gone
    wanted.selection.marked_only = options.marked_only;
    wanted.selection.snaplen = options.snaplen;
    wanted.selection.facts = judge->image_.facts();
    wanted.selection.image = judge->image_.bytes();
    wanted.selection.verdicts = refuses_by_default ? wire::VERDICTS_OF_ALL : wire::VERDICTS;
    wanted.selection.events = 0;
    for (const std::string_view event : point.events) {
        wanted.selection.events |= events_named(event);
    }
    Result<ChosenEngine> chosen = choose_engine("auto", std::move(wanted));
    if (!chosen) {
        return Error{"what is delivered cannot be judged here: " + chosen.error().message, kExitUnproven};
    }
    if (Status status = chosen->engine->prove_kills(); !status) {
        return Error{status.error().message, kExitUnproven};
    }
    judge->engine_ = std::move(chosen->engine);
    judge->name_ = std::move(chosen->name);
    return judge;
}

bool DeliveryJudge::complete(Message &message) {
    const bool is_killed = message.verdict.has_value();
    const bool is_own = message.wire->head.time >= begin_ && message.wire->head.time < end_;
    if (!is_killed && (!is_own || !may_be_delivered(message))) {
        return false;
    }
    message.engine = name_;
    policy::Facts facts = facts_of(message);
    if (message.wire->ret < 0) {  // what there was before the address that faulted, nobody has kept
        facts.values[FactId::payload] = policy::Unknown{};
        facts.values[FactId::payload_length] = policy::Unknown{};
    }
    const policy::Verdict verdict = policy::judge(image_, point_.policies, facts);
    if (is_killed && verdict.action != ActionId::kill) {  // it has killed by what it knew
        message.verdict->point = static_cast<wire::u32>(point_.point);
        const bool is_known = rulings_.complete(message);
        ruling_ = is_known ? *message.ruling : Ruling{};
        ruling_.after = true;
        message.ruling = &ruling_;
        return is_known;
    }
    return (verdict.action != ActionId::allow || !verdict.alerts.empty()) && say(verdict, message);
}

bool DeliveryJudge::say(const policy::Verdict &verdict, Message &message) {
    const Decider decider = decider_of(point_, verdict);
    const bool refuses = verdict.action != ActionId::allow;
    const bool is_cut = verdict.action == ActionId::drop && may_be_cut(message);  // they alone may ask about payload
    ruling_ = {};
    ruling_.action = action(verdict.action).name;
    ruling_.point = point(point_.point).word;
    ruling_.policy = verdict.policy;
    ruling_.rule = verdict.rule;
    ruling_.certain = verdict.certain && !(decider.was_to_refuse && is_cut);
    ruling_.after = true;
    ruling_.escaped = refuses && decider.was_to_refuse && verdict.enforced;
    ruling_.enforced = verdict.action == ActionId::kill && verdict.certain && verdict.enforced &&
                       (message.verdict.has_value() || kill_receiver(message));
    if (refuses) {
        ++hits_[{std::string(verdict.policy), std::string(verdict.rule)}];
    }
    for (const policy::Alert &alert : verdict.alerts) {
        ruling_.alerts.push_back({alert.policy, alert.rule, alert.certain});
        ++hits_[{std::string(alert.policy), std::string(alert.rule)}];
    }
    message.ruling = &ruling_;
    return true;
}

std::uint64_t DeliveryJudge::hits(const std::string &policy, const std::string &rule) const {
    const auto found = hits_.find({policy, rule});
    return found == hits_.end() ? 0 : found->second;
}

void Deliveries::replace(std::unique_ptr<DeliveryJudge> next) {
    if (next != nullptr) {
        next->arm();
    }
    const std::uint64_t now = monotonic_ns();
    if (next != nullptr && current_ != nullptr) {  // for a moment both judge
        next->begin(now);
        current_->end(now);
    }
    if (current_ != nullptr) {
        current_->engine().detach();
        former_.push_back(std::move(current_));
    }
    current_ = std::move(next);
}

bool Deliveries::complete(Message &message) { return read_ != nullptr && read_->complete(message); }

std::size_t Deliveries::drain(const Take &take, bool all, std::size_t budget) {
    while (!former_.empty()) {
        read_ = former_.front().get();
        if (const std::size_t count = read_->engine().drain(take, true, budget); count != 0) {
            return count;
        }
        add_losses(read_->engine().losses(), lost_);
        former_.erase(former_.begin());
    }
    read_ = current_.get();
    return current_ != nullptr ? current_->engine().drain(take, all, budget) : 0;
}

int Deliveries::wake_fd() const { return current_ != nullptr ? current_->engine().wake_fd() : -1; }

bool Deliveries::prepare_sleep() {
    return former_.empty() && (current_ == nullptr || current_->engine().prepare_sleep());
}

std::vector<Loss> Deliveries::losses() {
    std::vector<Loss> losses = lost_;
    for (const auto &judge : former_) {
        add_losses(judge->engine().losses(), losses);
    }
    if (current_ != nullptr) {
        add_losses(current_->engine().losses(), losses);
    }
    return losses;
}

}  // namespace sockwarden
