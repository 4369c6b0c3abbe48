// SPDX-License-Identifier: Apache-2.0
// `sockwarden demo`: real traffic of its own, beside what was seen of it. Exit 1 where the two differ.
#include <fmt/format.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <memory>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/demo_traffic.h"
#include "cli/privilege.h"
#include "cli/report.h"
#include "decode/address.h"
#include "decode/assembler.h"
#include "source/bpf/choose.h"

namespace sockwarden {
namespace {

constexpr const char *kNext = R"(
Try next:
  sudo sockwarden trace                     what every program receives by recvmsg
  sudo sockwarden trace -- COMMAND ARGS…    one program and its descendants
  sockwarden explain recvmsg                what each field means and how far to trust it
  sudo sockwarden doctor                    what this kernel lets it see
)";

DemoTruth seen_of(const Message &message) {
    DemoTruth seen;
    seen.result = message.wire->ret;
    append_hex(seen.payload, message.payload);
    if (!message.name.empty()) {
        seen.source = address_text(decode_address(message.name, 0));
    }
    seen.fds = static_cast<int>(message.fds_delivered);
    for (const ControlMessage &control : message.control) {
        seen.credentials = seen.credentials || (control.level == 1 && control.type == 2);
    }
    return seen;
}

std::string bytes_of_hex(const std::string &hex) {
    std::string bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
        bytes += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
    }
    return bytes;
}

std::string describe(const DemoTruth &truth) {
    std::string text = fmt::format("{:>4} bytes ", truth.result);
    if (!truth.source.empty()) {
        text += "from " + truth.source + " ";
    }
    if (truth.fds != 0) {
        text += fmt::format("{} descriptor ", truth.fds);
    }
    if (truth.credentials) {
        text += "credentials ";
    }
    text += '"';
    append_printable(text, bytes_of_hex(truth.payload), 44);
    return text + '"';
}

bool same(const DemoTruth &truth, const DemoTruth &seen) {
    // Both sides compared over what was captured; the length of the whole is compared by itself.
    return truth.result == seen.result && truth.source == seen.source && truth.fds == seen.fds &&
           truth.credentials == seen.credentials && !seen.payload.empty() && truth.payload == seen.payload;
}

Result<std::string> read_all(int fd) {
    std::string text;
    char buffer[4096];
    ::lseek(fd, 0, SEEK_SET);
    for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof(buffer))) > 0;) {
        text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
}

int compare(const std::vector<DemoTruth> &truths, const std::vector<DemoTruth> &seen) {
    int differences = truths.empty() || truths.size() != seen.size() ? 1 : 0;
    for (std::size_t i = 0; i < std::max(truths.size(), seen.size()); ++i) {
        const bool told = i < truths.size();
        const bool saw = i < seen.size();
        const bool equal = told && saw && same(truths[i], seen[i]);
        differences += equal ? 0 : 1;
        fmt::print("{:<14} received  {}\n", told ? truths[i].label : "?", told ? describe(truths[i]) : "nothing");
        fmt::print("{:<14} seen      {}   {}\n", "", saw ? describe(seen[i]) : "nothing", equal ? "same" : "DIFFERENT");
    }
    fmt::print("\n{} messages received, {} seen, {}\n", truths.size(), seen.size(),
               differences == 0 ? "no difference" : "they DIFFER");
    return differences == 0 ? 0 : kExitFailure;
}

int run_demo(const std::string &engine_name) {
    for (const Status &status : {check_privilege(), check_btf()}) {
        if (!status) {
            return fail(status.error());
        }
    }
    const Fd told(::memfd_create("demo", 0));
    Result<Command> command = Command::hold({"/proc/self/exe", "demo-traffic", std::to_string(told.get())}, {});
    if (!command) {
        return fail(command.error());
    }
    EngineOptions options;
    options.selection.marked_only = true;
    options.selection.snaplen = 8192;
    Result<ChosenEngine> chosen = choose_engine(engine_name, options);
    if (!chosen) {
        return fail(chosen.error());
    }
    BpfEngine &engine = *chosen->engine;
    if (const Status status = engine.mark(static_cast<std::uint32_t>(command->pid())); !status) {
        return fail(status.error());
    }
    fmt::print("sockwarden {} with the {} engine. Traffic of its own, and what it sees of it:\n\n", SOCKWARDEN_VERSION,
               chosen->name);
    if (const Status status = command->release(); !status) {
        return fail(status.error());
    }
    while (!command->ended()) {
        const timespec pause{0, 5'000'000};
        ::nanosleep(&pause, nullptr);
    }
    std::vector<DemoTruth> seen;
    Assembler assembler(chosen->name, [&](Message &message) { seen.push_back(seen_of(message)); });
    while (engine.drain([&](Bytes record) { assembler.take(record, 0); }, true, 65536) != 0) {
    }
    const int result = compare(read_demo_truth(*read_all(told.get())), seen);
    std::fputs(kNext, stdout);
    return result;
}

}  // namespace

void add_demo(CLI::App &app, Run &run) {
    CLI::App *command = app.add_subcommand("demo", "Show what it can see, with traffic of its own");
    auto engine = std::make_shared<std::string>("auto");
    command->add_option("--engine", *engine, "How to hook the kernel: auto, trampoline, kprobe, tracepoint")
        ->type_name("NAME");
    command->footer("Examples:\n  sudo sockwarden demo");
    command->callback([engine, &run] { run = [engine] { return run_demo(*engine); }; });

    CLI::App *traffic = app.add_subcommand("demo-traffic", "");
    traffic->group("");  // hidden: the traffic side of demo
    auto fd = std::make_shared<int>(-1);
    traffic->add_option("FD", *fd)->required();
    traffic->callback([fd, &run] { run = [fd] { return run_demo_traffic(*fd); }; });
}

}  // namespace sockwarden
