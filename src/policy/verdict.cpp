// SPDX-License-Identifier: Apache-2.0
// Verdicts; see verdict.h.
#include "policy/verdict.h"

#include "policy/walk.h"

namespace sockwarden::policy {
namespace {

// What a rule orders where its `when` is as `matched` says; nothing where it does not match.
std::optional<ActionId> ordered(const Rule &rule, Truth matched) {
    switch (matched) {
        case Truth::yes:
            return rule.action;
        case Truth::unknown:
            return action(rule.action).when_unknown;
        case Truth::no:
            break;
    }
    return std::nullopt;
}

bool refuses(const Verdict &verdict) { return verdict.action != ActionId::allow; }

// Whether `a` rather than `b` is what happens.
bool prevails(const Verdict &a, const Verdict &b) {
    const bool a_counts = a.enforced && refuses(a), b_counts = b.enforced && refuses(b);
    return a_counts != b_counts ? a_counts : a.action > b.action;
}

}  // namespace

Verdict judge(const Policy &policy, const Facts &facts, const FileLookup &files) {
    Verdict verdict;
    verdict.action = policy.otherwise;
    verdict.policy = policy.name;
    bool passed_unknown = false;  // a rule that would have allowed
    for (const Rule &rule : policy.rules) {
        const Truth matched = rule.when ? walk(*rule.when, facts, files) : Truth::yes;
        const std::optional<ActionId> order = ordered(rule, matched);
        passed_unknown = passed_unknown || (matched == Truth::unknown && !order);
        if (order == ActionId::alert) {
            verdict.alerts.push_back({policy.name, rule.name, matched == Truth::yes});
        } else if (order) {
            verdict.action = *order;
            verdict.rule = rule.name;
            verdict.error = rule.error;
            verdict.certain = matched == Truth::yes;
            break;
        }
    }
    verdict.certain = verdict.certain && !(passed_unknown && refuses(verdict));
    verdict.enforced = policy.mode == Mode::enforce && refuses(verdict);
    return verdict;
}

Verdict judge(std::span<const Policy *const> policies, const Facts &facts, const FileLookup &files) {
    Verdict winner;
    std::vector<Alert> alerts;
    bool first = true;
    for (const Policy *policy : policies) {
        Verdict verdict = judge(*policy, facts, files);
        alerts.insert(alerts.end(), verdict.alerts.begin(), verdict.alerts.end());
        if (first || prevails(verdict, winner)) {
            winner = std::move(verdict);
        }
        first = false;
    }
    winner.alerts = std::move(alerts);
    return winner;
}

}  // namespace sockwarden::policy
