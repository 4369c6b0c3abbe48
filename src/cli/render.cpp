// SPDX-License-Identifier: Apache-2.0
// `sockwarden render`: hidden; prints what the build installs or keeps in docs/: the manual page, the completion, the
// facts.
#include <cstdio>
#include <memory>

#include "catalog/facts.h"
#include "cli/commands.h"
#include "cli/reference.h"
#include "cli/report.h"

namespace sockwarden {
namespace {

int run_render(const CLI::App &app, const std::string &what) {
    std::string text;
    if (what == "man") {
        text = manual_page(app, SOCKWARDEN_VERSION);
    } else if (what == "bash-completion") {
        text = bash_completion(app);
    } else if (what == "facts") {
        text = facts_as_markdown();
    } else {
        return fail({"render: man, bash-completion or facts", kExitUsage});
    }
    std::fputs(text.c_str(), stdout);
    return 0;
}

}  // namespace

void add_render(CLI::App &app, Run &run) {
    CLI::App *command = app.add_subcommand("render", "Print the manual page, the completion or the facts");
    command->group("");
    auto what = std::make_shared<std::string>();
    command->add_option("WHAT", *what, "man, bash-completion or facts");
    command->callback([what, &app, &run] { run = [what, &app] { return run_render(app, *what); }; });
}

}  // namespace sockwarden
