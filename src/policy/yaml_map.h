// SPDX-License-Identifier: Apache-2.0
// Reads maps of YAML by the keys that they may have.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "policy/yaml.h"

namespace sockwarden::policy {

struct YamlKey {
    std::string_view name;
    bool required;
    std::function<void(const Yaml &value)> take;
};

// Calls `take` for each key that is there, in the order of the file. Says of unknown keys which are known, and of
// required ones that they are missing; `what` is the map's name for people: "a rule".
void read_map(const Yaml &map, std::string_view what, const std::vector<YamlKey> &keys, Mistakes &mistakes);

// The text of a scalar, or a mistake and null. `what` is what was expected: "a name".
const std::string *read_text(const Yaml &yaml, std::string_view what, Mistakes &mistakes);
// The items of a sequence, or a mistake and null.
const std::vector<Yaml> *read_items(const Yaml &yaml, std::string_view what, Mistakes &mistakes);
// The word of `known` that a scalar is; a mistake and nothing where it is none.
std::optional<std::size_t> read_word(const Yaml &yaml, std::string_view what,
                                     const std::vector<std::string_view> &known, Mistakes &mistakes);

}  // namespace sockwarden::policy
