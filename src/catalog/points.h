// SPDX-License-Identifier: Apache-2.0
// The rows of catalog/points.def as a constexpr table: where something can be refused, and by whom.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "catalog/actions.h"
#include "catalog/facts.h"

namespace sockwarden {

enum class PointId : std::uint8_t {
#define POINT(id, by, word, name, hooks, events, actions, facts, limits) id,
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

// Who enforces policies.
enum class Enforcer : std::uint8_t {
    guard,       // `sockwarden guard`: programs where the kernel asks its security modules
    cgroup,      // `sockwarden guard` on kernels that refuse those: programs of a cgroup
    supervisor,  // `sockwarden run`: a process that makes the calls of others
};

// Lists are words with blanks between them.
struct PointRow {
    PointId id;
    Enforcer by;
    std::string_view word, name, hooks, events, actions, facts, limits;
};

// Of each enforcer the earliest first.
std::span<const PointRow> points();
const PointRow &point(PointId id);

// Whether messages are judged there that have been delivered.
bool is_delivery(PointId id);

// Whether a list has the word.
bool has_word(std::string_view words, std::string_view word);

// Whether an event passes there, an action makes sense there, and a fact of messages of an event is certain there.
bool has_event(const PointRow &point, std::string_view event);
bool has_action(const PointRow &point, ActionId action);
bool has_fact(const PointRow &point, const FactRow &fact, std::string_view event);

// Whether two facts that are certain there are compared with each other there, too.
bool compares(const PointRow &point, FactId fact, FactId other);

// Of which families, or types, the sockets are that pass there: words with blanks between them, empty where all do.
std::string_view only_values(const PointRow &point, FactId fact);

}  // namespace sockwarden
