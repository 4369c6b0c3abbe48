// SPDX-License-Identifier: Apache-2.0
// Compiling and running patterns for tests; see patterns.h.
#include "policy/patterns.h"

#include <gtest/gtest.h>

#include "policy/pattern/matcher.h"
#include "policy/pattern/regex.h"

namespace sockwarden::test {

using pattern::Dfa;
using pattern::Node;

std::vector<Node> regexes(const std::vector<std::string> &texts) {
    std::vector<Node> nodes;
    for (const std::string &text : texts) {
        auto node = pattern::parse_regex(text);
        EXPECT_TRUE(node) << text << ": " << (node ? "" : node.error().message);
        nodes.push_back(node ? std::move(*node) : Node{});
    }
    return nodes;
}

Dfa compiled(const std::vector<Node> &nodes) {
    auto dfa = pattern::compile(nodes);
    EXPECT_TRUE(dfa) << (dfa ? "" : dfa.error().message());
    return dfa ? std::move(*dfa) : *pattern::compile({});
}

Dfa compiled_regexes(const std::vector<std::string> &texts) { return compiled(regexes(texts)); }

std::string matching(const Dfa &dfa, std::string_view text, std::size_t cut) {
    pattern::Matcher matcher(dfa);
    matcher.feed(text.substr(0, cut));
    matcher.feed(text.substr(cut));
    matcher.finish();
    std::string indices;
    for (std::size_t i = 0; i < dfa.patterns; ++i) {
        indices += matcher.has_matched(i) ? std::to_string(i) : "";
    }
    return indices;
}

void expect_row(const Row &row, const Node &node) {
    const Dfa dfa = compiled({node});
    for (const std::string_view text : row.matching) {
        EXPECT_EQ(matching(dfa, text), "0") << row.pattern << " on \"" << text << '"';
    }
    for (const std::string_view text : row.other) {
        EXPECT_EQ(matching(dfa, text), "") << row.pattern << " on \"" << text << '"';
    }
}

void expect_error(const ErrorRow &row, const pattern::Parsed<Node> &parsed) {
    ASSERT_FALSE(parsed) << row.pattern;
    EXPECT_EQ(parsed.error().offset, row.offset) << row.pattern << ": " << parsed.error().message;
    EXPECT_NE(parsed.error().message.find(row.part), std::string::npos)
        << row.pattern << ": " << parsed.error().message;
    EXPECT_TRUE(parsed.error().message.starts_with("expected ")) << parsed.error().message;
    EXPECT_FALSE(parsed.error().message.ends_with('.')) << parsed.error().message;
}

}  // namespace sockwarden::test
