// SPDX-License-Identifier: Apache-2.0
// Runs the tests of the guard with the sockwarden that --sockwarden= names; or, for one of them, connects to a path.
#include <cstring>

#include "actor.h"
#include "guarding.h"
#include "options.h"

int main(int argc, char **argv) {
    if (argc == 3 && std::strcmp(argv[1], "--connect") == 0) {
        return guard::ConnectTo(argv[2]);
    }
    if (argc == 3 && std::strcmp(argv[1], "--actor") == 0) {
        return enforced::RunActor(argv[2]);
    }
    return live::RunTests(argc, argv, true);
}
