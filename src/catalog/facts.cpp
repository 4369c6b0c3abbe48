// SPDX-License-Identifier: Apache-2.0
// Expands the rows of catalog/facts.def into tables; see facts.h.
#include "catalog/facts.h"

#include <algorithm>

#include "catalog/catalog.h"

namespace sockwarden {
namespace {

constexpr OperatorRow kOperators[] = {
#define OPERATOR(id, set, spelling, doc) {OperatorId::id, #id, operator_sets::set, spelling, doc},
#define FACT_TYPE(id, doc)
#define SPEED(id, doc)
#define WORD(set, word, doc)
#define FACT(id, path, type, operators, speed, values, doc)
#include "../../catalog/facts.def"
#undef OPERATOR
#undef FACT_TYPE
};

constexpr FactTypeRow kFactTypes[] = {
#define OPERATOR(id, set, spelling, doc)
#define FACT_TYPE(id, doc) {FactType::id, #id, doc},
#include "../../catalog/facts.def"
#undef FACT_TYPE
#undef SPEED
};

constexpr SpeedRow kSpeeds[] = {
#define FACT_TYPE(id, doc)
#define SPEED(id, doc) {Speed::id, #id, doc},
#include "../../catalog/facts.def"
#undef SPEED
#undef WORD
};

constexpr WordRow kWords[] = {
#define SPEED(id, doc)
#define WORD(set, word, doc) {#set, #word, doc},
#include "../../catalog/facts.def"
#undef WORD
#undef FACT
};

// With the names that facts.def has for sets of operators.
namespace rows {

using namespace operator_sets;

constexpr FactRow kFacts[] = {
#define WORD(set, word, doc)
#define FACT(id, path, type, operators, speed, values, doc) \
    {FactId::id, #id, path, FactType::type, operators, Speed::speed, values, doc},
#include "../../catalog/facts.def"
#undef OPERATOR
#undef FACT_TYPE
#undef SPEED
#undef WORD
#undef FACT
};

}  // namespace rows

// Calls `take` with each word of a text in which they are separated by spaces.
template <typename Take>
void each_word(std::string_view text, Take take) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        take(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace

std::span<const OperatorRow> operators() { return kOperators; }
std::span<const FactTypeRow> fact_types() { return kFactTypes; }
std::span<const SpeedRow> speeds() { return kSpeeds; }
std::span<const WordRow> words() { return kWords; }
std::span<const FactRow> facts() { return rows::kFacts; }

const OperatorRow &operator_row(OperatorId id) { return kOperators[static_cast<std::size_t>(id)]; }
const FactRow &fact(FactId id) { return rows::kFacts[static_cast<std::size_t>(id)]; }
const FactTypeRow &fact_type(FactType id) { return kFactTypes[static_cast<std::size_t>(id)]; }

const FactRow *find_fact(std::string_view path) {
    const auto row = std::ranges::find(facts(), path, &FactRow::path);
    return row == facts().end() ? nullptr : &*row;
}

const OperatorRow *find_method(std::string_view name) {
    const auto row =
        std::ranges::find(operators(), "." + std::string(name) + "()", [](const OperatorRow &r) { return r.spelling; });
    return row == operators().end() ? nullptr : &*row;
}

bool has_operator(const FactRow &fact, OperatorId id) { return (fact.operators & operator_row(id).set) != 0; }

bool is_number(FactType type) { return type == FactType::u16 || type == FactType::u32 || type == FactType::u64; }

std::int64_t largest(FactType type) {
    return type == FactType::u16 ? UINT16_MAX : type == FactType::u32 ? std::int64_t{UINT32_MAX} : INT64_MAX;
}

const FactRow *list_of(const FactRow &fact) {
    for (std::size_t dot = fact.path.find('.'); dot != std::string_view::npos; dot = fact.path.find('.', dot + 1)) {
        const FactRow *list = find_fact(fact.path.substr(0, dot));
        if (list != nullptr && list->type == FactType::list) {
            return list;
        }
    }
    return nullptr;
}

const FactRow *text_of(const FactRow &file) {
    for (const FactRow &row : facts()) {
        if (file.type == FactType::file && row.path.starts_with(file.path) && row.path.size() > file.path.size() &&
            row.path[file.path.size()] == '.') {
            return &row;
        }
    }
    return nullptr;
}

namespace {

std::optional<std::uint64_t> number_in(std::string_view set, std::string_view word) {
    if (set == "events") {
        const EventRow *row = find_event(word);
        return row == nullptr ? std::nullopt : std::optional<std::uint64_t>(static_cast<std::uint64_t>(row->id));
    }
    std::uint64_t position = 0;
    for (const WordRow &row : kWords) {
        if (row.set == set && row.word == word) {
            return position;
        }
        position += row.set == set ? 1 : 0;
    }
    for (const ConstantRow &row : constants()) {
        if (row.set == set && row.name == word) {
            return row.value;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> number_of(const FactRow &fact, std::string_view word) {
    constexpr unsigned kFirstSet = 32;
    std::optional<std::uint64_t> number;
    unsigned set_number = kFirstSet;
    each_word(fact.values, [&](std::string_view set) {
        if (const std::optional<std::uint64_t> in_set = number_in(set, word); in_set && !number) {
            number = fact.type == FactType::flags ? *in_set | std::uint64_t{1} << set_number : *in_set;
        }
        ++set_number;
    });
    return number;
}

std::vector<std::string_view> values_of(const FactRow &fact) {
    std::vector<std::string_view> values;
    each_word(fact.values, [&](std::string_view set) {
        for (const EventRow &row : events()) {
            if (set == "events") {
                values.push_back(row.name);
            }
        }
        for (const WordRow &row : kWords) {
            if (row.set == set) {
                values.push_back(row.word);
            }
        }
        for (const ConstantRow &row : constants()) {
            if (row.set == set) {
                values.push_back(row.name);
            }
        }
    });
    return values;
}

std::string operators_text(const FactRow &fact) {
    std::string text;
    for (const OperatorRow &row : kOperators) {
        if ((fact.operators & row.set) != 0) {
            text += text.empty() ? "" : ", ";
            text += row.spelling;
        }
    }
    return text;
}

}  // namespace sockwarden
