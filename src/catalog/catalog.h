// SPDX-License-Identifier: Apache-2.0
// The rows of catalog/*.def as constexpr tables. Everything that needs a name, a text or an order takes it from here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sockwarden {

// ---- Ids: positions of rows, never written by hand, never stored: recordings carry names.

enum class EventId {
#define EVENT(id, set, intro) id,
#include "../../catalog/event_names.h"
};

// A set of events: a bit for each.
using EventMask = std::uint32_t;
constexpr EventMask event_bit(EventId id) { return EventMask{1} << static_cast<unsigned>(id); }

enum class FieldId {
#define FIELD(group, id, path, wire, kind, doc) id,
#define PART(group, id, wire, doc)
#include "../../catalog/fields.def"
#undef FIELD
#undef PART
    count_
};
inline constexpr std::size_t kFieldCount = static_cast<std::size_t>(FieldId::count_);

enum class EngineId {
#define ENGINE(id, doc, needs) id,
#include "../../catalog/engines.def"
#undef ENGINE
};

enum class Group { stream, process, socket, message };

enum class Kind {
#define KIND(id, schema) id,
#define SHAPE(id, schema)
#define RECORD(id, doc)
#define OBJECT(path, type, more, doc)
#define KEY(record, key, required, schema, doc)
#include "../../catalog/kinds.def"
#undef KIND
#undef SHAPE
#undef RECORD
#undef OBJECT
#undef KEY
};

// Tags of a field: where its value was read. Combined with |.
using Tags = std::uint8_t;
inline constexpr Tags kTagK = 1, kTagU = 2, kTagToctou = 4, kTagOpt = 8;

// Sections of an event's page.
enum class SectionId {
#define SECTION(id, title, lead) id,
#define TAG(id, doc)
#define HOOK_TYPE(id, name, doc)
#define WHEN(id, doc)
#define CELL(id, doc)
#include "../../catalog/pages.def"
#undef SECTION
#undef TAG
#undef HOOK_TYPE
#undef WHEN
#undef CELL
};

// ---- Rows.

struct EventRow {
    EventId id;
    std::string_view name, set, intro;
};
struct TextRow {
    EventId event;
    std::string_view section, text;
};
struct ArgumentRow {
    EventId event;
    FieldId field;
    std::string_view type, doc;
};
struct RelatedRow {
    EventId event;
    std::string_view name, doc;
};
struct FieldRow {
    FieldId id;
    Group group;
    std::string_view name, path;
    bool on_wire;
    Kind kind;
    std::string_view doc;
};
struct OriginRow {
    FieldId field;
    EngineId engine;
    Tags tags;
    std::string_view why;
};
struct OptionalRow {
    FieldId field;
    std::string_view why;
};
struct GuessRow {
    std::string_view cell;
    EngineId engine;
    std::string_view why;
};
struct UnseenRow {
    EventId event;
    EngineId engine;
    std::string_view why;       // empty where it is shown as another event
    std::string_view shown_as;  // names of events
};
struct LikeRow {
    EngineId engine, other;
};
struct EngineRow {
    EngineId id;
    std::string_view name, doc, needs;
};
struct HookRow {
    std::string_view id;
    EngineId engine;
    std::string_view type, target, when;
    EventMask events;  // attached while one of them is traced
    std::string_view purpose;
};
struct CounterRow {
    std::string_view name, sum, doc;
};
struct ReasonRow {
    std::string_view name, doc;
};
struct KindRow {
    Kind id;
    std::string_view name, schema;
};
struct ShapeRow {
    std::string_view name, schema;
};
struct RecordRow {
    std::string_view name, doc;
};
struct ObjectRow {
    std::string_view path, type, more, doc;
};
struct KeyRow {
    std::string_view record, key;
    bool required;
    std::string_view schema, doc;
};
struct SectionRow {
    SectionId id;
    std::string_view title, lead;
};
struct TagRow {
    std::string_view name, doc;
};
struct HookTypeRow {
    std::string_view id, name, doc;
};
struct WhenRow {
    std::string_view id, doc;
};
struct CellRow {
    std::string_view id, doc;
};
struct ConstantRow {
    std::string_view set, name;
    std::uint64_t value;
    std::string_view doc;
};

std::span<const EventRow> events();
std::span<const TextRow> texts();
std::span<const ArgumentRow> arguments();
std::span<const RelatedRow> related();
std::span<const FieldRow> fields();
std::span<const OriginRow> origins();
std::span<const OptionalRow> optionals();
std::span<const GuessRow> guesses();
std::span<const UnseenRow> unseen();
std::span<const LikeRow> likes();
std::span<const EngineRow> engines();
// As records of those name their engine that are no tracers: the guard and the supervisor.
inline constexpr std::string_view kGuardEngine = "lsm", kModifyEngine = "fmod_ret", kCgroupEngine = "cgroup",
                                  kSupervisorEngine = "supervisor";
std::span<const HookRow> hooks();
std::span<const CounterRow> counters();
std::span<const ReasonRow> reasons();
std::span<const KindRow> kinds();
std::span<const ShapeRow> shapes();
std::span<const RecordRow> records();
std::span<const ObjectRow> json_objects();
std::span<const KeyRow> keys();
std::span<const SectionRow> sections();
std::span<const TagRow> tags();
std::span<const HookTypeRow> hook_types();
std::span<const WhenRow> whens();
std::span<const CellRow> cells();
std::span<const ConstantRow> constants();

// ---- Look-ups.

const FieldRow &field(FieldId id);
const EventRow &event(EventId id);
std::string_view engine_name(EngineId id);
std::string_view reason_name(std::uint8_t reason);
std::optional<EngineId> find_engine(std::string_view name);
const EventRow *find_event(std::string_view name);
// The events that an engine has.
EventMask events_of(EngineId engine);
// The events that a word of --events names: an event, a set, or all. 0 where it names none.
EventMask events_named(std::string_view word);
// The events that an engine captures for those that are asked for: descriptors arrive with messages.
EventMask captured_for(EventMask asked, EngineId engine);
// Whether the records of an event have a field: arguments are the event's own, everything else is in all of them.
bool has_field(EventId event, FieldId field);
// The events that have it.
EventMask events_with(FieldId field);

// Tags of a field under an engine: K unless an ORIGIN row says otherwise, for it or for the engine that it is like, and
// OPT where an OPTIONAL row says so. `why` is the ORIGIN row's, `absent` the OPTIONAL row's; both may be empty.
struct FieldOrigin {
    Tags tags;
    std::string_view why, absent;
    bool operator==(const FieldOrigin &) const = default;
};
FieldOrigin origin_of(FieldId field, EngineId engine);
std::string tags_text(Tags tags);  // "K", "U, TOCTOU, OPT", "K, U" ...

// Name of a constant in a set; empty when the set has none of that value.
std::string_view constant_name(std::string_view set, std::uint64_t value);

// The row of `candidates` nearest to a mistyped word, or empty when none is near.
std::string_view did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace sockwarden
