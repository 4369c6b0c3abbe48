// SPDX-License-Identifier: Apache-2.0
// Runs the tests of the guard with the sockwarden that --sockwarden= names.
#include "options.h"

int main(int argc, char **argv) { return live::RunTests(argc, argv, true); }
