// SPDX-License-Identifier: Apache-2.0
// Facts that a test gives; see given.h.
#include "policy/given.h"

#include <fmt/format.h>

#include <charconv>

#include "policy/check_value.h"
#include "policy/network.h"
#include "policy/yaml_map.h"

namespace sockwarden::policy {
namespace {

// What a scalar stands for where it is not quoted: a number or a truth value where the fact wants one.
std::optional<Literal> literal_of(const Yaml &yaml, FactType type) {
    if (is_number(type)) {
        const bool hex = yaml.text.starts_with("0x");
        const std::string_view digits = std::string_view(yaml.text).substr(hex ? 2 : 0);
        std::int64_t number = 0;
        const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, hex ? 16 : 10);
        return error == std::errc{} && rest == digits.data() + digits.size() ? std::optional(Literal{{}, number})
                                                                             : std::nullopt;
    }
    if (type == FactType::boolean) {
        return yaml.text == "true" || yaml.text == "false" ? std::optional(Literal{{}, yaml.text == "true"})
                                                           : std::nullopt;
    }
    return Literal{{}, yaml.text};
}

class GivenReader {
public:
    GivenReader(NamedFiles &files, Mistakes &mistakes) : files_(files), mistakes_(mistakes) {}

    // Facts below `path`, which is empty or a fact's or the begin of some. `list` is the one whose element is read.
    void read(const Yaml &map, const std::string &path, const FactRow *list, FactMap &to, Facts *message) {
        if (map.kind != Yaml::Kind::map) {
            complain(map, fmt::format("expected facts as a map"));
            return;
        }
        for (const YamlMember &member : map.members) {
            const std::string below = path.empty() ? member.key.text : path + "." + member.key.text;
            const FactRow *row = find_fact(below);
            if (row != nullptr && row->type == FactType::list && message != nullptr) {
                read_list(member.value, *row, *message);
            } else if (member.value.kind == Yaml::Kind::map) {
                read(member.value, below, list, to, message);
            } else if (row == nullptr || list_of(*row) != list) {
                complain_unknown(member.key, below, list);
            } else {
                read_value(member.value, *row, to);
            }
        }
    }

private:
    void complain(const Yaml &yaml, std::string message, std::string hint = "") {
        mistakes_.push_back({yaml.place, std::move(message), std::move(hint)});
    }

    void complain_unknown(const Yaml &key, const std::string &path, const FactRow *list) {
        std::vector<std::string_view> known;
        for (const FactRow &row : facts()) {
            if (list_of(row) == list) {
                known.push_back(row.path);
            }
        }
        complain(key, fmt::format("there is no fact {}", path), nearest_hint(path, known));
    }

    void read_list(const Yaml &yaml, const FactRow &row, Facts &message) {
        if (yaml.kind == Yaml::Kind::null) {
            return;
        }
        const std::vector<Yaml> *items = read_items(yaml, fmt::format("a list of {}", row.path), mistakes_);
        if (items == nullptr) {
            return;
        }
        Elements &elements = message.lists[row.id];
        for (const Yaml &item : *items) {
            read(item, std::string(row.path), &row, elements.items.emplace_back(), nullptr);
        }
    }

    void read_value(const Yaml &yaml, const FactRow &row, FactMap &to) {
        if (yaml.kind == Yaml::Kind::null) {
            return;  // absent, as it is without this line
        }
        if (row.type == FactType::flags) {
            read_flags(yaml, row, to);
            return;
        }
        if (yaml.kind != Yaml::Kind::scalar) {
            complain(yaml, fmt::format("expected {} for {}", wanted_by(row.type), row.path));
            return;
        }
        const std::optional<Literal> literal = literal_of(yaml, row.type);
        if (!literal) {
            complain(yaml, fmt::format("expected {} for {}, and this is {}", wanted_by(row.type), row.path, yaml.text));
            return;
        }
        if (std::optional<Complaint> complaint = check_value(row, OperatorId::equal, *literal)) {
            complain(yaml, std::move(complaint->message), std::move(complaint->hint));
            return;
        }
        set(*literal, row, to);
    }

    void read_flags(const Yaml &yaml, const FactRow &row, FactMap &to) {
        const std::vector<Yaml> *items = read_items(yaml, fmt::format("a list of {}", row.path), mistakes_);
        Flags flags;
        for (const Yaml &item : items == nullptr ? std::vector<Yaml>{} : *items) {
            const Literal name{{}, item.text};
            if (std::optional<Complaint> complaint = check_value(row, OperatorId::holds, name)) {
                complain(item, std::move(complaint->message), std::move(complaint->hint));
            }
            flags.names.push_back(item.text);
        }
        to[row.id] = std::move(flags);
    }

    // The literal is one of the fact's type.
    void set(const Literal &literal, const FactRow &row, FactMap &to) {
        if (const auto *number = std::get_if<std::int64_t>(&literal.value)) {
            to[row.id] = *number;
            return;
        }
        if (const auto *boolean = std::get_if<bool>(&literal.value)) {
            to[row.id] = *boolean;
            return;
        }
        const std::string &word = std::get<std::string>(literal.value);
        if (row.type == FactType::file) {
            set_file(to, row, word, files_);
        } else if (row.type == FactType::address) {
            to[row.id] = *parse_address(word);
        } else {
            to[row.id] = Text{word};
        }
        if (row.id == FactId::payload) {
            to.try_emplace(FactId::payload_length, static_cast<std::int64_t>(word.size()));
        }
    }

    NamedFiles &files_;
    Mistakes &mistakes_;
};

}  // namespace

Facts read_given(const Yaml &given, NamedFiles &files, Mistakes &mistakes) {
    Facts facts;
    GivenReader(files, mistakes).read(given, "", nullptr, facts.values, &facts);
    return facts;
}

void read_unknown(const Yaml &unknown, Facts &facts, Mistakes &mistakes) {
    const std::vector<Yaml> *items = read_items(unknown, "a list of facts", mistakes);
    for (const Yaml &item : items == nullptr ? std::vector<Yaml>{} : *items) {
        const FactRow *row = find_fact(item.text);
        if (row == nullptr) {
            std::vector<std::string_view> known;
            for (const FactRow &one : sockwarden::facts()) {
                known.push_back(one.path);
            }
            mistakes.push_back(
                {item.place, fmt::format("there is no fact {}", item.text), nearest_hint(item.text, known)});
        } else if (row->type == FactType::list) {
            facts.lists[row->id].complete = false;
        } else if (const FactRow *list = list_of(*row)) {
            for (FactMap &element : facts.lists[list->id].items) {
                element[row->id] = Unknown{};
            }
        } else {
            facts.values[row->id] = Unknown{};
        }
    }
}

void set_file(FactMap &facts, const FactRow &row, const std::string &path, NamedFiles &files) {
    facts[row.id] = files(path);
    if (const FactRow *text = text_of(row)) {
        facts.try_emplace(text->id, Text{path});
    }
}

}  // namespace sockwarden::policy
