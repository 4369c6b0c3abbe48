// SPDX-License-Identifier: Apache-2.0
// The rows of catalog/guards.def as a table: the programs of the guard, and where each is asked.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "catalog/facts.h"
#include "catalog/points.h"

namespace sockwarden {

struct GuardRow {
    std::string_view id;  // the program's name in its object
    PointId point;
    std::optional<FactId> asked;  // the fact without which it is not needed; nothing: it always is
    std::string_view target, purpose;
};

std::span<const GuardRow> guard_rows();

// Whether the guard judges at a point at all.
bool is_guarded(PointId point);

}  // namespace sockwarden
