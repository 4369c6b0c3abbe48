// SPDX-License-Identifier: Apache-2.0
// Whether a value makes sense where it is written.
#pragma once

#include <optional>

#include "policy/expression.h"

namespace sockwarden::policy {

struct Complaint {
    std::string message, hint;
};

// What is wrong with asking `op` of `fact` with this value; nothing where it makes sense. The fact has the operator.
std::optional<Complaint> check_value(const FactRow &fact, OperatorId op, const Literal &value);

// "a number", "a string", "true or false": what literals of the type look like.
std::string_view wanted_by(FactType type);

}  // namespace sockwarden::policy
