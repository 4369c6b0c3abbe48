// SPDX-License-Identifier: Apache-2.0
// The main of the tests that need no tool, only the traffic program.
#include <gtest/gtest.h>

#include "options.h"

namespace live {
namespace {

Options chosen;

}  // namespace

const Options &Chosen() { return chosen; }

}  // namespace live

int main(int argc, char **argv) {
    testing::InitGoogleTest(&argc, argv);
    live::chosen = live::ReadOptions(argc, argv);
    return RUN_ALL_TESTS();
}
