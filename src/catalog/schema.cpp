// SPDX-License-Identifier: Apache-2.0
// Builds the JSON Schema of the stream from fields.def and kinds.def; see schema.h.
#include "catalog/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "catalog/catalog.h"

namespace sockwarden {
namespace {

std::string quoted(std::string_view text) {
    std::string to;
    append_json_string(to, text);
    return to;
}

void add_word(std::string &list, std::string_view word) { list += (list.empty() ? "" : ",") + quoted(word); }

// The names that stand for @events and its like.
std::string names_of(std::string_view what) {
    std::string list;
    if (what == "@events") {
        std::ranges::for_each(events(), [&](const EventRow &row) { add_word(list, row.name); });
    } else if (what == "@engines") {
        std::ranges::for_each(engines(), [&](const EngineRow &row) { add_word(list, row.name); });
        add_word(list, kGuardEngine);
        add_word(list, kModifyEngine);
        add_word(list, kCgroupEngine);
        add_word(list, kSupervisorEngine);
    } else if (what == "@losses") {
        for (const CounterRow &row : counters()) {
            if (row.sum == "dropped" || row.sum == "missed") {
                add_word(list, row.name);
            }
        }
    } else if (what == "@reasons") {
        for (const ReasonRow &row : reasons()) {
            if (row.name != "here" && row.name != "none") {
                add_word(list, row.name);
            }
        }
    }
    return list;
}

// A schema as JSON from how the catalogue writes it.
std::string schema_text(std::string_view row) {
    std::string to;
    for (std::size_t at = 0; at < row.size();) {
        if (row[at] != '@') {
            to += row[at] == '\'' ? '"' : row[at];
            ++at;
            continue;
        }
        const std::size_t end = std::min(row.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at + 1), row.size());
        to += names_of(row.substr(at, end - at));
        at = end;
    }
    return to;
}

// The schema with its description in front: both are objects.
std::string described(std::string_view schema, std::string_view doc) {
    return fmt::format("{{\"description\":{},{}", quoted(doc), schema_text(schema).substr(1));
}

std::string_view kind_schema(Kind kind) { return kinds()[static_cast<std::size_t>(kind)].schema; }

struct Member {
    std::string name, schema;
    bool required = true;
};

std::string object_schema(const std::vector<Member> &members, std::string_view type, std::string_view more,
                          std::string_view doc) {
    std::string properties, required;
    for (const Member &member : members) {
        properties += fmt::format("{}{}:{}", properties.empty() ? "" : ",", quoted(member.name), member.schema);
        if (member.required) {
            add_word(required, member.name);
        }
    }
    return fmt::format(R"({{"description":{},"type":{},"required":[{}],"properties":{{{}}}{}{}}})", quoted(doc),
                       schema_text(type), required, properties, more.empty() ? "" : ",", schema_text(more));
}

// The members of the object at `path` ("" is the record) that `has` lets pass: its fields and objects in the order of
// fields.def.
template <typename Has>
std::vector<Member> members_of(std::string_view path, Has has) {
    const std::string prefix = path.empty() ? std::string() : std::string(path) + '.';
    std::vector<Member> members;
    for (const FieldRow &row : fields()) {
        if (!row.path.starts_with(prefix) || !has(row)) {
            continue;
        }
        const std::string_view rest = row.path.substr(prefix.size());
        const std::string name(rest.substr(0, rest.find('.')));
        if (std::ranges::any_of(members, [&](const Member &member) { return member.name == name; })) {
            continue;
        }
        if (name == rest) {
            members.push_back({name, described(kind_schema(row.kind), row.doc), row.kind != Kind::payload});
            continue;
        }
        for (const ObjectRow &object : json_objects()) {
            if (object.path == prefix + name) {
                members.push_back(
                    {name, object_schema(members_of(object.path, has), object.type, object.more, object.doc)});
            }
        }
    }
    for (const KeyRow &row : keys()) {
        if (!path.empty() && row.record == path) {
            members.push_back({std::string(row.key), described(row.schema, row.doc), row.required});
        }
    }
    return members;
}

std::string args_schema(const EventRow &event) {
    const auto members = members_of("args", [&](const FieldRow &row) { return has_field(event.id, row.id); });
    return object_schema(members, "'object'", "", fmt::format("Arguments of {}.", event.name));
}

// Every message has the same members, but for its arguments, which are those of its event.
std::string message_schema(const RecordRow &record) {
    std::vector<Member> members = members_of("", [](const FieldRow &row) { return !row.path.starts_with("args."); });
    members.push_back({"args", R"({"description":"Arguments of the call.","type":"object"})"});
    std::string conditions;
    for (const EventRow &event : events()) {
        conditions += fmt::format(
            R"({}{{"if":{{"properties":{{"event":{{"const":{}}}}}}},"then":{{"properties":{{"args":{}}}}}}})",
            conditions.empty() ? "" : ",", quoted(event.name), args_schema(event));
    }
    std::string schema = object_schema(members, "'object'", "", record.doc);
    schema.pop_back();
    return fmt::format(R"({},"allOf":[{}]}})", schema, conditions);
}

std::string record_schema(const RecordRow &record) {
    std::vector<Member> members;
    for (const KeyRow &row : keys()) {
        if (row.record == record.name) {
            members.push_back({std::string(row.key), described(row.schema, row.doc), row.required});
        }
    }
    return object_schema(members, "'object'", "", record.doc);
}

// Breaks JSON into lines: objects and arrays that are too long for one line get a line for each member.
std::string in_lines(std::string_view json) {
    constexpr std::size_t kWidth = 118;
    std::string to;
    std::vector<bool> broken;
    bool in_string = false;
    auto line = [&] {
        to += '\n';
        to.append(2 * broken.size(), ' ');
    };
    auto length = [&](std::size_t at) {  // of the object or array that opens here
        std::size_t deep = 0;
        bool string = false;
        for (std::size_t end = at; end < json.size(); ++end) {
            const char c = json[end];
            string = c == '"' && (end == 0 || json[end - 1] != '\\') ? !string : string;
            deep += !string && (c == '{' || c == '[') ? 1 : 0;
            if (!string && (c == '}' || c == ']') && --deep == 0) {
                return end - at;
            }
        }
        return json.size();
    };
    for (std::size_t at = 0; at < json.size(); ++at) {
        const char c = json[at];
        in_string = c == '"' && (at == 0 || json[at - 1] != '\\') ? !in_string : in_string;
        if (in_string || c == '"') {
            to += c;
        } else if (c == '{' || c == '[') {
            to += c;
            broken.push_back(length(at) + 2 * broken.size() > kWidth - 30);
            if (broken.back()) {
                line();
            }
        } else if (c == '}' || c == ']') {
            const bool was = broken.back();
            broken.pop_back();
            if (was) {
                line();
            }
            to += c;
        } else {
            to += c;
            if (c == ',' && broken.back()) {
                line();
            } else if (c == ',' || c == ':') {
                to += ' ';
            }
        }
    }
    return to + '\n';
}

}  // namespace

std::string stream_schema() {
    std::string definitions;
    const auto define = [&](std::string_view name, const std::string &schema) {
        definitions += fmt::format("{}{}:{}", definitions.empty() ? "" : ",", quoted(name), schema);
    };
    std::string alternatives;
    const auto alternative = [&](std::string_view name) {
        alternatives += fmt::format(R"({}{{"$ref":"#/$defs/{}"}})", alternatives.empty() ? "" : ",", name);
    };
    for (const RecordRow &row : records()) {
        alternative(row.name);
        define(row.name, row.name == "message" ? message_schema(row) : record_schema(row));
    }
    for (const ShapeRow &row : shapes()) {
        define(row.name, schema_text(row.schema));
    }
    return in_lines(fmt::format(
        R"({{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"sockwarden stream","oneOf":[{}],"$defs":{{{}}}}})",
        alternatives, definitions));
}

}  // namespace sockwarden
