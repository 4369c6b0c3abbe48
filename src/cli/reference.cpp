// SPDX-License-Identifier: Apache-2.0
// The manual page and the completion from the declared command line; see reference.h.
#include "cli/reference.h"

#include <fmt/format.h>

#include "catalog/catalog.h"
#include "catalog/page.h"
#include "cli/choices.h"

namespace sockwarden {
namespace {

std::vector<std::string> spellings(const CLI::Option &option) {
    std::vector<std::string> words;
    for (const std::string &name : option.get_snames()) {
        words.push_back("-" + name);
    }
    for (const std::string &name : option.get_lnames()) {
        words.push_back("--" + name);
    }
    return words;
}

bool takes_value(const CLI::Option &option) { return option.get_items_expected_max() != 0; }

// Options, with `named` or else without a name.
std::vector<const CLI::Option *> options_of(const CLI::App &app, bool named) {
    std::vector<const CLI::Option *> options;
    for (const CLI::Option *option : app.get_options()) {
        if (option->nonpositional() == named) {
            options.push_back(option);
        }
    }
    return options;
}

std::string bold(std::string_view text) { return "\\fB" + roff_escaped(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff_escaped(text) + "\\fR"; }

// "policy check": the words that choose a command.
std::string full_name(const CLI::App &command) {
    const CLI::App *parent = command.get_parent();
    return parent == nullptr || parent->get_parent() == nullptr ? command.get_name()
                                                                : full_name(*parent) + " " + command.get_name();
}

// Commands that do something themselves: those that only choose among others are replaced by them.
std::vector<const CLI::App *> whole_commands(const CLI::App &app) {
    std::vector<const CLI::App *> commands;
    for (const CLI::App *command : shown_commands(app)) {
        const std::vector<const CLI::App *> below = whole_commands(*command);
        commands.insert(commands.end(), below.begin(), below.end());
        if (below.empty()) {
            commands.push_back(command);
        }
    }
    return commands;
}

std::string synopsis(const CLI::App &command) {
    std::string text = bold("sockwarden " + full_name(command));
    for (const CLI::Option *option : options_of(command, true)) {
        const std::vector<std::string> words = spellings(*option);
        text += " [" + bold(words.back());
        text += takes_value(*option) ? " " + italic(option->get_type_name()) + "]" : "]";
    }
    for (const CLI::Option *option : options_of(command, false)) {
        text += " [" + italic(option->get_name(true) + (option->get_items_expected_max() > 1 ? "..." : "")) + "]";
    }
    return text;
}

void append_options(std::string &to, const CLI::App &app) {
    for (const bool named : {false, true}) {
        for (const CLI::Option *option : options_of(app, named)) {
            std::string term;
            for (const std::string &word : named ? spellings(*option) : std::vector{option->get_name(true)}) {
                term += (term.empty() ? "" : ", ") + (named ? bold(word) : italic(word));
            }
            if (named && takes_value(*option)) {
                term += " " + italic(option->get_type_name());
            }
            to += ".TP\n" + term + "\n" + roff_escaped(option->get_description()) + "\n";
        }
    }
}

// The lines of a footer below its title, as they are printed.
void append_examples(std::string &to, std::string_view footer) {
    const std::string_view text = footer.substr(std::min(footer.find('\n'), footer.size() - 1) + 1);
    to += ".EX\n" + roff_escaped(text) + "\n.EE\n";
}

std::string words_of(const CLI::App &app) {
    std::string text;
    for (const CLI::Option *option : options_of(app, true)) {
        for (const std::string &word : spellings(*option)) {
            text += (text.empty() ? "" : " ") + word;
        }
    }
    return text;
}

std::string spaced(const std::vector<std::string_view> &words) {
    std::string text;
    for (const std::string_view word : words) {
        text += text.empty() ? "" : " ";
        text += word;
    }
    return text;
}

// Cases of one command: what may follow each of its options that takes a value.
void append_value_cases(std::string &to, const CLI::App &command) {
    for (const CLI::Option *option : options_of(command, true)) {
        if (!takes_value(*option)) {
            continue;
        }
        std::string pattern;
        for (const std::string &word : spellings(*option)) {
            pattern += (pattern.empty() ? "" : "|") + fmt::format("\"{}:{}\"", full_name(command), word);
        }
        const std::vector<std::string_view> values = choices_of(spellings(*option).back());
        std::string action = ":";
        if (!values.empty()) {
            action = fmt::format(R"(COMPREPLY=($(compgen -W "{}" -- "$word")))", spaced(values));
        } else if (option->get_type_name() == "FILE") {
            action = R"(compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")))";
        } else if (spellings(*option).back() == "--as-user") {
            action = R"(COMPREPLY=($(compgen -u -- "$word")))";
        }
        to += fmt::format("        {}) {}; return ;;\n", pattern, action);
    }
}

// What may follow a command.
std::string completion_case(const CLI::App &command) {
    std::string words = words_of(command);
    if (command.get_name() == "explain") {
        words += " " + spaced(event_names());
    }
    std::string files;
    for (const CLI::Option *option : options_of(command, false)) {
        if (option->get_type_name() == "FILE") {
            files =
                R"(if [[ $word != -* ]]; then compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")); return; fi; )";
        }
    }
    return fmt::format("        \"{}\") {}valid=\"{}\" ;;\n", full_name(command), files, words);
}

// What a user's script can tell by; the first column may be a word.
constexpr std::pair<std::string_view, std::string_view> kExits[] = {
    {"0",
     "Done. With a command: the command's own status, whatever it is; a signal that ended it ends sockwarden too."},
    {"1", "A failure: the output cannot be written, what demo compared differs, or a policy does not pass its tests."},
    {"2",
     "Wrong arguments, a policy with mistakes, a missing privilege or a kernel that lacks what is needed; nothing was "
     "attached."},
    {"125", "With a command: sockwarden itself failed."},
    {"126", "The command cannot be executed."},
    {"127", "The command was not found."},
};

}  // namespace

std::vector<CLI::App *> shown_commands(const CLI::App &app) {
    std::vector<CLI::App *> commands;
    // CLI11 has no constant way to list them with a filter.
    for (CLI::App *command : const_cast<CLI::App &>(app).get_subcommands([](CLI::App *) { return true; })) {
        if (!command->get_group().empty()) {
            commands.push_back(command);
        }
    }
    return commands;
}

std::string manual_page(const CLI::App &app, std::string_view version) {
    std::string description = app.get_description();  // "sockwarden sees …."
    description.erase(0, description.find(' ') + 1);
    std::string to = ".\\\" Made from the declared command line.\n.TH SOCKWARDEN 1 \"\" \"sockwarden ";
    to += version;
    to += "\" \"User Commands\"\n.nh\n.ad l\n.SH NAME\nsockwarden \\- " +
          roff_escaped(description.substr(0, description.find_last_not_of('.') + 1)) + "\n.SH SYNOPSIS\n";
    for (const CLI::App *command : whole_commands(app)) {
        to += synopsis(*command) + "\n.br\n";
    }
    to += ".SH OPTIONS\n";
    append_options(to, app);
    to += ".SH COMMANDS\n";
    for (const CLI::App *command : shown_commands(app)) {
        to += ".SS " + command->get_name() + "\n" + roff_escaped(command->get_description()) + ".\n";
        append_options(to, *command);
        for (const CLI::App *below : whole_commands(*command)) {
            to += ".PP\n" + bold(full_name(*below)) + ": " + roff_escaped(below->get_description()) + ".\n";
            append_options(to, *below);
        }
        if (!command->get_footer().empty()) {
            to += ".PP\nExamples:\n";
            append_examples(to, command->get_footer());
        }
    }
    if (!app.get_footer().empty()) {
        to += ".SH EXAMPLES\n";
        append_examples(to, app.get_footer());
    }
    to += ".SH EXIT STATUS\n";
    for (const auto &[code, meaning] : kExits) {
        to += fmt::format(".TP\n{}\n{}\n", code, roff_escaped(meaning));
    }
    to += ".SH SEE ALSO\n";
    for (const std::string_view name : event_names()) {
        to += (name == event_names().front() ? "" : ",\n") + bold("sockwarden-" + std::string(name)) + "(7)";
    }
    return to + "\n";
}

std::string bash_completion(const CLI::App &app) {
    std::string names, choosers = " ", words, cases;
    for (const CLI::App *command : shown_commands(app)) {
        names += (names.empty() ? "" : " ") + command->get_name();
        std::string below;
        for (const CLI::App *one : shown_commands(*command)) {
            below += (below.empty() ? "" : " ") + one->get_name();
        }
        if (!below.empty()) {
            choosers += command->get_name() + " ";
            words += fmt::format("        {}) valid=\"{} {}\" ;;\n", command->get_name(), below, words_of(*command));
        }
    }
    for (const CLI::App *command : whole_commands(app)) {
        words += completion_case(*command);
        append_value_cases(cases, *command);
    }
    return fmt::format(R"(# Completion of sockwarden for bash. Made from the declared command line.
_sockwarden() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= valid= i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${{COMP_WORDS[i]}} in
        --) COMPREPLY=($(compgen -c -- "$word")); return ;;
        -*) ;;
        *) if [[ -z $command ]]; then command=${{COMP_WORDS[i]}}
           elif [[ "{}" == *" $command "* ]]; then command+=" ${{COMP_WORDS[i]}}"; fi ;;
        esac
    done
    case $command:$before in
{}    esac
    case $command in
        "") valid="{} {}" ;;
{}    esac
    COMPREPLY=($(compgen -W "$valid" -- "$word"))
}}
complete -F _sockwarden sockwarden
)",
                       choosers, cases, names, words_of(app), words);
}

}  // namespace sockwarden
