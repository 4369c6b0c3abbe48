// SPDX-License-Identifier: Apache-2.0
// The rows of catalog/actions.def as a constexpr table: what a rule may order.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sockwarden {

// A stricter action is greater.
enum class ActionId : std::uint8_t {
#define ACTION(id, name, when_unknown, doc) id,
#include "../../catalog/actions.def"
#undef ACTION
};

struct ActionRow {
    ActionId id;
    std::string_view name;
    std::optional<ActionId> when_unknown;  // nothing: a rule that is unknown is passed
    std::string_view doc;
};

std::span<const ActionRow> actions();
const ActionRow &action(ActionId id);
const ActionRow *find_action(std::string_view name);
std::vector<std::string_view> action_names();

}  // namespace sockwarden
