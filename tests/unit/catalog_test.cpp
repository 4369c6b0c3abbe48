// SPDX-License-Identifier: Apache-2.0
// The catalogue is whole: what one table says, every other that must know of it says too.
#include "catalog/catalog.h"

#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "catalog/page.h"
#include "catalog/schema.h"
#include "records.h"
#include "schema.h"
#include "source/bpf/objects.h"

namespace sockwarden {
namespace {

using nlohmann::json;

bool allows_null(const json &schema) {
    const auto holds_null = [](const json &list) {
        return std::find(list.begin(), list.end(), json("null")) != list.end() ||
               std::find(list.begin(), list.end(), json()) != list.end();
    };
    return (schema.contains("type") && schema["type"].is_array() && holds_null(schema["type"])) ||
           (schema.contains("enum") && holds_null(schema["enum"])) ||
           (schema.contains("oneOf") &&
            std::any_of(schema["oneOf"].begin(), schema["oneOf"].end(),
                        [](const json &one) { return one.value("type", json()) == "null"; }));
}

// A field of an event's records.
struct EventField {
    EventRow event;
    FieldRow row;
};

// The schema of the arguments of an event.
json arguments_schema(const json &message, std::string_view event) {
    for (const json &condition : message["allOf"]) {
        if (condition["if"]["properties"]["event"]["const"] == std::string(event)) {
            return condition["then"]["properties"]["args"];
        }
    }
    return nullptr;
}

// The schema of a field, and whether it or an object around it may be null. Null where there is none.
json schema_of(const EventField &field, bool &nullable) {
    static const json message = json::parse(stream_schema())["$defs"]["message"];
    json at = message;
    std::string_view path = field.row.path;
    nullable = false;
    if (path.starts_with("args.")) {
        at = arguments_schema(message, field.event.name);
        path.remove_prefix(5);
    }
    while (!path.empty()) {
        const std::string_view key = path.substr(0, path.find('.'));
        path.remove_prefix(std::min(key.size() + 1, path.size()));
        if (!at.contains("properties") || !at["properties"].contains(key)) {
            return nullptr;
        }
        at = json(at["properties"][std::string(key)]);
        nullable = nullable || allows_null(at);
    }
    return at;
}

class EachField : public testing::TestWithParam<EventField> {};

TEST_P(EachField, StandsInTheSchema) {
    bool nullable = false;
    const json schema = schema_of(GetParam(), nullable);
    ASSERT_FALSE(schema.is_null()) << GetParam().row.path;
    EXPECT_NE(schema.value("description", ""), "");
}

TEST_P(EachField, StandsInTheRecord) {
    auto message = test::plain_message();
    message.head.event = static_cast<wire::u16>(GetParam().event.id);
    const auto records = test::json_of({test::process_record(), test::socket_record(), test::message_record(message)});
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(test::schema_errors(records[0]), std::vector<std::string>{});
    std::string pointer = "/" + std::string(GetParam().row.path);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    EXPECT_TRUE(records[0].contains(json::json_pointer(pointer))) << GetParam().row.path;
}

TEST_P(EachField, IsTaggedOptionalWhereTheSchemaAllowsNull) {
    bool nullable = false;
    const FieldRow &row = GetParam().row;
    schema_of(GetParam(), nullable);
    if (row.group == Group::stream) {
        EXPECT_FALSE(nullable);
        return;
    }
    bool optional = false;
    for (const EngineRow &engine : engines()) {
        optional = optional || (origin_of(row.id, engine.id).tags & kTagOpt) != 0;
    }
    const bool empty_means_absent = row.kind == Kind::payload;
    EXPECT_EQ(optional, nullable || empty_means_absent) << "OPT in origins.def, null in kinds.def: " << row.path;
}

TEST_P(EachField, HasTagsThatMakeSense) {
    for (const EngineRow &engine : engines()) {
        const Tags tags = origin_of(GetParam().row.id, engine.id).tags;
        EXPECT_NE(tags & (kTagK | kTagU), 0);
        EXPECT_EQ((tags & kTagU) != 0, (tags & kTagToctou) != 0) << "user memory can change, and only it";
    }
}

TEST_P(EachField, StandsOnThePage) {
    const std::string page = page_as_text(make_page(GetParam().event), 200);
    EXPECT_NE(page.find("    " + std::string(GetParam().row.path)), std::string::npos);
}

// Events differ in their arguments; the rest of a record is tried with the first.
std::vector<EventField> event_fields() {
    std::vector<EventField> all;
    for (const EventRow &event : events()) {
        for (const FieldRow &row : fields()) {
            const bool tried = event.id != EventId{} && !row.path.starts_with("args.");
            if (has_field(event.id, row.id) && !tried) {
                all.push_back({event, row});
            }
        }
    }
    return all;
}

void PrintTo(const EventField &field, std::ostream *to) { *to << field.event.name << ' ' << field.row.path; }

std::string id_of(const testing::TestParamInfo<EventField> &info) {
    return std::string(info.param.event.name) + "_" + std::string(info.param.row.name) + "_" +
           std::to_string(info.index);
}
INSTANTIATE_TEST_SUITE_P(Fields, EachField, testing::ValuesIn(event_fields()), id_of);

TEST(Catalog, NamesAreUnique) {
    const auto unique = [](const auto &rows, auto name, const char *table) {
        std::set<std::string> seen;
        for (const auto &row : rows) {
            EXPECT_TRUE(seen.insert(std::string(name(row))).second) << table << ": " << name(row);
        }
    };
    unique(
        events(), [](const EventRow &row) { return row.name; }, "events");
    unique(
        fields(), [](const FieldRow &row) { return row.path; }, "fields, by path");
    unique(
        fields(),
        [](const FieldRow &row) { return std::to_string(static_cast<int>(row.group)) + std::string(row.name); },
        "fields, by id");
    unique(
        engines(), [](const EngineRow &row) { return row.name; }, "engines");
    unique(
        counters(), [](const CounterRow &row) { return row.name; }, "counters");
    unique(
        reasons(), [](const ReasonRow &row) { return row.name; }, "reasons");
    unique(
        kinds(), [](const KindRow &row) { return row.name; }, "kinds");
    unique(
        shapes(), [](const ShapeRow &row) { return row.name; }, "shapes");
    unique(
        sections(), [](const SectionRow &row) { return row.title; }, "sections");
    unique(
        optionals(), [](const OptionalRow &row) { return field(row.field).path; }, "optionals");
    unique(
        hooks(), [](const HookRow &row) { return std::string(engine_name(row.engine)) + " " + std::string(row.id); },
        "hooks");
    unique(
        origins(),
        [](const OriginRow &row) {
            return std::string(engine_name(row.engine)) + " " + std::string(field(row.field).path);
        },
        "origins");
    unique(
        constants(), [](const ConstantRow &row) { return std::string(row.set) + " " + std::string(row.name); },
        "constants, by name");
    unique(
        constants(), [](const ConstantRow &row) { return std::string(row.set) + " " + std::to_string(row.value); },
        "constants, by value");
}

TEST(Catalog, CountersBelongToATermOfTheSum) {
    const std::set<std::string_view> terms{"filtered", "dropped", "missed", "skipped", "none"};
    for (const CounterRow &row : counters()) {
        EXPECT_TRUE(terms.contains(row.sum)) << row.name << ": " << row.sum;
    }
}

TEST(Catalog, ArgumentsAreFieldsOfAMessage) {
    std::set<FieldId> told;
    std::set<std::pair<EventId, FieldId>> rows;
    for (const ArgumentRow &row : arguments()) {
        EXPECT_EQ(field(row.field).group, Group::message) << field(row.field).path;
        EXPECT_TRUE(rows.emplace(row.event, row.field).second) << field(row.field).path;
        told.insert(row.field);
        EXPECT_NE(row.type, "");
    }
    for (const FieldRow &row : fields()) {
        EXPECT_TRUE(!row.path.starts_with("args.") || told.contains(row.id)) << "no ARGUMENT row: " << row.path;
    }
}

TEST(Catalog, OriginsSayWhy) {
    for (const OriginRow &row : origins()) {
        EXPECT_NE(row.why, "") << field(row.field).path;
        EXPECT_NE(field(row.field).group, Group::stream) << field(row.field).path;
    }
    for (const OptionalRow &row : optionals()) {
        EXPECT_NE(row.why, "") << field(row.field).path;
    }
}

TEST(Catalog, HooksHaveKnownTypesAndTimes) {
    for (const HookRow &hook : hooks()) {
        EXPECT_TRUE(std::ranges::any_of(hook_types(), [&](const auto &row) { return row.id == hook.type; }))
            << hook.type;
        EXPECT_TRUE(std::ranges::any_of(whens(), [&](const auto &row) { return row.id == hook.when; })) << hook.when;
    }
}

TEST(Catalog, HooksServeEventsThatTheirEngineHas) {
    for (const EventRow &event : events()) {
        for (const EngineRow &engine : engines()) {
            const bool hooked = std::ranges::any_of(hooks(), [&](const HookRow &hook) {
                const EventMask set = events_named(event.set);  // a hook of all of it is not of this one
                return hook.engine == engine.id && (hook.events & set) != set &&
                       (hook.events & event_bit(event.id)) != 0;
            });
            const bool seen = (events_of(engine.id) & event_bit(event.id)) != 0;
            EXPECT_TRUE(seen || !hooked) << event.name << ": hooks of an event that the engine does not have";
        }
        EXPECT_EQ(events_named(event.name), event_bit(event.id));
        EXPECT_NE(events_named(event.set) & event_bit(event.id), 0U);
        EXPECT_NE(events_named("all") & event_bit(event.id), 0U);
    }
    EXPECT_EQ(events_named("nothing"), 0U);
}

TEST(Catalog, GuessesHaveCells) {
    for (const GuessRow &row : guesses()) {
        EXPECT_TRUE(std::ranges::any_of(cells(), [&](const CellRow &cell) { return cell.id == row.cell; })) << row.cell;
        EXPECT_NE(row.why, "");
    }
    for (const CellRow &cell : cells()) {
        EXPECT_TRUE(std::ranges::any_of(guesses(), [&](const GuessRow &row) { return row.cell == cell.id; }))
            << cell.id;
    }
}

TEST(Catalog, ObjectsAroundFieldsAreDescribed) {
    for (const FieldRow &row : fields()) {
        for (std::size_t dot = row.path.find('.'); dot != std::string_view::npos; dot = row.path.find('.', dot + 1)) {
            const std::string_view object = row.path.substr(0, dot);
            EXPECT_TRUE(
                std::ranges::any_of(json_objects(), [&](const ObjectRow &known) { return known.path == object; }))
                << "no OBJECT row: " << object;
        }
    }
}

TEST(Catalog, SchemaRowsAreJson) {
    const json schema = json::parse(stream_schema());
    for (const KindRow &row : kinds()) {
        EXPECT_TRUE(row.schema.starts_with("{'")) << row.name;
    }
    for (const ShapeRow &row : shapes()) {
        EXPECT_TRUE(schema["$defs"].contains(row.name)) << row.name;
    }
    EXPECT_EQ(schema.dump().find('@'), std::string::npos) << "a list of names that schema.cpp does not know";
}

struct CloseObject {
    void operator()(bpf_object *object) const { bpf_object__close(object); }
};

Bytes object_of(EngineId engine) {
    switch (engine) {
        case EngineId::trampoline:
            return objects::trampoline();
        case EngineId::kprobe:
            return objects::kprobe();
        case EngineId::tracepoint:
            return objects::tracepoint();
    }
    return {};
}

class EachEngine : public testing::TestWithParam<EngineRow> {};

TEST_P(EachEngine, HasAProgramForEveryHookAndAHookForEveryProgram) {
    std::set<std::string> rows;
    for (const HookRow &hook : hooks()) {
        if (hook.engine == GetParam().id) {
            rows.insert(std::string(hook.id));
        }
    }
    if (rows.empty()) {
        GTEST_SKIP() << "hooks.def has no row of this engine yet";
    }
    const Bytes elf = object_of(GetParam().id);
    const std::unique_ptr<bpf_object, CloseObject> object(bpf_object__open_mem(elf.data(), elf.size(), nullptr));
    ASSERT_NE(object, nullptr);
    std::set<std::string> programs;
    bpf_program *program = nullptr;
    while ((program = bpf_object__next_program(object.get(), program)) != nullptr) {
        programs.insert(bpf_program__name(program));
    }
    EXPECT_EQ(rows, programs);
}

// SEC() says type and target once more, because libbpf wants it there: the two must agree.
TEST_P(EachEngine, AttachesWhereItsRowsSay) {
    const Bytes elf = object_of(GetParam().id);
    const std::unique_ptr<bpf_object, CloseObject> object(bpf_object__open_mem(elf.data(), elf.size(), nullptr));
    ASSERT_NE(object, nullptr);
    for (const HookRow &hook : hooks()) {
        if (hook.engine != GetParam().id) {
            continue;
        }
        const bpf_program *program = bpf_object__find_program_by_name(object.get(), std::string(hook.id).c_str());
        ASSERT_NE(program, nullptr) << hook.id;
        const std::string_view section = bpf_program__section_name(program);
        if (hook.type == "kprobe_at") {  // where, is known when the kernel runs
            EXPECT_EQ(section, "kprobe") << hook.id;
            continue;
        }
        EXPECT_TRUE(section == hook.type || section == std::string(hook.type) + "/" + std::string(hook.target))
            << hook.id << ": " << section;
    }
}

INSTANTIATE_TEST_SUITE_P(Engines, EachEngine, testing::ValuesIn(engines().begin(), engines().end()),
                         [](const auto &row) { return std::string(row.param.name); });

TEST(DidYouMean, FindsTheNearestWord) {
    const std::string_view words[] = {"trace", "events", "explain", "doctor", "demo"};
    EXPECT_EQ(did_you_mean("trcae", words), "trace");
    EXPECT_EQ(did_you_mean("Explian", words), "explain");
    EXPECT_EQ(did_you_mean("event", words), "events");
    EXPECT_EQ(did_you_mean("zzzzzzzz", words), "");
    EXPECT_EQ(did_you_mean("anything", {}), "");
}

}  // namespace
}  // namespace sockwarden
