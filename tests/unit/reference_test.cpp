// SPDX-License-Identifier: Apache-2.0
// The manual page and the completion know every option of the command line that they are made from.
#include "cli/reference.h"

#include <gtest/gtest.h>

#include "catalog/page.h"
#include "cli/choices.h"
#include "cli/trace_options.h"

namespace sockwarden {
namespace {

class Reference : public testing::Test {
protected:
    Reference() : app_("sockwarden does a thing.", "sockwarden") {
        CLI::App *trace = app_.add_subcommand("trace", "Show messages");
        options_.declare(*trace);
        trace->footer("Examples:\n  sockwarden trace -- a…");
        app_.add_subcommand("secret", "Not for people")->group("");
    }

    CLI::App app_;
    TraceOptions options_;
};

TEST_F(Reference, HiddenCommandsAreNotShown) {
    ASSERT_EQ(shown_commands(app_).size(), 1U);
    EXPECT_EQ(manual_page(app_, "1").find("secret"), std::string::npos);
    EXPECT_EQ(bash_completion(app_).find("secret"), std::string::npos);
}

TEST_F(Reference, EveryOptionIsInTheManualAndTheCompletion) {
    const std::string manual = manual_page(app_, "1");
    const std::string completion = bash_completion(app_);
    std::size_t count = 0;
    for (const CLI::Option *option : shown_commands(app_)[0]->get_options()) {
        for (const std::string &name : option->get_lnames()) {
            EXPECT_NE(manual.find(roff_escaped("--" + name)), std::string::npos) << name;
            EXPECT_NE(completion.find("--" + name), std::string::npos) << name;
            ++count;
        }
        EXPECT_NE(manual.find(roff_escaped(option->get_description())), std::string::npos) << option->get_description();
    }
    EXPECT_GT(count, 10U);
    EXPECT_NE(manual.find("sockwarden trace \\-\\- a\\[u2026]"), std::string::npos);
}

// `policy` only chooses; what it chooses is a command by itself.
TEST_F(Reference, CommandsBelowCommandsAreTold) {
    CLI::App *policy = app_.add_subcommand("policy", "Policies");
    CLI::App *check = policy->add_subcommand("check", "Say what is wrong");
    std::vector<std::string> files;
    check->add_option("FILE", files, "Policies")->type_name("FILE");
    check->add_option("--records", files, "Recorded messages")->type_name("FILE");
    const std::string manual = manual_page(app_, "1");
    EXPECT_NE(manual.find("\\fBsockwarden policy check\\fR"), std::string::npos);
    EXPECT_EQ(manual.find("\\fBsockwarden policy\\fR"), std::string::npos);
    EXPECT_NE(manual.find("Say what is wrong."), std::string::npos);
    const std::string completion = bash_completion(app_);
    EXPECT_NE(completion.find("policy) valid=\"check "), std::string::npos);
    EXPECT_NE(completion.find("\"policy check\") if [[ $word != -* ]]"), std::string::npos);
    EXPECT_NE(completion.find("\"policy check:--records\")"), std::string::npos);
}

TEST_F(Reference, ValidWordsAreCompleted) {
    const std::string completion = bash_completion(app_);
    for (const std::string option : {"--engine", "--output", "--color", "--events"}) {
        for (const std::string_view word : choices_of(option)) {
            EXPECT_NE(completion.find(word), std::string::npos) << option << " " << word;
        }
    }
}

TEST(Choices, ErrorsReadWell) {
    const std::string_view valid[] = {"alpha", "beta"};
    EXPECT_EQ(check_choice("--x", "alhpa", valid).error().message,
              "--x: there is no \"alhpa\"; did you mean alpha? Valid are: alpha, beta");
    EXPECT_EQ(check_choice("--x", "", valid).error().message, "--x: there is no \"\". Valid are: alpha, beta");
    EXPECT_TRUE(check_choice("--x", "beta", valid));
}

}  // namespace
}  // namespace sockwarden
