// SPDX-License-Identifier: Apache-2.0
// Values against the types of facts; see check_value.h.
#include "policy/check_value.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/network.h"
#include "policy/text_pattern.h"

namespace sockwarden::policy {
namespace {

std::optional<Complaint> check_number(const FactRow &fact, OperatorId op, std::int64_t value) {
    const std::int64_t most = largest(fact.type);
    const bool outside = value < 0 || value > most;
    const bool never = (op == OperatorId::less && value <= 0) || (op == OperatorId::less_equal && value < 0) ||
                       (op == OperatorId::greater && value >= most) ||
                       (op == OperatorId::greater_equal && value > most);
    if (never) {
        return Complaint{fmt::format("{} {} {} can never hold", fact.path, operator_row(op).spelling, value),
                         fmt::format("it is {}", fact_type(fact.type).doc)};
    }
    if (outside && operator_row(op).set == operator_sets::EQ) {
        return Complaint{fmt::format("{} is never {}", fact.path, value),
                         fmt::format("it is {}", fact_type(fact.type).doc)};
    }
    return std::nullopt;
}

std::optional<Complaint> check_word(const FactRow &fact, const std::string &word) {
    const std::vector<std::string_view> values = values_of(fact);
    if (std::ranges::find(values, word) != values.end()) {
        return std::nullopt;
    }
    std::string hint = nearest_hint(word, values);
    if (hint.empty() && values.size() <= 16) {
        hint = fmt::format("it is one of {}", fmt::join(values, ", "));
    }
    return Complaint{fmt::format("{} is never \"{}\"", fact.path, word), std::move(hint)};
}

std::optional<Complaint> check_address(const FactRow &fact, OperatorId op, const std::string &word) {
    if (op != OperatorId::in_cidr) {
        return parse_address(word)
                   ? std::nullopt
                   : std::optional(
                         Complaint{fmt::format("\"{}\" is not an IP address", word),
                                   parse_network(word) ? fmt::format("write {}.inCidr('{}')", fact.path, word) : ""});
    }
    const std::optional<Network> network = parse_network(word);
    if (!network) {
        return Complaint{fmt::format("\"{}\" is not a network", word), "networks look like 10.0.0.0/8 and fe80::/10"};
    }
    if (!is_clean(*network)) {
        return Complaint{fmt::format("\"{}\" has bits behind its prefix", word),
                         fmt::format("did you mean {}?", network_text(*network))};
    }
    return std::nullopt;
}

std::optional<Complaint> check_string(const FactRow &fact, OperatorId op, const std::string &word) {
    switch (fact.type) {
        case FactType::name:
        case FactType::flags:
            return check_word(fact, word);
        case FactType::address:
            return check_address(fact, op, word);
        case FactType::file:
            return word.starts_with('/') && word.find('\0') == std::string::npos
                       ? std::nullopt
                       : std::optional(Complaint{fmt::format("\"{}\" is not the path of a file from the root", word),
                                                 "begin it with /"});
        default:
            break;
    }
    if (operator_row(op).set == operator_sets::PATTERN) {
        const std::string wrong = pattern_mistake(op, word);
        return wrong.empty() ? std::nullopt
                             : std::optional(Complaint{fmt::format("{}: {}", operator_row(op).spelling, wrong), ""});
    }
    return std::nullopt;
}

}  // namespace

std::string_view wanted_by(FactType type) {
    return type == FactType::boolean ? "true or false" : is_number(type) ? "a number" : "a string";
}

std::optional<Complaint> check_value(const FactRow &fact, OperatorId op, const Literal &value) {
    const bool fits = fact.type == FactType::boolean ? std::holds_alternative<bool>(value.value)
                      : is_number(fact.type)         ? std::holds_alternative<std::int64_t>(value.value)
                                                     : std::holds_alternative<std::string>(value.value);
    if (!fits) {
        const bool unquoted = std::holds_alternative<std::int64_t>(value.value) && !is_number(fact.type);
        return Complaint{
            fmt::format("{} is compared with {}, and this is {}", fact.path, wanted_by(fact.type), kind_of(value)),
            unquoted && fact.type != FactType::boolean ? "put it in quotes" : ""};
    }
    if (const auto *number = std::get_if<std::int64_t>(&value.value)) {
        return check_number(fact, op, *number);
    }
    if (const auto *word = std::get_if<std::string>(&value.value)) {
        return check_string(fact, op, *word);
    }
    return std::nullopt;
}

}  // namespace sockwarden::policy
