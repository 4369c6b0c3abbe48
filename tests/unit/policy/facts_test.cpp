// SPDX-License-Identifier: Apache-2.0
// The tables of facts and actions are whole, and docs/facts.md is what they render.
#include "catalog/facts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "catalog/actions.h"
#include "catalog/catalog.h"
#include "output/names.h"

namespace sockwarden {
namespace {

class EachFact : public testing::TestWithParam<FactRow> {};

TEST_P(EachFact, IsFoundAndSaysWhatItIs) {
    const FactRow &row = GetParam();
    EXPECT_EQ(find_fact(row.path), &fact(row.id));
    EXPECT_NE(row.doc, "");
    EXPECT_TRUE(row.doc.ends_with('.')) << row.doc;
    EXPECT_NE(row.operators, 0);
}

TEST_P(EachFact, HasValuesWhereItsTypeIsOfWords) {
    const FactRow &row = GetParam();
    const bool words = row.type == FactType::name || row.type == FactType::flags;
    EXPECT_EQ(!row.values.empty(), words);
    EXPECT_EQ(values_of(row).size() > 1, words);
}

// A fact that records do not have cannot be tried out on a recording.
TEST_P(EachFact, StandsInRecordsAtItsPath) {
    const std::set<std::string_view> elsewhere{"process.exe.path",
                                               "process.parent.exe",
                                               "process.parent.exe.path",
                                               "socket.local.path.text",
                                               "socket.remote.path.text",
                                               "fds",
                                               "credentials",
                                               "payload"};
    const FactRow &row = GetParam();
    const bool field = std::ranges::any_of(fields(), [&](const FieldRow &one) {
        return row.path == one.path || row.path.starts_with(std::string(one.path) + ".");
    });
    EXPECT_TRUE(field || elsewhere.contains(row.path) || list_of(row) != nullptr) << row.path;
}

TEST_P(EachFact, IsRendered) {
    const std::string path(GetParam().path);
    EXPECT_NE(facts_as_text().find("\n" + path + " "), std::string::npos);
    EXPECT_NE(facts_as_markdown().find("| `" + path + "` |"), std::string::npos);
    EXPECT_NE(facts_as_json().find("{\"fact\":\"" + path + "\","), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Rows, EachFact, testing::ValuesIn(facts().begin(), facts().end()),
                         [](const auto &row) { return std::string(row.param.name); });

TEST(Facts, NamesAreUnique) {
    std::set<std::string_view> paths, spellings;
    for (const FactRow &row : facts()) {
        EXPECT_TRUE(paths.insert(row.path).second) << row.path;
    }
    for (const OperatorRow &row : operators()) {
        EXPECT_TRUE(spellings.insert(row.spelling).second || row.spelling == "in") << row.spelling;
    }
}

TEST(Facts, EveryOperatorAndTypeAndWordIsUsed) {
    OperatorSets used = 0;
    std::set<FactType> types;
    std::set<std::string_view> sets;
    for (const FactRow &row : facts()) {
        used |= row.operators;
        types.insert(row.type);
        for (const std::string_view word : values_of(row)) {
            sets.insert(word);
        }
    }
    for (const OperatorRow &row : operators()) {
        EXPECT_NE(row.set & used, 0) << row.name;
    }
    for (const FactTypeRow &row : fact_types()) {
        EXPECT_TRUE(types.contains(row.id)) << row.name;
    }
    for (const WordRow &row : words()) {
        EXPECT_TRUE(sets.contains(row.word)) << row.set << " " << row.word;
    }
}

TEST(Facts, ListsAndFilesHaveWhatBelongsToThem) {
    EXPECT_EQ(list_of(*find_fact("fds.type")), find_fact("fds"));
    EXPECT_EQ(list_of(*find_fact("senders.parent.exe")), find_fact("senders"));
    EXPECT_EQ(list_of(*find_fact("fds")), nullptr);
    EXPECT_EQ(list_of(*find_fact("process.exe")), nullptr);
    for (const FactRow &row : facts()) {
        EXPECT_EQ(text_of(row) != nullptr, row.type == FactType::file) << row.path;
        EXPECT_TRUE(text_of(row) == nullptr || text_of(row)->type == FactType::text) << row.path;
    }
    EXPECT_EQ(text_of(*find_fact("process.exe")), find_fact("process.exe.path"));
    EXPECT_EQ(find_fact("process"), nullptr);
    EXPECT_EQ(find_fact(""), nullptr);
}

// The words of a descriptor's type and access are those that records show.
TEST(Facts, WordsAreThoseOfRecords) {
    std::set<std::string_view> types, modes, known_types, known_modes;
    for (unsigned kind = 0; kind < 16; ++kind) {
        PassedFd fd{};
        fd.mode = static_cast<decltype(fd.mode)>(kind << 12);
        types.insert(file_type(fd));
    }
    for (unsigned mode = 0; mode < 4; ++mode) {
        modes.insert(access_mode(mode));
    }
    for (const WordRow &row : words()) {
        (row.set == "file_type" ? known_types : known_modes).insert(row.word);
    }
    EXPECT_EQ(types, known_types);
    EXPECT_EQ(modes, known_modes);
}

TEST(Facts, JsonIsAnObjectALine) {
    std::istringstream lines(facts_as_json());
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        const auto object = nlohmann::json::parse(line);
        EXPECT_EQ(object["fact"], facts()[count].path);
        EXPECT_FALSE(object["operators"].empty());
    }
    EXPECT_EQ(count, facts().size());
}

TEST(Golden, FactsPage) {
    std::ifstream file(SOCKWARDEN_SOURCE "/docs/facts.md");
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_TRUE(text.str() == facts_as_markdown()) << "docs/facts.md is not what the catalogue renders. If the change "
                                                      "is meant: cmake --build build/dev --target docs";
}

TEST(Actions, AreFoundAndOrdered) {
    for (const ActionRow &row : actions()) {
        EXPECT_EQ(find_action(row.name), &action(row.id));
        EXPECT_NE(row.doc, "");
        // What is unknown never makes an action stricter.
        EXPECT_TRUE(!row.when_unknown || *row.when_unknown <= row.id) << row.name;
    }
    EXPECT_EQ(find_action("refuse"), nullptr);
    EXPECT_LT(ActionId::allow, ActionId::deny_fds);
    EXPECT_LT(ActionId::deny_fds, ActionId::drop);
    EXPECT_LT(ActionId::drop, ActionId::deny);
    EXPECT_LT(ActionId::deny, ActionId::kill);
}

}  // namespace
}  // namespace sockwarden
