// SPDX-License-Identifier: Apache-2.0
// A checker for JSON Schema; see schema.h.
#include "schema.h"

#include <fmt/format.h>
#include <regex.h>

#include "catalog/schema.h"

namespace sockwarden::test {
namespace {

using nlohmann::json;
using Errors = std::vector<std::string>;

bool is_type(const json &value, const std::string &type) {
    if (type == "integer") {
        return value.is_number_integer();
    }
    if (type == "number") {
        return value.is_number();
    }
    return type == value.type_name();
}

bool matches(const std::string &text, const std::string &pattern) {
    regex_t compiled;
    if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
        return false;
    }
    const bool found = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
    ::regfree(&compiled);
    return found;
}

class Checker {
public:
    Checker() : root_(json::parse(stream_schema())) {}

    void check(const json &value, const json &schema, const std::string &path, Errors &errors) const {
        if (schema.contains("$ref")) {
            check(value, root_.at(json::json_pointer(schema["$ref"].get<std::string>().substr(1))), path, errors);
        }
        check_alternatives(value, schema, path, errors);
        check_conditions(value, schema, path, errors);
        check_type(value, schema, path, errors);
        if (value.is_object()) {
            check_object(value, schema, path, errors);
        }
        if (value.is_array() && schema.contains("items")) {
            for (std::size_t i = 0; i < value.size(); ++i) {
                check(value[i], schema["items"], fmt::format("{}[{}]", path, i), errors);
            }
        }
    }

    const json &root() const { return root_; }

private:
    void check_alternatives(const json &value, const json &schema, const std::string &path, Errors &errors) const {
        if (!schema.contains("oneOf")) {
            return;
        }
        std::size_t fitting = 0;
        Errors why;
        for (const json &alternative : schema["oneOf"]) {
            Errors wrong;
            check(value, alternative, path, wrong);
            fitting += wrong.empty() ? 1 : 0;
            if (why.empty() || (!wrong.empty() && wrong.size() < why.size())) {
                why = wrong;
            }
        }
        if (fitting != 1) {
            errors.push_back(fmt::format("{}: {} of the alternatives fit", path, fitting));
            errors.insert(errors.end(), why.begin(), why.end());
        }
    }

    // allOf with if and then: what holds of the members of one kind of object.
    void check_conditions(const json &value, const json &schema, const std::string &path, Errors &errors) const {
        for (const json &condition : schema.value("allOf", json::array())) {
            bool holds = true;
            for (const auto &[key, member] : condition.at("if").at("properties").items()) {
                Errors wrong;
                check(value.value(key, json()), member, path, wrong);
                holds = holds && wrong.empty();
            }
            const json then = condition.at("then").at("properties");
            for (const auto &[key, member] : then.items()) {
                if (holds) {
                    check(value.value(key, json()), member, path + '.' + key, errors);
                }
            }
        }
    }

    static void check_type(const json &value, const json &schema, const std::string &path, Errors &errors) {
        if (schema.contains("type")) {
            const json types = schema["type"].is_array() ? schema["type"] : json::array({schema["type"]});
            bool fits = false;
            for (const json &type : types) {
                fits = fits || is_type(value, type.get<std::string>());
            }
            if (!fits) {
                errors.push_back(fmt::format("{}: {} is not {}", path, value.dump(), types.dump()));
            }
        }
        if (schema.contains("enum") &&
            std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
            errors.push_back(fmt::format("{}: {} is none of {}", path, value.dump(), schema["enum"].dump()));
        }
        if (schema.contains("const") && schema["const"] != value) {
            errors.push_back(fmt::format("{}: {} is not {}", path, value.dump(), schema["const"].dump()));
        }
        if (schema.contains("minimum") && value.is_number() && value < schema["minimum"]) {
            errors.push_back(fmt::format("{}: {} is too small", path, value.dump()));
        }
        if (schema.contains("pattern") && value.is_string() &&
            !matches(value.get<std::string>(), schema["pattern"].get<std::string>())) {
            errors.push_back(fmt::format("{}: {} does not match {}", path, value.dump(), schema["pattern"].dump()));
        }
    }

    void check_object(const json &value, const json &schema, const std::string &path, Errors &errors) const {
        for (const json &key : schema.value("required", json::array())) {
            if (!value.contains(key.get<std::string>())) {
                errors.push_back(fmt::format("{}: {} is not there", path, key.dump()));
            }
        }
        const json properties = schema.value("properties", json::object());
        for (const auto &[key, member] : value.items()) {
            if (properties.contains(key)) {
                check(member, properties[key], path + '.' + key, errors);
            } else if (schema.contains("additionalProperties")) {
                check(member, schema["additionalProperties"], path + '.' + key, errors);
            } else if (schema.contains("properties")) {
                errors.push_back(fmt::format("{}: the schema does not know \"{}\"", path, key));
            }
        }
    }

    json root_;
};

}  // namespace

std::vector<std::string> schema_errors(const json &value) {
    static const Checker checker;
    Errors errors;
    checker.check(value, checker.root(), "", errors);
    return errors;
}

}  // namespace sockwarden::test
