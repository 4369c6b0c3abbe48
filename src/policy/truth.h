// SPDX-License-Identifier: Apache-2.0
// Three-valued logic (Kleene): what is unknown decides nothing, unless the other side decides alone.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sockwarden::policy {

// In the order in which `and` takes the least and `or` the greatest.
enum class Truth : std::uint8_t { no, unknown, yes };

constexpr Truth truth_of(bool value) { return value ? Truth::yes : Truth::no; }
constexpr Truth both(Truth a, Truth b) { return std::min(a, b); }
constexpr Truth either(Truth a, Truth b) { return std::max(a, b); }
constexpr Truth negated(Truth a) { return a == Truth::unknown ? a : truth_of(a == Truth::no); }

}  // namespace sockwarden::policy
