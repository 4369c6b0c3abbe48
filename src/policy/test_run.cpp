// SPDX-License-Identifier: Apache-2.0
// Tests inside policies; see test_run.h.
#include "policy/test_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/compile/compile.h"
#include "policy/compile/judge.h"

namespace sockwarden::policy {
namespace {

std::string decided(ActionId id, std::string_view rule, bool certain) {
    return fmt::format("{}{}{}", action(id).name,
                       rule.empty() ? std::string(" by no rule") : fmt::format(" by the rule {}", rule),
                       certain ? "" : ", uncertain");
}

bool fits(const PolicyTest &test, ActionId id, std::string_view rule, bool certain) {
    return test.expect == id && (test.rule.empty() || test.rule == rule) && (!test.certain || test.certain == certain);
}

bool passes(const PolicyTest &test, const Verdict &verdict) {
    if (test.expect == ActionId::alert) {
        return std::ranges::any_of(
            verdict.alerts, [&](const Alert &alert) { return fits(test, ActionId::alert, alert.rule, alert.certain); });
    }
    return fits(test, verdict.action, verdict.rule, verdict.certain);
}

std::string expectation(const PolicyTest &test) {
    return fmt::format("{}{}{}", action(test.expect).name,
                       test.rule.empty() ? std::string() : fmt::format(" by the rule {}", test.rule),
                       !test.certain   ? ""
                       : *test.certain ? ", certain"
                                       : ", uncertain");
}

std::string outcome(const Verdict &verdict) {
    std::string text = decided(verdict.action, verdict.rule, verdict.certain);
    for (const Alert &alert : verdict.alerts) {
        text += "; " + decided(ActionId::alert, alert.rule, alert.certain);
    }
    return text;
}

}  // namespace

std::vector<TestFailure> run_tests(Policy &policy) {
    std::vector<TestFailure> failures;
    const Policy *only = &policy;
    const Result<Image, PolicyMistake> image = compile_policies(std::span(&only, 1), policy.test_files.lookup());
    if (!image) {
        const Mistake &mistake = image.error().mistake;
        return {{mistake.place, mistake.message}};
    }
    for (const PolicyTest &test : policy.tests) {
        const Verdict verdict = judge(*image, std::span(&only, 1), test.given);
        if (!passes(test, verdict)) {
            failures.push_back(
                {test.place, fmt::format("test{}{}: expected {}, and it is {}", test.name.empty() ? "" : " ", test.name,
                                         expectation(test), outcome(verdict))});
        }
    }
    return failures;
}

}  // namespace sockwarden::policy
