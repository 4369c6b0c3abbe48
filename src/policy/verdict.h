// SPDX-License-Identifier: Apache-2.0
// What policies decide about a message.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace sockwarden::policy {

// Names point into the policies.
struct Alert {
    std::string_view policy, rule;
    bool certain = true;

    bool operator==(const Alert &) const = default;
};

// `certain` is false where a fact was unknown and the verdict might have been another with it. `rule` is empty where no
// rule decided, and `policy` too where none refused. `enforced`: somebody is refused something, not only reported.
struct Verdict {
    ActionId action = ActionId::allow;
    bool certain = true;
    bool enforced = false;
    std::string_view policy, rule;
    int error = 0;
    std::vector<Alert> alerts;

    bool operator==(const Verdict &) const = default;
};

// One policy: the first rule that matches decides; alerts go on. A rule whose `when` is unknown matches where that is
// the safe side: its action then is what actions.def has for it.
Verdict judge(const Policy &policy, const Facts &facts, const FileLookup &files);

// Several policies, each judged by itself: of those that are enforced the strictest verdict wins, the first of two
// alike. What an audit policy would do is the verdict only where no enforced policy refuses anything. Alerts of all are
// kept.
Verdict judge(std::span<const Policy *const> policies, const Facts &facts, const FileLookup &files);

}  // namespace sockwarden::policy
