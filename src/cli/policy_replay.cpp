// SPDX-License-Identifier: Apache-2.0
// Policies and recorded messages; see policy_replay.h.
#include "cli/policy_replay.h"

#include <fmt/format.h>

#include <fstream>

#include "base/text.h"
#include "cli/report.h"
#include "policy/compile/compile.h"
#include "policy/compile/judge.h"
#include "policy/recorded.h"

namespace sockwarden {
namespace {

std::string by(std::string_view policy, std::string_view rule, bool certain) {
    return fmt::format("{}/{}{}", policy, rule.empty() ? "default" : rule, certain ? "" : ", uncertain");
}

// "deny by docker-socket/only-the-cli", and the alerts behind it.
std::string verdict_text(const policy::Verdict &verdict) {
    std::string text;
    if (verdict.action != ActionId::allow) {
        text = fmt::format("{} by {}{}", action(verdict.action).name, by(verdict.policy, verdict.rule, verdict.certain),
                           verdict.enforced ? "" : ", audit");
    }
    for (const policy::Alert &alert : verdict.alerts) {
        text += fmt::format("{}alert by {}", text.empty() ? "" : "; ", by(alert.policy, alert.rule, alert.certain));
    }
    return text;
}

struct Counts {
    std::size_t messages = 0, alerts = 0;
    std::array<std::size_t, 256> of{};  // by action

    void add(const policy::Verdict &verdict) {
        ++messages;
        ++of[static_cast<std::size_t>(verdict.action)];
        alerts += verdict.alerts.empty() ? 0 : 1;
    }
    std::string text() const {
        std::string parts;
        for (const ActionRow &row : actions()) {
            const std::size_t count = row.id == ActionId::alert ? alerts : of[static_cast<std::size_t>(row.id)];
            if (count != 0) {
                parts += fmt::format("{} {} {}", parts.empty() ? "" : ",", count, row.name);
            }
        }
        return fmt::format("{} messages:{}", messages, parts.empty() ? " none" : parts);
    }
};

void print_message(const policy::RecordedMessage &message, const policy::Verdict &verdict) {
    const std::string text = verdict_text(verdict);
    if (!text.empty()) {
        std::string comm;
        append_printable(comm, message.comm);
        fmt::print("{} {} {} {}: {}\n", message.seq, message.event, message.pid, comm, text);
    }
}

}  // namespace

Status replay(std::span<const PolicyFile> files, const std::string &recording) {
    std::ifstream in(recording);
    if (!in) {
        return errno_error("cannot read " + recording);
    }
    std::vector<const policy::Policy *> policies;
    for (const PolicyFile &file : files) {
        policies.push_back(&file.policy);
    }
    policy::NamedFiles names;
    const Result<policy::Image, policy::PolicyMistake> image = policy::compile_policies(policies, names.lookup());
    if (!image) {
        return Error{image.error().mistake.message, kExitUsage};
    }
    Counts counts;
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        const Result<std::optional<policy::RecordedMessage>> message = policy::read_record(line, names);
        if (!message) {
            return Error{fmt::format("{}:{}: {}", recording, number, message.error().message)};
        }
        if (*message) {
            const policy::Verdict verdict = policy::judge(*image, policies, (*message)->facts);
            print_message(**message, verdict);
            counts.add(verdict);
        }
    }
    fmt::print("{}\n", counts.text());
    return Done{};
}

}  // namespace sockwarden
