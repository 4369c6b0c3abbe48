// SPDX-License-Identifier: Apache-2.0
// The table of facts as people and programs read it; see facts.h.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "catalog/facts.h"

namespace sockwarden {
namespace {

std::string_view speed_name(Speed speed) { return speeds()[static_cast<std::size_t>(speed)].name; }

// Spellings without the punctuation that lists of them need in a sentence: "== != in".
std::string spellings(const FactRow &fact) {
    std::string text = operators_text(fact);
    std::erase(text, ',');
    return text;
}

void append_strings(std::string &to, std::string_view key, const std::vector<std::string_view> &values) {
    to += fmt::format(",\"{}\":[", key);
    for (const std::string_view value : values) {
        to += to.back() == '[' ? "" : ",";
        append_json_string(to, value);
    }
    to += ']';
}

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

// "`a`, `b`"
std::string codes(const std::vector<std::string_view> &values) {
    std::string text;
    for (const std::string_view value : values) {
        text += (text.empty() ? "" : ", ") + code(value);
    }
    return text;
}

// In a table of Markdown a bar would end the cell.
std::string cell(std::string_view text) {
    std::string to;
    for (const char c : text) {
        to += c == '|' ? "\\|" : std::string(1, c);
    }
    return to;
}

}  // namespace

std::string facts_as_text() {
    std::size_t path = 4;
    std::size_t asked = 9;
    for (const FactRow &row : facts()) {
        path = std::max(path, row.path.size());
        asked = std::max(asked, spellings(row).size());
    }
    std::string to = fmt::format("{:<{}}  {:<7}  {:<{}}  {}\n", "FACT", path, "TYPE", "OPERATORS", asked, "WHAT IT IS");
    for (const FactRow &row : facts()) {
        to += fmt::format("{:<{}}  {:<7}  {:<{}}  {}\n", row.path, path, fact_type(row.type).name, spellings(row),
                          asked, row.doc);
    }
    return to;
}

std::string facts_as_json() {
    std::string to;
    for (const FactRow &row : facts()) {
        std::vector<std::string_view> asked;
        for (const OperatorRow &known : operators()) {
            if ((row.operators & known.set) != 0) {
                asked.push_back(known.spelling);
            }
        }
        to += fmt::format(R"({{"fact":"{}","type":"{}")", row.path, fact_type(row.type).name);
        append_strings(to, "operators", asked);
        append_strings(to, "values", values_of(row));
        to += fmt::format(R"(,"speed":"{}","doc":)", speed_name(row.speed));
        append_json_string(to, row.doc);
        to += "}\n";
    }
    return to;
}

std::string facts_as_markdown() {
    std::string to =
        "<!-- Rendered from catalog/facts.def; change that, then: cmake --build build/dev --target docs -->\n"
        "# Facts\n\nWhat the rules of a policy may ask about ([policy.md](policy.md)). `sockwarden policy facts` "
        "prints "
        "the same.\n\n| Fact | Type | Operators | What it is |\n|---|---|---|---|\n";
    for (const FactRow &row : facts()) {
        to += fmt::format("| `{}` | {} | {} | {} |\n", row.path, fact_type(row.type).name, code(spellings(row)),
                          cell(row.doc));
    }
    to += "\n## Types\n\n| Type | A value is |\n|---|---|\n";
    for (const FactTypeRow &row : fact_types()) {
        to += fmt::format("| {} | {} |\n", row.name, cell(row.doc));
    }
    to += "\n## Operators\n\n| Operator | Holds where the fact |\n|---|---|\n";
    for (const OperatorRow &row : operators()) {
        to += fmt::format("| `{}` | {} |\n", row.spelling, cell(row.doc));
    }
    to += "\n## Words\n\n";
    for (const FactRow &row : facts()) {
        if (!row.values.empty()) {
            to += fmt::format("- `{}`: {}\n", row.path, codes(values_of(row)));
        }
    }
    return to;
}

}  // namespace sockwarden
