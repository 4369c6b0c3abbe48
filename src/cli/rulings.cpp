// SPDX-License-Identifier: Apache-2.0
// Verdicts in words; see rulings.h.
#include "cli/rulings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "catalog/actions.h"
#include "catalog/points.h"
#include "cli/report.h"
#include "identity/process.h"

namespace sockwarden {
namespace {

struct Named {
    std::string_view policy, rule;
};

// Rules are numbered through all policies of a point.
Named rule_at(const policy::Deployed &point, std::size_t number) {
    for (const policy::Excerpt &excerpt : point.policies) {
        if (number < excerpt.rules.size()) {
            return {excerpt.policy->name, excerpt.rules[number]->name};
        }
        number -= excerpt.rules.size();
    }
    return {};
}

// A reader that goes on asking may do nothing else.
void say_repeated(const Message &message, const Ruling &ruling) {
    std::string who;
    if (message.process != nullptr) {
        append_printable(who, message.process->comm);
        who += fmt::format(" ({}) ", message.wire->tgid);
    }
    say("{}has been refused the same message {} times by {}/{} and goes on asking; only each {}th time is told from "
        "now on",
        who, ruling.refusals, ruling.policy, ruling.rule.empty() ? "(default)" : ruling.rule,
        wire::TOLD_REFUSALS_EACH + 0);
}

}  // namespace

bool Rulings::complete(Message &message) {
    if (!message.verdict) {
        return false;
    }
    const wire::verdict &verdict = message.verdict->verdict;
    const auto point = std::ranges::find_if(points_, [&](const policy::Deployed &one) {
        return static_cast<std::uint32_t>(one.point) == message.verdict->point;
    });
    if (point == points_.end() || verdict.action >= actions().size() || verdict.policy >= point->policies.size()) {
        return false;
    }
    ruling_ = {};
    ruling_.action = actions()[verdict.action].name;
    ruling_.point = sockwarden::point(point->point).word;
    ruling_.enforced = verdict.enforced != 0;
    ruling_.certain = verdict.certain != 0;
    if (verdict.action != wire::ACTION_allow) {
        ruling_.policy = point->policies[verdict.policy].policy->name;
        ruling_.rule = verdict.rule != wire::VERDICT_NO_RULE ? rule_at(*point, verdict.rule).rule : "";
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(verdict.alerts, wire::VERDICT_ALERTS); ++i) {
        const Named alert = rule_at(*point, verdict.alert[i] & ~unsigned{wire::VERDICT_UNCERTAIN});
        ruling_.alerts.push_back({alert.policy, alert.rule, (verdict.alert[i] & wire::VERDICT_UNCERTAIN) == 0});
    }
    ruling_.refusals = message.verdict->refused;
    if (ruling_.refusals == wire::TOLD_REFUSALS) {
        say_repeated(message, ruling_);
    }
    message.ruling = &ruling_;
    return true;
}

}  // namespace sockwarden
