// SPDX-License-Identifier: Apache-2.0
// Runs the tests of `sockwarden run` with the sockwarden that --sockwarden= names; and is the command that they run.
#include <string_view>

#include "actor.h"
#include "options.h"

int main(int argc, char **argv) {
    if (argc == 3 && std::string_view(argv[1]) == "--actor") {
        return run::RunActor(argv[2]);
    }
    return live::RunTests(argc, argv, true);
}
