// SPDX-License-Identifier: Apache-2.0
// Tests that cannot hold together; see contradiction.h.
#include "policy/contradiction.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

namespace sockwarden::policy {
namespace {

using Scalar = decltype(Literal::value);

std::span<const Literal> values_of(const Test &test) {
    if (const auto *list = std::get_if<List>(&test.against)) {
        return list->items;
    }
    const auto *value = std::get_if<Literal>(&test.against);
    return value == nullptr ? std::span<const Literal>{} : std::span(value, 1);
}

bool passes_number(OperatorId op, std::int64_t value, std::int64_t bound) {
    return op == OperatorId::less            ? value < bound
           : op == OperatorId::less_equal    ? value <= bound
           : op == OperatorId::greater       ? value > bound
           : op == OperatorId::greater_equal ? value >= bound
                                             : true;
}

bool passes_text(OperatorId op, const std::string &value, const std::string &part) {
    return op == OperatorId::starts_with ? value.starts_with(part)
           : op == OperatorId::ends_with ? value.ends_with(part)
           : op == OperatorId::contains  ? value.find(part) != std::string::npos
                                         : true;
}

bool passes(const Scalar &value, const Test &test) {
    const std::span<const Literal> against = values_of(test);
    const bool listed = std::ranges::any_of(against, [&](const Literal &one) { return one.value == value; });
    if (test.op == OperatorId::equal || test.op == OperatorId::in || against.empty()) {
        return listed || against.empty();
    }
    if (test.op == OperatorId::not_equal) {
        return !listed;
    }
    const auto *number = std::get_if<std::int64_t>(&value);
    const auto *text = std::get_if<std::string>(&value);
    return (number == nullptr || passes_number(test.op, *number, std::get<std::int64_t>(against[0].value))) &&
           (text == nullptr || passes_text(test.op, *text, std::get<std::string>(against[0].value)));
}

}  // namespace

bool Remainder::add(const Test &test) {
    const FactType type = fact(test.fact.fact).type;
    if (type == FactType::file || type == FactType::address || type == FactType::flags || values_of(test).empty()) {
        return true;  // two paths may be one file, and two spellings one address
    }
    tests_.push_back(&test);
    const bool names_values = test.op == OperatorId::equal || test.op == OperatorId::in;
    if (!candidates_ && names_values) {
        candidates_.emplace();
        for (const Literal &value : values_of(test)) {
            if (std::ranges::all_of(tests_, [&](const Test *one) { return passes(value.value, *one); })) {
                candidates_->push_back(&value);
            }
        }
    } else if (candidates_) {
        std::erase_if(*candidates_, [&](const Literal *value) { return !passes(value->value, test); });
    }
    const bool any = candidates_ ? !candidates_->empty() : !is_number(type) || any_number();
    return any || std::exchange(told_, true);
}

// Whether an interval is left that is not all taken away by !=.
bool Remainder::any_number() const {
    std::int64_t low = 0;
    std::int64_t high = largest(fact(tests_[0]->fact.fact).type);
    std::set<std::int64_t> excluded;
    for (const Test *test : tests_) {
        const std::int64_t bound = std::get<std::int64_t>(values_of(*test)[0].value);
        if (test->op == OperatorId::less || test->op == OperatorId::less_equal) {
            high = std::min(high, test->op == OperatorId::less ? bound - 1 : bound);
        } else if (test->op == OperatorId::greater || test->op == OperatorId::greater_equal) {
            low = std::max(low, test->op == OperatorId::greater ? bound + 1 : bound);
        } else {
            excluded.insert(bound);
        }
    }
    while (low < high && excluded.contains(low)) {  // ends after as many steps as there are tests
        ++low;
    }
    return low <= high && !excluded.contains(low);
}

}  // namespace sockwarden::policy
