// SPDX-License-Identifier: Apache-2.0
// Runs the tests of `sockwarden run` with the sockwarden that --sockwarden= names; and is the command that they run.
#include <grp.h>
#include <unistd.h>

#include <string_view>

#include "actor.h"
#include "options.h"

int main(int argc, char **argv) {
    if (argc > 2 && std::string_view(argv[1]) == "--as-nobody") {
        constexpr unsigned kNobody = 65534;
        if (::setgroups(0, nullptr) == 0 && ::setresgid(kNobody, kNobody, kNobody) == 0 &&
            ::setresuid(kNobody, kNobody, kNobody) == 0) {
            ::execv(argv[2], argv + 2);
        }
        return 98;
    }
    if (argc == 3 && std::string_view(argv[1]) == "--actor") {
        return enforced::RunActor(argv[2]);
    }
    return live::RunTests(argc, argv, true);
}
