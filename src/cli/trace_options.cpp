// SPDX-License-Identifier: Apache-2.0
// The options of `sockwarden trace`; see trace_options.h.
#include "cli/trace_options.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/text.h"
#include "cli/choices.h"
#include "source/bpf/engine.h"
#include "source/supervisor/calls.h"

namespace sockwarden {
namespace {

constexpr const char *kWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/";

}  // namespace

void TraceOptions::declare(CLI::App &command_line) {
    command_line.add_option("EXPRESSION", filter.expression,
                            "Only messages for which it holds, such as 'payload.length > 4096' (see `sockwarden policy "
                            "facts`)");
    const auto list = [&](const std::string &name, auto &values, const std::string &doc, const std::string &type) {
        command_line.add_option(name, values, doc)->type_name(type)->allow_extra_args(false);
    };
    list("--pid", pids, "Only these processes and their descendants", "N");
    command_line.add_flag("--no-follow", no_follow, "Not their descendants");
    list("--comm", filter.comms, "Only threads of this name", "NAME");
    list("--uid", filter.uids, "Only this user's processes", "N");
    list("--container", filter.containers, "Only processes in this container; the first digits of its id will do",
         "ID");
    list("--socket", filter.sockets, "Only sockets with this address at either end", "PATH|@NAME|ADDR:PORT");
    command_line
        .add_option("--events", events,
                    "Events and sets of them, separated by commas (see `sockwarden events`) [receive]")
        ->type_name("LIST");
    command_line
        .add_option("--engine", engine,
                    "How to see: auto, trampoline, kprobe, tracepoint, or without privilege supervisor")
        ->type_name("NAME");
    declare_run(command_line);
    command_line.add_option("--snaplen", snaplen, "Payload bytes to capture of each message, 0 to 65535 [256]")
        ->type_name("N");
    command_line.add_flag("--light", selection.light,
                          "Cheaper: without msg_flags, buffers, ancillary data and calls that reached no socket");
    command_line.add_option("--places", places, "Room for calls in progress, a power of two; for tests")->group("");
}

Status TraceOptions::check() {
    const Result<EventMask> named = read_events(events);
    if (!named) {
        return named.error();
    }
    selection.events = *named;
    if (Status status = check_choice("--engine", engine, choices_of("--engine")); !status) {
        return status;
    }
    if (Status status = check_run(); !status) {
        return status;
    }
    const Result<std::uint32_t> length = parse_snaplen(snaplen);
    if (!length) {
        return length.error();
    }
    selection.snaplen = *length;
    if (places > kMostPlaces || !std::has_single_bit(places)) {
        return Error{"--places: not a power of two from 1 to " + std::to_string(kMostPlaces), 2};
    }
    for (const std::string &comm : filter.comms) {
        if (comm.empty() || comm.size() > 15) {
            return Error{"--comm: \"" + comm + "\" is not a thread's name: 1 to 15 bytes", 2};
        }
    }
    for (const std::uint32_t pid : pids) {
        if (::access(("/proc/" + std::to_string(pid)).c_str(), F_OK) != 0) {
            return Error{"--pid: there is no process " + std::to_string(pid), 2};
        }
    }
    if (engine == kSupervisorEngine) {
        if (Status status = check_supervised(); !status) {
            return status;
        }
    }
    selection.follow = !no_follow;
    (no_follow && command.empty() ? filter.pids : selection.pids) = pids;
    selection.marked_only = !selection.pids.empty() || !command.empty();
    Result<std::optional<policy::Image>> read = read_filter(filter);
    if (!read) {
        const bool is_word =
            !filter.expression.empty() && filter.expression.find_first_not_of(kWord) == std::string::npos;
        return is_word ? Error{read.error().message + "; to trace a program, write sockwarden trace -- " +
                                   filter.expression,
                               read.error().exit_code}
                       : read.error();
    }
    wanted = *std::move(read);
    if (wanted) {
        selection.facts = wanted->facts();
        selection.image = wanted->bytes();
    }
    return Done{};
}

// What the supervisor can see is what one command receives.
Status TraceOptions::check_supervised() const {
    if (command.empty() || !pids.empty()) {
        return Error{"--engine supervisor sees one command: sockwarden trace --engine supervisor -- COMMAND", 2};
    }
    if ((selection.events & supervised_events()) == 0) {
        return Error{"--engine supervisor sees receives, sends and connect, not " + events, 2};
    }
    if (selection.light) {
        return Error{"--light goes with the engines inside the kernel", 2};
    }
    return Done{};
}

}  // namespace sockwarden
