// SPDX-License-Identifier: Apache-2.0
// The command line of sockwarden: finds the command, and helps where a word is mistyped.
#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "cli/commands.h"
#include "cli/reference.h"
#include "cli/report.h"

namespace sockwarden {
namespace {

constexpr const char *kFooter = R"(Examples:
  sudo sockwarden demo                     shows what it can see, with traffic of its own
  sudo sockwarden trace                    every message received with recvmsg, by anyone
  sudo sockwarden trace -- COMMAND ARGS…   one program and its descendants
  sockwarden explain recvmsg               what an event says, and how far to trust each field
  sudo sockwarden doctor                   what this kernel lets it see

`sockwarden COMMAND --help` tells more.)";

// The words that may stand where `word` does: commands at first, then options.
std::vector<std::string> valid_words(const CLI::App &app, std::string_view word) {
    std::vector<std::string> words;
    if (word.starts_with('-')) {
        for (const CLI::Option *option : app.get_options()) {
            for (const std::string &name : option->get_lnames()) {
                words.push_back("--" + name);
            }
        }
    } else {
        for (const CLI::App *command : shown_commands(app)) {
            words.push_back(command->get_name());
        }
    }
    return words;
}

int wrong_word(const CLI::App &app, std::string_view word) {
    const std::vector<std::string> words = valid_words(app, word);
    const std::vector<std::string_view> views(words.begin(), words.end());
    const std::string_view near = did_you_mean(word.substr(0, word.find('=')), views);
    std::string valid;
    for (const std::string &name : words) {
        valid += (valid.empty() ? "" : ", ") + name;
    }
    say("there is no {} \"{}\"{}{}", word.starts_with('-') ? "option" : "command", word,
        near.empty() ? "" : fmt::format("; did you mean {}?", near),
        valid.empty() ? "" : fmt::format("{}Valid are: {}", near.empty() ? ". " : " ", valid));
    return kExitUsage;
}

int run_main(int argc, char **argv) {
    CLI::App app("sockwarden sees every message that Linux sockets deliver.", "sockwarden");
    app.set_version_flag("--version", "sockwarden " SOCKWARDEN_VERSION);
    app.footer(kFooter);
    app.get_formatter()->column_width(28);
    Run run;
    add_trace(app, run);
    add_events(app, run);
    add_explain(app, run);
    add_doctor(app, run);
    add_demo(app, run);
    add_render(app, run);
    for (CLI::App *command : app.get_subcommands({})) {
        command->allow_extras();
    }
    app.allow_extras();
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp &help) {
        return app.exit(help);
    } catch (const CLI::CallForVersion &version) {
        return app.exit(version);
    } catch (const CLI::ParseError &error) {
        say("{}; try --help", error.what());
        return kExitUsage;
    }
    const std::vector<CLI::App *> chosen = app.get_subcommands();
    if (const std::vector<std::string> extra = app.remaining(); !extra.empty() && chosen.empty()) {
        return wrong_word(app, extra.front());
    }
    for (const CLI::App *command : chosen) {
        for (const std::string &word : command->remaining()) {
            if (word != "--") {  // CLI11 keeps the mark itself
                return wrong_word(*command, word);
            }
        }
    }
    if (!run) {
        std::fputs(app.help().c_str(), stdout);
        return kExitUsage;
    }
    return run();
}

}  // namespace
}  // namespace sockwarden

int main(int argc, char **argv) {
    try {
        return sockwarden::run_main(argc, argv);
    } catch (const std::exception &defect) {
        std::fprintf(stderr, "sockwarden: defect: %s\n", defect.what());
        return sockwarden::kExitFailure;
    }
}
