// SPDX-License-Identifier: Apache-2.0
// The rows of catalog/facts.def as constexpr tables: what rules may ask, and of what.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sockwarden {

// ---- Ids: positions of rows, never written by hand, never stored.

enum class OperatorId : std::uint8_t {
#define OPERATOR(id, set, spelling, doc) id,
#define FACT_TYPE(id, doc)
#define SPEED(id, doc)
#define WORD(set, word, doc)
#define FACT(id, path, type, operators, speed, values, doc)
#include "../../catalog/facts.def"
#undef OPERATOR
#undef FACT_TYPE
};

enum class FactType : std::uint8_t {
#define OPERATOR(id, set, spelling, doc)
#define FACT_TYPE(id, doc) id,
#include "../../catalog/facts.def"
#undef FACT_TYPE
#undef SPEED
};

enum class Speed : std::uint8_t {
#define FACT_TYPE(id, doc)
#define SPEED(id, doc) id,
#include "../../catalog/facts.def"
#undef SPEED
#undef FACT
};

enum class FactId : std::uint8_t {
#define SPEED(id, doc)
#define FACT(id, path, type, operators, speed, values, doc) id,
#include "../../catalog/facts.def"
#undef OPERATOR
#undef FACT_TYPE
#undef SPEED
#undef WORD
#undef FACT
};

// Sets of operators, combined with |.
using OperatorSets = std::uint8_t;
namespace operator_sets {
inline constexpr OperatorSets EQ = 1, RANGE = 2, TEXT = 4, PATTERN = 8, CIDR = 16, FLAGS = 32, EACH = 64;
}  // namespace operator_sets

// ---- Rows.

struct OperatorRow {
    OperatorId id;
    std::string_view name;
    OperatorSets set;
    std::string_view spelling, doc;
};
struct FactTypeRow {
    FactType id;
    std::string_view name, doc;
};
struct SpeedRow {
    Speed id;
    std::string_view name, doc;
};
struct WordRow {
    std::string_view set, word, doc;
};
struct FactRow {
    FactId id;
    std::string_view name, path;
    FactType type;
    OperatorSets operators;
    Speed speed;
    std::string_view values;  // names of sets, separated by spaces
    std::string_view doc;
};

std::span<const OperatorRow> operators();
std::span<const FactTypeRow> fact_types();
std::span<const SpeedRow> speeds();
std::span<const WordRow> words();
std::span<const FactRow> facts();

// ---- Look-ups.

const OperatorRow &operator_row(OperatorId id);
const FactRow &fact(FactId id);
// Its place in a set of facts.
constexpr std::uint64_t fact_bit(FactId id) { return std::uint64_t{1} << static_cast<unsigned>(id); }
const FactTypeRow &fact_type(FactType id);
const FactRow *find_fact(std::string_view path);
// The method that is called `name` ("startsWith"), or null.
const OperatorRow *find_method(std::string_view name);

bool has_operator(const FactRow &fact, OperatorId id);
bool is_number(FactType type);
// The largest value of a number's type, as far as the language can write it.
std::int64_t largest(FactType type);
// The list whose elements have this fact; null for a fact of the message itself.
const FactRow *list_of(const FactRow &fact);
// The string behind a fact that is a file ("process.exe.path" of "process.exe"); null for any other.
const FactRow *text_of(const FactRow &fact);
// The words that a name or flag may be; empty for other types.
std::vector<std::string_view> values_of(const FactRow &fact);
// The number that stands for a word of a name: its event's position, its constant's value, or its position in its set.
// Of a flag its bits, and bit 32 + k for the k-th set of the fact's values: bits of different sets are different flags.
std::optional<std::uint64_t> number_of(const FactRow &fact, std::string_view word);
// "==, !=, in, <"
std::string operators_text(const FactRow &fact);

// ---- The table as people and programs read it.

// For a terminal, in columns.
std::string facts_as_text();
// One object a line: fact, type, operators, values, speed, doc.
std::string facts_as_json();
// A page: docs/facts.md.
std::string facts_as_markdown();

}  // namespace sockwarden
