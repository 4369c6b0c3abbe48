// SPDX-License-Identifier: Apache-2.0
// Advice; see advice.h.
#include "policy/advice.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/compile/clauses.h"
#include "policy/compile/image.h"

namespace sockwarden::policy {
namespace {

// The fact that cannot be chosen, in place of one that can; empty where it cannot either.
std::string instead_of(const FactRow &row) {
    const auto ending = [&](std::string_view end, std::string_view replacement) {
        return row.path.ends_with(end)
                   ? fmt::format("{}{}", row.path.substr(0, row.path.size() - end.size()), replacement)
                   : std::string();
    };
    std::string other = ending(".comm", ".exe");
    if (other.empty()) {
        other = ending(".exe.path", ".exe");
    }
    return other.empty() ? ending(".path.text", ".path") : other;
}

bool asks(const Clause &clause, FactId id) {
    return std::ranges::any_of(clause, [&](const Atom &atom) {
        const auto *other = atom.kind == Atom::Kind::test ? std::get_if<Name>(&atom.test->against) : nullptr;
        return atom.fact == id || (other != nullptr && other->fact == id) || asks(atom.element, id);
    });
}

}  // namespace

std::vector<std::string> advice_on(const Rule &rule) {
    std::vector<std::string> advice;
    if (rule.action == ActionId::alert || !rule.when) {
        return advice;
    }
    const auto clauses = clauses_of(*rule.when, wire::IMAGE_CLAUSES);
    if (!clauses) {
        return advice;
    }
    for (const FactRow &row : facts()) {
        const std::string other = instead_of(row);
        const bool is_asked = std::ranges::any_of(*clauses, [&](const Clause &clause) { return asks(clause, row.id); });
        if (is_asked && !other.empty()) {
            advice.push_back(fmt::format("{} is chosen by who is judged; {} is not", row.path, other));
        }
    }
    return advice;
}

}  // namespace sockwarden::policy
