// SPDX-License-Identifier: Apache-2.0
// Expands the rows of catalog/*.def into tables.
#include "catalog/catalog.h"

#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <vector>

// Names that the kernel's headers have and the C library's lack (include/linux/socket.h, include/uapi).
#ifndef SOL_TCP
#define SOL_TCP 6
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef SOL_CAN_RAW
#define SOL_CAN_RAW 101
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef MSG_BATCH
#define MSG_BATCH 0x40000
#endif
#ifndef AF_SMC
#define AF_SMC 43
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

namespace sockwarden {
namespace {

constexpr EventRow kEvents[] = {
#define EVENT(id, set, intro) {EventId::id, #id, #set, intro},
#include "../../catalog/event_names.h"
};

constexpr TextRow kTexts[] = {
#define EVENT(id, set, intro)
#define EVENT_END(id)
#define TEXT(event, section, text) {EventId::event, #section, text},
#define ARGUMENT(event, field, type, doc)
#define RELATED(event, name, doc)
#include "../../catalog/events.def"
#undef TEXT
#undef ARGUMENT
#undef RELATED
};

constexpr ArgumentRow kArguments[] = {
#define TEXT(event, section, text)
#define ARGUMENT(event, field, type, doc) {EventId::event, FieldId::field, type, doc},
#define RELATED(event, name, doc)
#include "../../catalog/events.def"
#undef ARGUMENT
#undef RELATED
};

constexpr RelatedRow kRelated[] = {
#define ARGUMENT(event, field, type, doc)
#define RELATED(event, name, doc) {EventId::event, name, doc},
#include "../../catalog/events.def"
#undef EVENT
#undef TEXT
#undef ARGUMENT
#undef RELATED
#undef EVENT_END
};

// Whether a wire type takes room in a record.
constexpr bool wire_u8 = true, wire_u16 = true, wire_u32 = true, wire_u64 = true, wire_s32 = true, wire_s64 = true,
               wire_comm16 = true, wire_none = false;

constexpr FieldRow kFields[] = {
#define FIELD(group, id, path, wire, kind, doc) {FieldId::id, Group::group, #id, path, wire_##wire, Kind::kind, doc},
#define PART(group, id, wire, doc)
#include "../../catalog/fields.def"
#undef FIELD
#undef PART
};

constexpr Tags K = kTagK, U = kTagU, TOCTOU = kTagToctou, OPT = kTagOpt;

constexpr OriginRow kOrigins[] = {
#define ORIGIN(field, engine, tags, why) {FieldId::field, EngineId::engine, tags, why},
#define OPTIONAL(field, why)
#define LIKE(engine, other)
#include "../../catalog/origins.def"
#undef ORIGIN
#undef OPTIONAL
};

constexpr OptionalRow kOptionals[] = {
#define ORIGIN(field, engine, tags, why)
#define OPTIONAL(field, why) {FieldId::field, why},
#include "../../catalog/origins.def"
#undef OPTIONAL
#undef LIKE
};

constexpr LikeRow kLikes[] = {
#define OPTIONAL(field, why)
#define LIKE(engine, other) {EngineId::engine, EngineId::other},
#include "../../catalog/origins.def"
#undef ORIGIN
#undef OPTIONAL
#undef LIKE
};

constexpr UnseenRow kUnseen[] = {
#define UNSEEN(event, engine, why) {EventId::event, EngineId::engine, why, {}},
#define SHOWN_AS(event, engine, others) {EventId::event, EngineId::engine, {}, others},
#include "../../catalog/unseen.def"
#undef UNSEEN
#undef SHOWN_AS
};

constexpr GuessRow kGuesses[] = {
#define GUESS(cell, engine, why) {#cell, EngineId::engine, why},
#include "../../catalog/guesses.def"
#undef GUESS
};

constexpr EngineRow kEngines[] = {
#define ENGINE(id, doc, needs) {EngineId::id, #id, doc, needs},
#include "../../catalog/engines.def"
#undef ENGINE
};

// The names that hooks.def has for sets of events.
namespace masks {

constexpr EventMask any = ~EventMask{0};
#define EVENT(id, set, intro) constexpr EventMask id = event_bit(EventId::id);
#include "../../catalog/event_names.h"
constexpr EventMask of_set(std::string_view set) {
    EventMask mask = 0;
    for (const EventRow &row : kEvents) {
        mask |= row.set == set ? event_bit(row.id) : 0;
    }
    return mask;
}
constexpr EventMask receive = of_set("receive"), send = of_set("send");

constexpr HookRow kHooks[] = {
#define HOOK(id, engine, type, target, when, events, purpose) \
    {#id, EngineId::engine, #type, target, #when, events, purpose},
#include "../../catalog/hooks.def"
#undef HOOK
};

}  // namespace masks

constexpr CounterRow kCounters[] = {
#define COUNTER(id, sum, doc) {#id, #sum, doc},
#include "../../catalog/counters.def"
#undef COUNTER
};

constexpr ReasonRow kReasons[] = {
#define REASON(id, doc) {#id, doc},
#include "../../catalog/reasons.def"
#undef REASON
};

constexpr KindRow kKinds[] = {
#define KIND(id, schema) {Kind::id, #id, schema},
#define SHAPE(id, schema)
#define RECORD(id, doc)
#define OBJECT(path, type, more, doc)
#define KEY(record, key, required, schema, doc)
#include "../../catalog/kinds.def"
#undef KIND
#undef SHAPE
};

constexpr ShapeRow kShapes[] = {
#define KIND(id, schema)
#define SHAPE(id, schema) {#id, schema},
#include "../../catalog/kinds.def"
#undef SHAPE
#undef RECORD
};

constexpr RecordRow kRecords[] = {
#define SHAPE(id, schema)
#define RECORD(id, doc) {#id, doc},
#include "../../catalog/kinds.def"
#undef RECORD
#undef OBJECT
};

constexpr ObjectRow kObjects[] = {
#define RECORD(id, doc)
#define OBJECT(path, type, more, doc) {path, type, more, doc},
#include "../../catalog/kinds.def"
#undef OBJECT
#undef KEY
};

constexpr KeyRow kKeys[] = {
#define OBJECT(path, type, more, doc)
#define KEY(record, key, required, schema, doc) {#record, key, required, schema, doc},
#include "../../catalog/kinds.def"
#undef KIND
#undef SHAPE
#undef RECORD
#undef OBJECT
#undef KEY
};

constexpr SectionRow kSections[] = {
#define SECTION(id, title, lead) {SectionId::id, title, lead},
#define TAG(id, doc)
#define HOOK_TYPE(id, name, doc)
#define WHEN(id, doc)
#define CELL(id, doc)
#include "../../catalog/pages.def"
#undef SECTION
#undef TAG
};

constexpr TagRow kTags[] = {
#define SECTION(id, title, lead)
#define TAG(id, doc) {#id, doc},
#include "../../catalog/pages.def"
#undef TAG
#undef HOOK_TYPE
};

constexpr HookTypeRow kHookTypes[] = {
#define TAG(id, doc)
#define HOOK_TYPE(id, name, doc) {#id, name, doc},
#include "../../catalog/pages.def"
#undef HOOK_TYPE
#undef WHEN
};

constexpr WhenRow kWhens[] = {
#define HOOK_TYPE(id, name, doc)
#define WHEN(id, doc) {#id, doc},
#include "../../catalog/pages.def"
#undef WHEN
#undef CELL
};

constexpr CellRow kCells[] = {
#define WHEN(id, doc)
#define CELL(id, doc) {#id, doc},
#include "../../catalog/pages.def"
#undef SECTION
#undef TAG
#undef HOOK_TYPE
#undef WHEN
#undef CELL
};

// A tag is the bit of its row's position.
static_assert(std::size(kTags) == 4 && kTags[0].name == "K" && kTags[1].name == "U" && kTags[2].name == "TOCTOU" &&
              kTags[3].name == "OPT");

constexpr ConstantRow kConstants[] = {
#define CONSTANT(set, name, value, doc) {#set, #name, value, doc},
#define NEWER(set, name, value, doc) {#set, #name, value, doc},
#include "../../catalog/constants.def"
#undef CONSTANT
#undef NEWER
};

#define CONSTANT(set, name, value, doc) \
    static_assert(static_cast<std::uint32_t>(name) == (value), "catalog/constants.def: " #name);
#define NEWER(set, name, value, doc)
#include "../../catalog/constants.def"
#undef CONSTANT
#undef NEWER

const OriginRow *find_origin(FieldId id, EngineId engine) {
    for (const OriginRow &row : kOrigins) {
        if (row.field == id && row.engine == engine) {
            return &row;
        }
    }
    return nullptr;
}

// Levenshtein distance, letters in either case alike.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            const bool same = (a[i - 1] | 0x20) == (b[j - 1] | 0x20);
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (same ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

std::span<const EventRow> events() { return kEvents; }
std::span<const TextRow> texts() { return kTexts; }
std::span<const ArgumentRow> arguments() { return kArguments; }
std::span<const RelatedRow> related() { return kRelated; }
std::span<const FieldRow> fields() { return kFields; }
std::span<const OriginRow> origins() { return kOrigins; }
std::span<const OptionalRow> optionals() { return kOptionals; }
std::span<const GuessRow> guesses() { return kGuesses; }
std::span<const UnseenRow> unseen() { return kUnseen; }
std::span<const LikeRow> likes() { return kLikes; }
std::span<const EngineRow> engines() { return kEngines; }
std::span<const HookRow> hooks() { return masks::kHooks; }
std::span<const CounterRow> counters() { return kCounters; }
std::span<const ReasonRow> reasons() { return kReasons; }
std::span<const KindRow> kinds() { return kKinds; }
std::span<const ShapeRow> shapes() { return kShapes; }
std::span<const RecordRow> records() { return kRecords; }
std::span<const ObjectRow> json_objects() { return kObjects; }
std::span<const KeyRow> keys() { return kKeys; }
std::span<const SectionRow> sections() { return kSections; }
std::span<const TagRow> tags() { return kTags; }
std::span<const HookTypeRow> hook_types() { return kHookTypes; }
std::span<const WhenRow> whens() { return kWhens; }
std::span<const CellRow> cells() { return kCells; }
std::span<const ConstantRow> constants() { return kConstants; }

const FieldRow &field(FieldId id) { return kFields[static_cast<std::size_t>(id)]; }
const EventRow &event(EventId id) { return kEvents[static_cast<std::size_t>(id)]; }
std::string_view engine_name(EngineId id) { return kEngines[static_cast<std::size_t>(id)].name; }

std::string_view reason_name(std::uint8_t reason) {
    return reason < std::size(kReasons) ? kReasons[reason].name : std::string_view{"unknown"};
}

std::optional<EngineId> find_engine(std::string_view name) {
    for (const EngineRow &row : kEngines) {
        if (row.name == name) {
            return row.id;
        }
    }
    return std::nullopt;
}

const EventRow *find_event(std::string_view name) {
    for (const EventRow &row : kEvents) {
        if (row.name == name) {
            return &row;
        }
    }
    return nullptr;
}

EventMask events_of(EngineId engine) {
    EventMask mask = 0;
    for (const EventRow &row : kEvents) {
        mask |= event_bit(row.id);
    }
    for (const UnseenRow &row : kUnseen) {
        mask &= row.engine == engine ? ~event_bit(row.event) : mask;
    }
    return mask;
}

EventMask events_named(std::string_view word) {
    EventMask mask = 0;
    for (const EventRow &row : kEvents) {
        mask |= word == row.name || word == row.set || word == "all" ? event_bit(row.id) : 0;
    }
    return mask;
}

EventMask captured_for(EventMask asked, EngineId engine) {
    constexpr EventMask kCarriers =
        event_bit(EventId::recvmsg) | event_bit(EventId::recvmmsg) | event_bit(EventId::io_uring_recvmsg);
    const bool passed = (asked & event_bit(EventId::fd_received)) != 0;
    return (asked | (passed ? kCarriers : 0)) & events_of(engine);
}

bool has_field(EventId event, FieldId id) {
    return !field(id).path.starts_with("args.") || std::ranges::any_of(kArguments, [&](const ArgumentRow &row) {
        return row.event == event && row.field == id;
    });
}

EventMask events_with(FieldId id) {
    EventMask mask = 0;
    for (const EventRow &row : kEvents) {
        mask |= has_field(row.id, id) ? event_bit(row.id) : 0;
    }
    return mask;
}

FieldOrigin origin_of(FieldId id, EngineId engine) {
    FieldOrigin origin{kTagK, {}, {}};
    const OriginRow *row = find_origin(id, engine);
    for (const LikeRow &like : kLikes) {
        if (row == nullptr && like.engine == engine) {
            row = find_origin(id, like.other);
        }
    }
    if (row != nullptr) {
        origin.tags = (row->tags & (kTagK | kTagU)) != 0 ? row->tags : row->tags | kTagK;
        origin.why = row->why;
    }
    for (const OptionalRow &optional : kOptionals) {
        if (optional.field == id) {
            origin.tags |= kTagOpt;
            origin.absent = optional.why;
        }
    }
    return origin;
}

std::string tags_text(Tags tags) {
    std::string text;
    for (const TagRow &row : kTags) {
        if ((tags & (1U << (&row - kTags))) != 0) {
            text += text.empty() ? "" : ", ";
            text += row.name;
        }
    }
    return text;
}

std::string_view constant_name(std::string_view set, std::uint64_t value) {
    for (const ConstantRow &row : kConstants) {
        if (row.value == value && row.set == set) {
            return row.name;
        }
    }
    return {};
}

std::string_view did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t d = distance(word, candidate);
        if (d < least) {
            least = d;
            best = candidate;
        }
    }
    return best;
}

}  // namespace sockwarden
