// SPDX-License-Identifier: Apache-2.0
// The live tests' main: options, then one test for each scenario beside those written out.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <iostream>

#include "options.h"
#include "scenario_test.h"

namespace live {
namespace {

Options chosen;

}  // namespace

const Options &Chosen() { return chosen; }

}  // namespace live

int main(int argc, char **argv) {
    testing::InitGoogleTest(&argc, argv);
    live::chosen = live::ReadOptions(argc, argv);
    if (argc > 1) {
        std::cerr << "unknown argument " << argv[1] << "\n";
        return 2;
    }
    if (live::chosen.sockwarden.empty() || access(live::chosen.sockwarden.c_str(), X_OK) != 0 ||
        live::chosen.traffic.empty()) {
        std::cerr << "usage: sockwarden-live-test --sockwarden=PATH [--traffic=PATH] "
                     "[--engine=NAME] [--light] [--ring-size=SIZE]\n";
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    live::RegisterScenarioTests();
    return RUN_ALL_TESTS();
}
