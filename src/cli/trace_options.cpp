// SPDX-License-Identifier: Apache-2.0
// The options of `sockwarden trace`; see trace_options.h.
#include "cli/trace_options.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>

#include "base/text.h"
#include "cli/choices.h"
#include "source/bpf/engine.h"

namespace sockwarden {
namespace {

std::vector<std::string> split_commas(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        words.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

}  // namespace

void TraceOptions::declare(CLI::App &command_line) {
    command_line.add_option("--pid", selection.pids, "Only these processes and their descendants")
        ->type_name("N")
        ->allow_extra_args(false);
    command_line.add_flag("--no-follow", no_follow, "Not their descendants");
    command_line.add_option("--comm", selection.comms, "Only threads of this name")
        ->type_name("NAME")
        ->allow_extra_args(false);
    command_line.add_option("--uid", selection.uids, "Only this user's processes")
        ->type_name("N")
        ->allow_extra_args(false);
    command_line
        .add_option("--events", events,
                    "Events and sets of them, separated by commas (see `sockwarden events`) [receive]")
        ->type_name("LIST");
    command_line.add_option("--engine", engine, "How to hook the kernel: auto, trampoline, kprobe, tracepoint")
        ->type_name("NAME");
    command_line.add_option("-o,--output", output, "table (default) or json, one object a line")->type_name("FORMAT");
    command_line.add_option("-w", file, "Write the records to FILE (JSON unless -o says otherwise)")->type_name("FILE");
    command_line.add_option("--snaplen", snaplen, "Payload bytes to capture of each message, 0 to 65535 [256]")
        ->type_name("N");
    command_line.add_flag("--light", selection.light,
                          "Cheaper: without msg_flags, buffers, ancillary data and calls that reached no socket");
    command_line.add_option("--duration", duration, "Stop after this time: 10s, 500ms, 2m")->type_name("TIME");
    command_line.add_option("--count", count, "Stop after this many messages")->type_name("N");
    command_line.add_option("--ring-size", ring, "Buffer of each CPU: 64K to 1G [8M]")->type_name("SIZE");
    command_line.add_option("--color", color, "auto, always or never")->type_name("WHEN");
    command_line.add_flag("--utc", utc, "Table times in UTC instead of local time");
    command_line.add_option("--places", places, "Room for calls in progress, a power of two; for tests")->group("");
    command_line.add_option("--as-user", as_user, "Run the command as this user")->type_name("NAME");
    command_line.add_option("COMMAND", command, "Trace this program and its descendants, from its first instruction");
    command_line.positionals_at_end();
}

Status TraceOptions::check() {
    selection.events = 0;
    for (const std::string &name : split_commas(events)) {
        if (Status status = check_choice("--events", name, choices_of("--events")); !status) {
            return status;
        }
        selection.events |= events_named(name);
    }
    for (const auto &[option, word] : {std::pair<std::string_view, std::string_view>{"--engine", engine},
                                       {"--output", output.empty() ? std::string_view("table") : output},
                                       {"--color", color}}) {
        if (Status status = check_choice(option, word, choices_of(option)); !status) {
            return status;
        }
    }
    std::uint64_t length = 0;
    const auto [rest, error] = std::from_chars(snaplen.data(), snaplen.data() + snaplen.size(), length);
    if (error != std::errc{} || rest != snaplen.data() + snaplen.size() || length > 65535) {
        return Error{"--snaplen: \"" + snaplen + "\" is not a number of bytes from 0 to 65535", 2};
    }
    selection.snaplen = static_cast<std::uint32_t>(length);
    if (count > INT64_MAX) {  // CLI11 wraps negative numbers around
        return Error{"--count: not a number of messages", 2};
    }
    if (!duration.empty() && !parse_duration(duration, duration_ns)) {
        return Error{"--duration: \"" + duration + "\" is not a time such as 10s, 500ms, 2m or 1h", 2};
    }
    if (places > kMostPlaces || !std::has_single_bit(places)) {
        return Error{"--places: not a power of two from 1 to " + std::to_string(kMostPlaces), 2};
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
    for (const std::string &comm : selection.comms) {
        if (comm.empty() || comm.size() > 15) {
            return Error{"--comm: \"" + comm + "\" is not a thread's name: 1 to 15 bytes", 2};
        }
    }
    if (selection.comms.size() > wire::MAX_COMMS || selection.uids.size() > wire::MAX_UIDS) {
        return Error{"at most 8 --comm and 16 --uid can be given", 2};
    }
    for (const std::uint32_t pid : selection.pids) {
        if (::access(("/proc/" + std::to_string(pid)).c_str(), F_OK) != 0) {
            return Error{"--pid: there is no process " + std::to_string(pid), 2};
        }
    }
    if (!as_user.empty() && command.empty()) {
        return Error{"--as-user needs a command: sockwarden trace --as-user NAME -- COMMAND", 2};
    }
    selection.follow = !no_follow;
    selection.marked_only = !selection.pids.empty() || !command.empty();
    return Done{};
}

TableStyle TraceOptions::table() const {
    TableStyle style;
    style.utc = utc;
    const bool terminal = file.empty() && ::isatty(STDOUT_FILENO) == 1;
    const char *no_color = ::getenv("NO_COLOR");
    style.color = color == "always" || (color == "auto" && terminal && (no_color == nullptr || *no_color == '\0'));
    return style;
}

}  // namespace sockwarden
