// SPDX-License-Identifier: Apache-2.0
// The live tests' main: one test for each scenario beside those written out.
#include "options.h"
#include "scenario_test.h"

int main(int argc, char **argv) { return live::RunTests(argc, argv, true, live::RegisterScenarioTests); }
