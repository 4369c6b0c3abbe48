// SPDX-License-Identifier: Apache-2.0
// Expands the rows of catalog/actions.def into a table; see actions.h.
#include "catalog/actions.h"

#include <algorithm>

namespace sockwarden {
namespace {

// With the names that actions.def has for what becomes of an action.
namespace rows {

constexpr std::nullopt_t nothing = std::nullopt;
#define ACTION(id, name, when_unknown, doc) [[maybe_unused]] constexpr ActionId id = ActionId::id;
#include "../../catalog/actions.def"
#undef ACTION

constexpr ActionRow kActions[] = {
#define ACTION(id, name, when_unknown, doc) {ActionId::id, name, when_unknown, doc},
#include "../../catalog/actions.def"
#undef ACTION
};

}  // namespace rows
}  // namespace

std::span<const ActionRow> actions() { return rows::kActions; }
const ActionRow &action(ActionId id) { return rows::kActions[static_cast<std::size_t>(id)]; }

const ActionRow *find_action(std::string_view name) {
    const auto row = std::ranges::find(actions(), name, &ActionRow::name);
    return row == actions().end() ? nullptr : &*row;
}

std::vector<std::string_view> action_names() {
    std::vector<std::string_view> names;
    for (const ActionRow &row : rows::kActions) {
        names.push_back(row.name);
    }
    return names;
}

}  // namespace sockwarden
