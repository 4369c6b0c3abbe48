// SPDX-License-Identifier: Apache-2.0
// `sockwarden explain`: the page of an event, in each form that it is read in.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "catalog/page.h"
#include "catalog/schema.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/report.h"

namespace sockwarden {
namespace {

constexpr const char *kExplainExamples = R"(Examples:
  sockwarden explain recvmsg                       what the event says, and how far to trust each field
  sockwarden explain recvmsg --format markdown     the same for a document
  sockwarden explain recvmsg --format man | man -l -
  sockwarden explain --format schema               JSON Schema of every record of a stream)";

struct ExplainOptions {
    std::string event;
    std::string format = "text";
};

std::size_t terminal_width() {
    winsize size{};
    if (::isatty(STDOUT_FILENO) != 1 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return 80;
    }
    return std::clamp<std::size_t>(size.ws_col, 40, 100);
}

int print(const std::string &text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        return fail(errno_error("cannot write to standard output"));
    }
    return 0;
}

int run_explain(const ExplainOptions &options) {
    if (const Status status = check_choice("--format", options.format, choices_of("--format")); !status) {
        return fail(status.error());
    }
    if (options.format == "schema") {
        return print(stream_schema());
    }
    const std::vector<std::string_view> names = event_names();
    if (options.event.empty()) {
        return fail({"explain: which event? Valid are: " + join_words(names), kExitUsage});
    }
    if (const Status status = check_choice("explain", options.event, names); !status) {
        return fail(status.error());
    }
    const Page page = make_page(*find_event(options.event));
    if (options.format == "markdown") {
        return print(page_as_markdown(page));
    }
    return print(options.format == "man" ? page_as_roff(page, SOCKWARDEN_VERSION)
                                         : page_as_text(page, terminal_width()));
}

}  // namespace

void add_explain(CLI::App &app, Run &run) {
    CLI::App *command = app.add_subcommand("explain", "Show the page of an event: its fields and where they come from");
    auto options = std::make_shared<ExplainOptions>();
    command->add_option("EVENT", options->event, "The event (see `sockwarden events`)");
    command->add_option("--format", options->format, join_words(choices_of("--format")))->type_name("FORMAT");
    command->footer(kExplainExamples);
    command->callback([options, &run] { run = [options] { return run_explain(*options); }; });
}

}  // namespace sockwarden
