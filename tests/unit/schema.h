// SPDX-License-Identifier: Apache-2.0
// A checker for the part of JSON Schema that the stream's schema uses.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace sockwarden::test {

// What is wrong with `value`, one text an error; empty when it satisfies the schema of the stream. Keys that the schema
// does not know are errors here, though the contract allows new ones: they would be undocumented.
std::vector<std::string> schema_errors(const nlohmann::json &value);

}  // namespace sockwarden::test
