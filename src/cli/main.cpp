// SPDX-License-Identifier: Apache-2.0
// The command line of sockwarden: finds the command, and helps where a word is mistyped.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
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
  sockwarden run -- COMMAND ARGS…          the same without privilege, and with policies
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

// What a command does not know is told by us, not by CLI11, which knows no nearest word.
void take_extras(CLI::App &app) {
    app.allow_extras();
    for (CLI::App *command : app.get_subcommands({})) {
        take_extras(*command);
    }
}

// Goes from the whole program down to the command that was chosen. The exit code, where a word on the way is no command
// or option.
std::optional<int> choose(const CLI::App *&command) {
    while (true) {
        const std::vector<CLI::App *> chosen = command->get_subcommands();
        for (const std::string &word : command->remaining()) {
            if (command->get_parent() != nullptr || chosen.empty()) {
                return wrong_word(*command, word);
            }
        }
        if (chosen.empty()) {
            return std::nullopt;
        }
        command = chosen.front();
    }
}

// What stands behind the first `--` is taken from the command line.
std::vector<std::string> take_command(int &argc, char **argv) {
    char **const end = argv + argc;
    char **const mark = std::find_if(argv, end, [](const char *word) { return std::string_view(word) == "--"; });
    argc = static_cast<int>(mark - argv);
    return mark == end ? std::vector<std::string>{} : std::vector<std::string>(mark + 1, end);
}

int run_main(int argc, char **argv) {
    const std::vector<std::string> command_words = take_command(argc, argv);
    const bool has_command = !command_words.empty();
    CLI::App app("sockwarden sees every message that Linux sockets deliver.", "sockwarden");
    app.set_version_flag("--version", "sockwarden " SOCKWARDEN_VERSION);
    app.footer(kFooter);
    app.get_formatter()->column_width(28);
    Run run;
    add_trace(app, run, command_words);
    add_run(app, run, command_words);
    add_guard(app, run, command_words);
    add_events(app, run);
    add_explain(app, run);
    add_doctor(app, run);
    add_demo(app, run);
    add_policy(app, run);
    add_render(app, run);
    take_extras(app);
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
    const CLI::App *command = &app;
    if (const std::optional<int> wrong = choose(command)) {
        return *wrong;
    }
    if (has_command && command->get_name() != "trace" && command->get_name() != "run" &&
        command->get_name() != "guard") {
        say("{} runs no command: nothing may stand behind --", command->get_name());
        return kExitUsage;
    }
    if (!run) {
        std::fputs(command->help().c_str(), stdout);
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
