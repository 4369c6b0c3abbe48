// SPDX-License-Identifier: Apache-2.0
// The main of the tests that need no tool, only the traffic program.
#include "options.h"

int main(int argc, char **argv) { return live::RunTests(argc, argv, false); }
