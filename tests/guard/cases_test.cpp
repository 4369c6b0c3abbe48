// SPDX-License-Identifier: Apache-2.0
// Under a guard, what every enforcer refuses.
#include "cases.h"

#include <gtest/gtest.h>

#include "actor.h"
#include "guarding.h"

namespace guard {
namespace {

class Enforced : public testing::TestWithParam<enforced::Case> {};

TEST_P(Enforced, Alike) {
    Guarding guarding(GetParam().rules, GetParam().head);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(enforced::RunActor(GetParam().actor), 0);
    EXPECT_EQ(enforced::Told(guarding.End()), GetParam().told);
}

INSTANTIATE_TEST_SUITE_P(All, Enforced, testing::ValuesIn(enforced::Cases()),
                         [](const auto &one) { return one.param.actor; });

}  // namespace
}  // namespace guard
