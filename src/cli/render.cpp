// SPDX-License-Identifier: Apache-2.0
// `sockwarden render`: hidden; prints the manual page and the completion for the build to install.
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/reference.h"
#include "cli/report.h"

namespace sockwarden {

void add_render(CLI::App &app, Run &run) {
    CLI::App *command = app.add_subcommand("render", "Print the manual page (man) or the completion (bash-completion)");
    command->group("");
    auto what = std::make_shared<std::string>();
    command->add_option("WHAT", *what, "man or bash-completion");
    command->callback([what, &app, &run] {
        run = [what, &app] {
            if (*what != "man" && *what != "bash-completion") {
                return fail({"render: man or bash-completion", kExitUsage});
            }
            std::fputs((*what == "man" ? manual_page(app, SOCKWARDEN_VERSION) : bash_completion(app)).c_str(), stdout);
            return 0;
        };
    });
}

}  // namespace sockwarden
