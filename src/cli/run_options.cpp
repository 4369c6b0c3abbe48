// SPDX-License-Identifier: Apache-2.0
// Options of commands that read records; see run_options.h.
#include "cli/run_options.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "base/text.h"
#include "cli/choices.h"
#include "source/bpf/engine.h"

namespace sockwarden {

void RunOptions::declare_run(CLI::App &command_line) {
    command_line.add_option("-o,--output", output, "table (default) or json, one object a line")->type_name("FORMAT");
    command_line.add_option("-w", file, "Write the records to FILE (JSON unless -o says otherwise)")->type_name("FILE");
    command_line.add_option("--duration", duration, "Stop after this time: 10s, 500ms, 2m")->type_name("TIME");
    command_line.add_option("--count", count, "Stop after this many messages")->type_name("N");
    command_line.add_option("--ring-size", ring, "Buffer of each CPU: 64K to 1G [8M]")->type_name("SIZE");
    command_line.add_option("--color", color, "auto, always or never")->type_name("WHEN");
    command_line.add_option("--as-user", as_user, "Run the command as this user")->type_name("NAME");
    command_line.add_flag("--utc", utc, "Table times in UTC instead of local time");
}

Status RunOptions::check_run() {
    for (const auto &[option, word] : {std::pair<std::string_view, std::string_view>{
                                           "--output", output.empty() ? std::string_view("table") : output},
                                       {"--color", color}}) {
        if (Status status = check_choice(option, word, choices_of(option)); !status) {
            return status;
        }
    }
    if (file == "-") {
        file.clear();
        output_fd = STDOUT_FILENO;
    }
    if (count > INT64_MAX) {  // CLI11 wraps negative numbers around
        return Error{"--count: not a number of messages", 2};
    }
    if (!duration.empty() && !parse_duration(duration, duration_ns)) {
        return Error{"--duration: \"" + duration + "\" is not a time such as 10s, 500ms, 2m or 1h", 2};
    }
    std::uint64_t bytes = 0;
    if (!ring.empty()) {
        if (!parse_size(ring, bytes) || bytes < kLeastRingSize || bytes > (std::size_t{1} << 30)) {
            return Error{"--ring-size: \"" + ring + "\" is not a size from 64K to 1G", 2};
        }
        ring_size = kLeastRingSize;
        while (ring_size < bytes) {
            ring_size *= 2;  // the kernel wants a power of two
        }
    }
    if (!as_user.empty() && command.empty()) {
        return Error{"--as-user needs a command: --as-user NAME -- COMMAND", 2};
    }
    return Done{};
}

TableStyle RunOptions::table() const {
    TableStyle style;
    style.utc = utc;
    const bool terminal = file.empty() && ::isatty(output_fd) == 1;
    const char *no_color = ::getenv("NO_COLOR");
    style.color = color == "always" || (color == "auto" && terminal && (no_color == nullptr || *no_color == '\0'));
    return style;
}

Result<std::uint32_t> parse_snaplen(const std::string &text) {
    std::uint32_t length = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc{} || rest != text.data() + text.size() || length > UINT16_MAX) {
        return Error{"--snaplen: \"" + text + "\" is not a number of bytes from 0 to 65535", 2};
    }
    return length;
}

}  // namespace sockwarden
