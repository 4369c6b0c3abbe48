// SPDX-License-Identifier: Apache-2.0
// Programs of the guard; see guards.h.
#include "catalog/guards.h"

#include <algorithm>
#include <array>

namespace sockwarden {
namespace {

constexpr std::array kRows{
#define ALWAYS std::nullopt
#define GUARD(id, point, asked, target, purpose) GuardRow{#id, PointId::point, asked, target, purpose},
#include "../../catalog/guards.def"
#undef GUARD
#undef ALWAYS
};

}  // namespace

std::span<const GuardRow> guard_rows() { return kRows; }

bool is_guarded(PointId point) { return std::ranges::find(kRows, point, &GuardRow::point) != kRows.end(); }

}  // namespace sockwarden
