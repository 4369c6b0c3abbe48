// SPDX-License-Identifier: Apache-2.0
// Maps of YAML; see yaml_map.h.
#include "policy/yaml_map.h"

#include <fmt/format.h>

#include <algorithm>

namespace sockwarden::policy {
namespace {

std::string_view kind_of(const Yaml &yaml) {
    constexpr std::string_view kKinds[] = {"nothing", "a single value", "a list", "a map"};
    return kKinds[static_cast<std::size_t>(yaml.kind)];
}

void expected(const Yaml &yaml, std::string_view what, Mistakes &mistakes) {
    mistakes.push_back({yaml.place, fmt::format("expected {}, and this is {}", what, kind_of(yaml)), ""});
}

}  // namespace

void read_map(const Yaml &map, std::string_view what, const std::vector<YamlKey> &keys, Mistakes &mistakes) {
    if (map.kind != Yaml::Kind::map) {
        expected(map, fmt::format("{} as a map", what), mistakes);
        return;
    }
    for (const YamlMember &member : map.members) {
        const auto key = std::ranges::find(keys, member.key.text, &YamlKey::name);
        if (key != keys.end()) {
            key->take(member.value);
            continue;
        }
        std::vector<std::string_view> names;
        std::ranges::transform(keys, std::back_inserter(names), &YamlKey::name);
        std::string hint = nearest_hint(member.key.text, names);
        mistakes.push_back({member.key.place, fmt::format("{} has no key {}", what, member.key.text),
                            hint.empty() ? fmt::format("it has {}", fmt::join(names, ", ")) : std::move(hint)});
    }
    for (const YamlKey &key : keys) {
        const auto same = [&](const YamlMember &member) { return member.key.text == key.name; };
        if (key.required && std::ranges::none_of(map.members, same)) {
            mistakes.push_back({map.place, fmt::format("{} needs the key {}", what, key.name), ""});
        }
    }
}

const std::string *read_text(const Yaml &yaml, std::string_view what, Mistakes &mistakes) {
    if (yaml.kind == Yaml::Kind::scalar && !yaml.text.empty()) {
        return &yaml.text;
    }
    expected(yaml, what, mistakes);
    return nullptr;
}

const std::vector<Yaml> *read_items(const Yaml &yaml, std::string_view what, Mistakes &mistakes) {
    if (yaml.kind == Yaml::Kind::sequence) {
        return &yaml.items;
    }
    expected(yaml, what, mistakes);
    return nullptr;
}

std::optional<std::size_t> read_word(const Yaml &yaml, std::string_view what,
                                     const std::vector<std::string_view> &known, Mistakes &mistakes) {
    const std::string *word = read_text(yaml, what, mistakes);
    if (word == nullptr) {
        return std::nullopt;
    }
    const auto found = std::ranges::find(known, *word);
    if (found == known.end()) {
        mistakes.push_back({yaml.place, fmt::format("expected {}, and this is {}", what, *word),
                            fmt::format("it is one of {}", fmt::join(known, ", "))});
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - known.begin());
}

}  // namespace sockwarden::policy
