// SPDX-License-Identifier: Apache-2.0
// Verdicts over an image; see judge.h.
#include "policy/compile/judge.h"

#include <algorithm>
#include <bit>

namespace sockwarden::policy {
namespace {

class Judgement {
public:
    Judgement(const Image &image, std::span<const Excerpt> policies, const Facts &facts)
        : image_(image), policies_(policies), matched_(match_clauses(image, facts)) {}

    Verdict run() {
        Verdict strictest;
        for (std::size_t i = 0; i < policies_.size(); ++i) {
            Verdict verdict = judge_policy(i);
            if (i == 0 || strictness(verdict) > strictness(strictest)) {
                strictest = std::move(verdict);
            }
        }
        strictest.alerts = std::move(alerts_);
        return strictest;
    }

private:
    // Of those that are enforced the strictest, then of the others.
    static unsigned strictness(const Verdict &verdict) {
        return (verdict.enforced ? 0x100U : 0U) + static_cast<unsigned>(verdict.action);
    }

    // The first clause from `at` on that may hold, or `end`.
    std::uint32_t next_possible(std::uint32_t at, std::uint32_t end) const {
        while (at < end) {
            const std::uint64_t rest = matched_.possible[at / 64] >> (at % 64);
            if (rest != 0) {
                return std::min(at + static_cast<std::uint32_t>(std::countr_zero(rest)), end);
            }
            at = (at / 64 + 1) * 64;
        }
        return end;
    }

    bool is_certain(std::uint32_t at, std::uint32_t end) const {
        for (; (at = next_possible(at, end)) < end; ++at) {
            if ((matched_.doubt[at / 64] >> (at % 64) & 1) == 0) {
                return true;
            }
        }
        return false;
    }

    Verdict judge_policy(std::size_t index) {
        const auto &policy = (&image_.at<wire::image_policy>(image_.head().policies))[index];
        Verdict verdict;
        verdict.action = static_cast<ActionId>(policy.otherwise);
        verdict.policy = policies_[index].policy->name;
        bool passed = false;  // a rule that might have decided
        std::uint32_t at = policy.first_clause;
        while ((at = next_possible(at, policy.end_clause)) < policy.end_clause) {
            const std::uint16_t number = (&image_.at<std::uint16_t>(image_.head().rule_of))[at];
            const auto &rule = (&image_.at<wire::image_rule>(image_.head().rules))[number];
            const bool certain = is_certain(at, rule.end_clause);
            const std::uint8_t order = certain ? rule.action : rule.when_unknown;
            at = rule.end_clause;
            const std::string_view name = policies_[index].rules[number - policy.first_rule]->name;
            if (order == wire::ACTION_alert) {
                alerts_.push_back({verdict.policy, name, certain});
            } else if (order == IMAGE_NOTHING) {
                passed = true;
            } else {
                verdict.action = static_cast<ActionId>(order);
                verdict.certain = certain;
                verdict.rule = name;
                verdict.error = static_cast<int>(rule.error);
                break;
            }
        }
        const bool refuses = verdict.action != ActionId::allow;
        verdict.certain = verdict.certain && !(passed && refuses);
        verdict.enforced = policy.enforced != 0 && refuses;
        return verdict;
    }

    const Image &image_;
    std::span<const Excerpt> policies_;
    Matched matched_;
    std::vector<Alert> alerts_;
};

}  // namespace

Verdict judge(const Image &image, std::span<const Excerpt> policies, const Facts &facts) {
    return Judgement(image, policies, facts).run();
}

Verdict judge(const Image &image, std::span<const Policy *const> policies, const Facts &facts) {
    std::vector<Excerpt> excerpts;
    excerpts.reserve(policies.size());
    for (const Policy *policy : policies) {
        excerpts.push_back(whole(*policy));
    }
    return judge(image, excerpts, facts);
}

}  // namespace sockwarden::policy
