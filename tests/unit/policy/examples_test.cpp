// SPDX-License-Identifier: Apache-2.0
// The policies in policies/ pass the tests inside them, and the page on policies shows ones that do.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "policy/test_run.h"

namespace sockwarden::policy {
namespace {

std::string text_of(const std::filesystem::path &path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::filesystem::path> examples() {
    std::vector<std::filesystem::path> paths;
    for (const auto &entry : std::filesystem::directory_iterator(SOCKWARDEN_SOURCE "/policies")) {
        paths.push_back(entry.path());
    }
    return paths;
}

void expect_passes(const std::string &name, std::string text) {
    auto policy = read_policy(std::move(text));
    for (const Mistake &mistake : policy ? Mistakes{} : policy.error()) {
        ADD_FAILURE() << mistake_text(name, mistake);
    }
    if (policy) {
        EXPECT_FALSE(policy->tests.empty()) << name;
        for (const TestFailure &failure : run_tests(*policy)) {
            ADD_FAILURE() << name << ':' << failure.place.line << ": " << failure.message;
        }
    }
}

class Example : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Example, PassesItsTests) {
    const std::string text = text_of(GetParam());
    EXPECT_TRUE(text.starts_with("# ")) << "a word to who installs it";
    expect_passes(GetParam().filename(), text);
}

// A rule that no test reaches is not shown to work; one that only refuses may refuse everything.
TEST_P(Example, TestsEveryRuleAndWhatItLetsPass) {
    const auto policy = read_policy(text_of(GetParam()));
    ASSERT_TRUE(policy);
    std::set<std::string> tested;
    bool passes = false;
    for (const PolicyTest &test : policy->tests) {
        tested.insert(test.rule);
        passes = passes || test.expect == ActionId::allow;
    }
    for (const Rule &rule : policy->rules) {
        EXPECT_TRUE(tested.contains(rule.name)) << "no test of the rule " << rule.name;
    }
    EXPECT_TRUE(passes) << "no test of what is allowed";
    EXPECT_EQ(policy->name, GetParam().stem());
}

INSTANTIATE_TEST_SUITE_P(Policies, Example, testing::ValuesIn(examples()), [](const auto &row) {
    std::string name = row.param.stem();
    std::ranges::replace(name, '-', '_');
    return name;
});

TEST(PolicyPage, ShowsWholePoliciesThatPass) {
    const std::string page = text_of(SOCKWARDEN_SOURCE "/docs/policy.md");
    std::size_t count = 0;
    constexpr std::string_view kBegin = "```yaml\nversion:";
    for (std::size_t at = page.find(kBegin); at != std::string::npos; at = page.find(kBegin, at + 1)) {
        const std::size_t begin = page.find("version:", at);
        expect_passes("docs/policy.md", page.substr(begin, page.find("```", begin) - begin));
        ++count;
    }
    EXPECT_GE(count, 1U);
}

}  // namespace
}  // namespace sockwarden::policy
