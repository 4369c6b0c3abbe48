// SPDX-License-Identifier: Apache-2.0
// The rows of catalog/guards.def as a table: the programs of the guard, and where each is asked.
#pragma once

#include <span>
#include <string_view>

#include "catalog/points.h"

namespace sockwarden {

struct GuardRow {
    std::string_view id;  // the program's name in its object
    PointId point;
    std::string_view asked;  // path of the fact without which it is not needed; empty: it always is
    std::string_view target, purpose;
};

std::span<const GuardRow> guard_rows();

// Whether the guard judges at a point at all.
bool is_guarded(PointId point);

}  // namespace sockwarden
