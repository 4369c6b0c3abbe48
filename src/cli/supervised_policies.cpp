// SPDX-License-Identifier: Apache-2.0
// Policies under a supervisor; see supervised_policies.h.
#include "cli/supervised_policies.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/catalog.h"
#include "cli/report.h"
#include "output/filter.h"
#include "output/message_facts.h"
#include "policy/compile/judge.h"

namespace sockwarden {
namespace {

// Whether a fact is known already where only so much is.
bool is_known(const FactRow &row, Known known) {
    switch (row.id) {
        case FactId::event:
            return true;
        case FactId::args_flags:
        case FactId::peeked:
            return known != Known::process;
        default:
            break;
    }
    return row.speed == Speed::process || (row.speed == Speed::socket && known != Known::process);
}

// What a message says of a fact that is not known yet is forgotten; what it cannot have stays absent.
void forget_later(policy::Facts &facts, Known known) {
    for (const FactRow &row : sockwarden::facts()) {
        if (is_known(row, known) || list_of(row) != nullptr) {
            continue;
        }
        if (row.type == FactType::list) {
            if (const auto list = facts.lists.find(row.id); list != facts.lists.end()) {
                list->second = policy::unknown_elements();
            }
            continue;
        }
        // Facts of a socket that nobody has looked at may be anything.
        if (row.speed == Speed::socket || facts.values.contains(row.id)) {
            facts.values[row.id] = policy::Unknown{};
        }
    }
}

std::uint16_t rule_number(const std::vector<policy::Excerpt> &policies, std::string_view policy,
                          std::string_view rule) {
    std::size_t number = 0;
    for (const policy::Excerpt &excerpt : policies) {
        for (const policy::Rule *one : excerpt.rules) {
            if (excerpt.policy->name == policy && one->name == rule) {
                return static_cast<std::uint16_t>(number);
            }
            ++number;
        }
    }
    return wire::VERDICT_NO_RULE;
}

// A verdict by the numbers that a guard in the kernel gives.
wire::verdict_part numbered(const policy::Verdict &verdict, const policy::Deployed &point) {
    wire::verdict_part part{};
    part.point = static_cast<wire::u32>(point.point);
    part.verdict.action = static_cast<wire::u8>(verdict.action);
    part.verdict.certain = verdict.certain ? 1 : 0;
    part.verdict.enforced = verdict.enforced ? 1 : 0;
    part.verdict.error = static_cast<wire::u32>(verdict.error);
    const auto policy = std::ranges::find_if(
        point.policies, [&](const policy::Excerpt &excerpt) { return excerpt.policy->name == verdict.policy; });
    part.verdict.policy = static_cast<wire::u8>(policy == point.policies.end() ? 0 : policy - point.policies.begin());
    part.verdict.rule = verdict.rule.empty() ? wire::u16{wire::VERDICT_NO_RULE}
                                             : rule_number(point.policies, verdict.policy, verdict.rule);
    part.verdict.alerts = static_cast<wire::u16>(verdict.alerts.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(verdict.alerts.size(), wire::VERDICT_ALERTS); ++i) {
        const policy::Alert &alert = verdict.alerts[i];
        part.verdict.alert[i] = static_cast<wire::u16>(rule_number(point.policies, alert.policy, alert.rule) |
                                                       (alert.certain ? 0U : unsigned{wire::VERDICT_UNCERTAIN}));
    }
    return part;
}

}  // namespace

Result<std::unique_ptr<SupervisedPolicies>> SupervisedPolicies::read(const std::vector<std::string> &names,
                                                                     bool is_audit) {
    auto read = std::make_unique<SupervisedPolicies>();
    Result<std::shared_ptr<const PlacedPolicies>> placed = place_policies(names, is_audit, Enforcer::supervisor);
    if (!placed) {
        return placed.error();
    }
    read->placed_ = *std::move(placed);
    Result<CompiledPolicies> compiled = compile_placed(*read->placed_);
    if (!compiled) {
        return compiled.error();
    }
    read->compiled_ = *std::move(compiled);
    for (const policy::Deployed &one : read->placed_->points) {
        for (const std::string_view event : one.events) {
            read->events_ |= events_named(event);
        }
    }
    read->rulings_.emplace(read->placed_->points);
    return read;
}

bool SupervisedPolicies::follow_files() {
    if (!compiled_.files.have_changed()) {
        return false;
    }
    Result<CompiledPolicies> compiled = compile_placed(*placed_);
    if (compiled) {  // as it was when they were read: only files have changed
        compiled_ = *std::move(compiled);
    }
    return true;
}

Decision SupervisedPolicies::judge(const Message &message, Known known) const {
    const std::string_view event = sockwarden::event(static_cast<EventId>(message.wire->head.event)).name;
    const std::vector<policy::Deployed> &points = placed_->points;
    const auto at =
        std::ranges::find_if(points, [&](const policy::Deployed &one) { return has_event(point(one.point), event); });
    Decision decision;
    if (at == points.end()) {
        return decision;
    }
    policy::Facts facts = facts_of(message);
    if (known != Known::message) {
        forget_later(facts, known);
    }
    const policy::Verdict verdict =
        policy::judge(compiled_.images[static_cast<std::size_t>(at - points.begin())], at->policies, facts);
    decision.action = verdict.action;
    decision.refuses = verdict.enforced;
    decision.error = verdict.error;
    const bool alerts_are_certain = std::ranges::all_of(verdict.alerts, &policy::Alert::certain);
    // With a fact unknown a rule that refuses matches, and one that allows does not: of a certain verdict nothing more
    // can come, and an uncertain one is a refusal.
    decision.is_final = known == Known::message || (verdict.certain && alerts_are_certain);
    if (verdict.action != ActionId::allow || !verdict.alerts.empty()) {
        decision.told = numbered(verdict, *at);
    }
    return decision;
}

}  // namespace sockwarden
