// SPDX-License-Identifier: Apache-2.0
// The pages that are rendered from the catalogue, and their golden copies in docs/.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "catalog/page.h"
#include "catalog/schema.h"

namespace sockwarden {
namespace {

std::string source_file(const std::string &name) {
    std::ifstream file(SOCKWARDEN_SOURCE "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

constexpr const char *kHowToUpdate =
    " is not what the catalogue renders. If the change is meant: cmake --build build/dev --target docs";

TEST(Golden, Schema) {
    EXPECT_TRUE(source_file("docs/record.schema.json") == stream_schema()) << "docs/record.schema.json" << kHowToUpdate;
}

TEST(Golden, EventPages) {
    for (const EventRow &event : events()) {
        const std::string name = "docs/events/" + std::string(event.name) + ".md";
        EXPECT_TRUE(source_file(name) == page_as_markdown(make_page(event))) << name << kHowToUpdate;
    }
}

TEST(Page, HasTheSectionsOfTheCatalogue) {
    const std::vector<std::string> wanted{
        "Description", "Arguments", "Flags",           "Rest of the record", "Tags",          "Missing fields",
        "Hooks",       "Use case",  "Guessed senders", "Known issues",       "Related events"};
    for (const EventRow &event : events()) {
        std::vector<std::string> titles;
        for (const PageSection &section : make_page(event).sections) {
            titles.push_back(section.title);
            EXPECT_FALSE(section.blocks.empty());
        }
        std::vector<std::string> expected = wanted;
        if (!has_field(event.id, FieldId::flags)) {
            std::erase(expected, "Flags");
        }
        EXPECT_EQ(titles, expected) << event.name;
    }
}

TEST(Page, TextKeepsToItsWidth) {
    for (const std::size_t width : {60U, 80U, 100U}) {
        std::istringstream text(page_as_text(make_page(events()[0]), width));
        for (std::string line; std::getline(text, line);) {
            EXPECT_LE(line.size(), width) << line;
        }
    }
}

TEST(Page, RoffShowsTextLiterally) {
    EXPECT_EQ(roff_escaped(".x\n'y"), "\\&.x\n\\&\\(aqy");
    EXPECT_EQ(roff_escaped("a\\b --c"), "a\\eb \\-\\-c");
    EXPECT_EQ(roff_escaped("…"), "\\[u2026]");
}

}  // namespace
}  // namespace sockwarden
