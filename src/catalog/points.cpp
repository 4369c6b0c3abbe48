// SPDX-License-Identifier: Apache-2.0
// Points where something can be refused; see points.h.
#include "catalog/points.h"

#include <algorithm>
#include <array>

namespace sockwarden {
namespace {

constexpr std::array kPoints{
#define POINT(id, by, word, name, hooks, events, actions, facts, limits) \
    PointRow{PointId::id, Enforcer::by, word, name, hooks, events, actions, facts, limits},
#define EXCEPT(point, event, facts)
#define PAIR(point, fact, other)
#define UNTOLD(by, fact, read, why)
#define ONLY(point, families, types)
#include "../../catalog/points.def"
#undef POINT
#undef EXCEPT
#undef PAIR
#undef UNTOLD
#undef ONLY
};

struct UntoldRow {
    Enforcer by;
    FactId fact;
    bool read;
};
constexpr std::array kUntold{
#define POINT(id, by, word, name, hooks, events, actions, facts, limits)
#define EXCEPT(point, event, facts)
#define PAIR(point, fact, other)
#define UNTOLD(by, fact, read, why) UntoldRow{Enforcer::by, FactId::fact, read},
#define ONLY(point, families, types)
#include "../../catalog/points.def"
#undef POINT
#undef EXCEPT
#undef PAIR
#undef UNTOLD
#undef ONLY
};

struct ExceptRow {
    PointId point;
    std::string_view event, facts;
};
constexpr std::array kExcepted{
#define POINT(id, by, word, name, hooks, events, actions, facts, limits)
#define EXCEPT(point, event, facts) ExceptRow{PointId::point, #event, facts},
#define PAIR(point, fact, other)
#define UNTOLD(by, fact, read, why)
#define ONLY(point, families, types)
#include "../../catalog/points.def"
#undef POINT
#undef EXCEPT
#undef PAIR
#undef UNTOLD
#undef ONLY
};

struct PairRow {
    PointId point;
    FactId fact, other;
};
constexpr std::array kPairs{
#define POINT(id, by, word, name, hooks, events, actions, facts, limits)
#define EXCEPT(point, event, facts)
#define PAIR(point, fact, other) PairRow{PointId::point, FactId::fact, FactId::other},
#define UNTOLD(by, fact, read, why)
#define ONLY(point, families, types)
#include "../../catalog/points.def"
#undef POINT
#undef EXCEPT
#undef PAIR
#undef UNTOLD
#undef ONLY
};

struct OnlyRow {
    PointId point;
    std::string_view families, types;
};
constexpr std::array kOnly{
#define POINT(id, by, word, name, hooks, events, actions, facts, limits)
#define EXCEPT(point, event, facts)
#define PAIR(point, fact, other)
#define UNTOLD(by, fact, read, why)
#define ONLY(point, families, types) OnlyRow{PointId::point, families, types},
#include "../../catalog/points.def"
#undef POINT
#undef EXCEPT
#undef PAIR
#undef UNTOLD
#undef ONLY
};

// Whether `is_it` holds for one of the words.
template <typename IsIt>
bool any_word(std::string_view words, IsIt is_it) {
    while (!words.empty()) {
        const std::size_t end = std::min(words.find(' '), words.size());
        if (is_it(words.substr(0, end))) {
            return true;
        }
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

}  // namespace

std::span<const PointRow> points() { return kPoints; }
const PointRow &point(PointId id) { return kPoints[static_cast<std::size_t>(id)]; }

bool is_delivery(PointId id) { return id == PointId::delivered || id == PointId::cgroup_delivered; }

bool has_word(std::string_view words, std::string_view word) {
    return any_word(words, [&](std::string_view one) { return one == word; });
}

bool has_event(const PointRow &point, std::string_view event) { return has_word(point.events, event); }

std::string_view only_values(const PointRow &point, FactId fact) {
    const auto *row = std::ranges::find(kOnly, point.id, &OnlyRow::point);
    return row == kOnly.end()              ? ""
           : fact == FactId::socket_family ? row->families
           : fact == FactId::socket_type   ? row->types
                                           : "";
}

bool compares(const PointRow &point, FactId fact, FactId other) {
    return point.by == Enforcer::supervisor || is_delivery(point.id) ||
           std::ranges::any_of(kPairs, [&](const PairRow &row) {
               return row.point == point.id &&
                      ((row.fact == fact && row.other == other) || (row.fact == other && row.other == fact));
           });
}

bool has_action(const PointRow &point, ActionId action) {
    return has_word(point.actions, sockwarden::action(action).name);
}

bool has_fact(const PointRow &point, const FactRow &fact, std::string_view event) {
    const auto is_below = [&](std::string_view word) {
        return fact.path == word || (fact.path.starts_with(word) && fact.path[word.size()] == '.');
    };
    const bool is_untold = std::ranges::any_of(kUntold, [&](const UntoldRow &row) {
        return row.by == point.by && row.fact == fact.id && !(row.read && is_delivery(point.id));
    });
    if (is_untold || !any_word(point.facts, is_below)) {
        return false;
    }
    return std::ranges::none_of(kExcepted, [&](const ExceptRow &row) {
        return row.point == point.id && row.event == event && any_word(row.facts, is_below);
    });
}

}  // namespace sockwarden
