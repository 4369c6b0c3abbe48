// SPDX-License-Identifier: Apache-2.0
// YAML as a tree: places, and what is refused.
#include "policy/yaml.h"

#include <gtest/gtest.h>

namespace sockwarden::policy {
namespace {

std::string error_of(std::string text) {
    const auto document = YamlDocument::parse(std::move(text));
    return document ? "" : mistake_text("f", document.error());
}

TEST(Yaml, KnowsWhereThingsStand) {
    const auto document = YamlDocument::parse("a: x\n\xc3\xbc: [y, {z: 1}]\n");
    ASSERT_TRUE(document);
    const auto &members = document->root().members;
    ASSERT_EQ(members.size(), 2U);
    EXPECT_EQ(members[0].key.place, (Place{1, 1}));
    EXPECT_EQ(members[0].value.place, (Place{1, 4}));
    EXPECT_EQ(members[1].value.items[0].place, (Place{2, 6})) << "columns are bytes";
    EXPECT_EQ(members[1].value.items[1].members[0].value.place, (Place{2, 13}));
}

// Where each byte of the value of `a` stands in the file.
struct Row {
    std::string_view text, value;
    std::vector<Place> places;  // of the bytes and of the end
};
void PrintTo(const Row &row, std::ostream *to) { *to << row.text; }

class Scalar : public testing::TestWithParam<Row> {};

TEST_P(Scalar, HasThePlacesOfItsBytes) {
    const auto document = YamlDocument::parse(std::string(GetParam().text));
    ASSERT_TRUE(document) << error_of(std::string(GetParam().text));
    const SourceText source = document->source_of(document->root().members[0].value);
    EXPECT_EQ(source.text, GetParam().value);
    ASSERT_EQ(source.places.size(), source.text.size() + 1);
    for (std::size_t i = 0; i < GetParam().places.size(); ++i) {
        EXPECT_EQ(source.places[i].line, GetParam().places[i].line) << i;
        EXPECT_EQ(source.places[i].column, GetParam().places[i].column) << i;
    }
}

const Row kScalars[] = {
    {"a: xyz", "xyz", {{1, 4}, {1, 5}, {1, 6}, {1, 7}}},
    {"a: 'xyz'", "xyz", {{1, 5}, {1, 6}, {1, 7}, {1, 8}}},
    {"a: 'x''y'", "x'y", {{1, 5}, {1, 6}, {1, 8}, {1, 9}}},
    {"a: \"xy\"", "xy", {{1, 5}, {1, 6}, {1, 7}}},
    {"a: \"x\\\"y\\\\z\"", "x\"y\\z", {{1, 5}, {1, 6}, {1, 8}, {1, 9}, {1, 11}, {1, 12}}},
    {"a: \"\\x41\\u0042c\"", "ABc", {{1, 5}, {1, 9}, {1, 15}, {1, 16}}},
    {"a: \"\\u00fcx\"", "\xc3\xbcx", {{1, 5}, {1, 11}, {1, 11}, {1, 12}}},
    {"a: x\n  y", "x y", {{1, 4}, {1, 5}, {2, 3}, {2, 4}}},
    {"a: |\n  xy\n    z\n", "xy\n  z\n", {{2, 3}, {2, 4}, {2, 5}}},
    {"a: |\n  xy\n  z\n", "xy\nz\n", {{2, 3}, {2, 4}, {2, 5}, {3, 3}, {3, 4}}},
    {"a: >-\n  xy\n  z\n", "xy z", {{2, 3}, {2, 4}, {2, 5}, {3, 3}}},
    {"a: >-\n\n  x\n", "\nx", {{1, 6}, {3, 3}}},
    {"a: \"x\n  y\"", "x y", {{1, 5}, {1, 6}, {2, 3}, {2, 4}}},
    {"a: \"x\\\n  y\"", "xy", {{1, 5}, {2, 3}, {2, 4}}},
    {"a: ''", "", {{1, 5}}},
};
INSTANTIATE_TEST_SUITE_P(Rows, Scalar, testing::ValuesIn(kScalars));

TEST(Yaml, QuotedIsNotPlain) {
    const auto document = YamlDocument::parse("[1, '1', \"1\"]");
    ASSERT_TRUE(document);
    EXPECT_FALSE(document->root().items[0].quoted);
    EXPECT_TRUE(document->root().items[1].quoted);
    EXPECT_TRUE(document->root().items[2].quoted);
}

std::string repeated(std::string_view part, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) {
        text += part;
    }
    return text;
}

TEST(Yaml, HostileDocumentsAreRefused) {
    EXPECT_EQ(error_of(""), "f:1:1: expected a policy, and the file is empty");
    EXPECT_EQ(error_of("a: &x [1]\n"), "f:1:4: anchors and aliases are not taken; put shared values under lists:");
    EXPECT_NE(error_of("a: &x [1]\nb: *x\n").find("anchors"), std::string::npos);
    EXPECT_EQ(
        error_of("a: !!binary xxxx"),
        "f:1:4: tags are not taken, and this is tag:yaml.org,2002:binary; put a value that begins with ! in quotes");
    EXPECT_EQ(error_of("a: 1\n---\nb: 1\n"), "f:2:1: expected one document, and here a second one begins");
    EXPECT_EQ(error_of("a: 1\nb: 2\na: 3\n"), "f:3:1: the key a stands here a second time; leave one of them out");
    EXPECT_EQ(error_of("{x: {y: 1, y: 2}}"), "f:1:12: the key y stands here a second time; leave one of them out");
    EXPECT_EQ(error_of("[a]: 1"), "f:1:1: expected a word as key");
    EXPECT_EQ(error_of("a: [1"), "f:1:1: not YAML: end of sequence flow not found");
    EXPECT_EQ(error_of("a: \"x\\"), "f:1:7: not YAML: unknown escape character: \\x04");
    EXPECT_EQ(
        error_of("a: \xff"),
        "f:1:4: byte 0xff is not text; a policy is UTF-8 without control characters and without a byte order mark");
    EXPECT_NE(error_of("\xef\xbb\xbf"
                       "a: 1")
                  .find("f:1:1: byte 0xef"),
              std::string::npos);
    EXPECT_NE(error_of(std::string("a: \0", 4)).find("f:1:4: byte 0x00"), std::string::npos);
    EXPECT_EQ(error_of(repeated("[", kDeepestDocument) + repeated("]", kDeepestDocument)), "");
    EXPECT_EQ(error_of(repeated("[", kDeepestDocument + 1) + repeated("]", kDeepestDocument + 1)),
              "f:1:17: a policy is at most 16 deep");
    EXPECT_NE(error_of(repeated("[", 100'000)), "");
    EXPECT_NE(error_of(repeated("{a: ", 10'000)), "");
    EXPECT_NE(error_of("[" + repeated("1,", kMostYamlNodes) + "]").find("a policy has at most 100000 values"),
              std::string::npos);
    EXPECT_EQ(error_of(std::string(kLargestDocument + 1, '#')),
              "f:1:1: a policy has at most 1048576 bytes, and this has 1048577");
}

}  // namespace
}  // namespace sockwarden::policy
