// SPDX-License-Identifier: Apache-2.0
// Under `sockwarden run`, what every enforcer refuses.
#include "cases.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "supervised.h"

namespace run {
namespace {

class Enforced : public testing::TestWithParam<Case> {};

TEST_P(Enforced, Alike) {
    const Result result = RunUnder(Supervised(GetParam().rules, GetParam().head), GetParam().actor);
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Told(result.told), GetParam().told);
}

TEST_P(Enforced, AlikeAsRoot) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    Supervised supervised(GetParam().rules, GetParam().head);
    supervised.StayRoot();
    const Result result = RunUnder(supervised, GetParam().actor);
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Told(result.told), GetParam().told);
    ASSERT_FALSE(result.told.empty());
    EXPECT_EQ(result.told.front().at("process").at("uid"), 0);
}

INSTANTIATE_TEST_SUITE_P(All, Enforced, testing::ValuesIn(Cases()), [](const auto &one) { return one.param.actor; });

}  // namespace
}  // namespace run
