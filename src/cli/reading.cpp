// SPDX-License-Identifier: Apache-2.0
// One run; see reading.h.
#include "cli/reading.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "cli/command.h"
#include "cli/guardian.h"
#include "cli/privilege.h"
#include "cli/report.h"
#include "decode/assembler.h"
#include "output/json.h"
#include "output/line_writer.h"
#include "output/stream.h"
#include "output/table.h"
#include "source/bpf/engine.h"

namespace sockwarden {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kLook = kSecond / 10;
constexpr std::int64_t kBatchNs = 10'000'000;  // between two looks at default rings while records come
constexpr std::int64_t kLeastBatchNs = 1'000'000;
constexpr std::size_t kBudget = 16384;  // records between two looks at signals and clocks

// Smaller rings are looked at more often: they fill sooner.
std::int64_t batch_ns(std::size_t ring_size) {
    const std::int64_t share =
        kBatchNs * static_cast<std::int64_t>(ring_size) / static_cast<std::int64_t>(kDefaultRingSize);
    return ring_size == 0 ? kBatchNs : std::clamp(share, kLeastBatchNs, kBatchNs);
}

std::int64_t clock_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * kSecond + now.tv_nsec;
}

std::string first_line(const char *path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// Signals that end the trace or tell of the command, as a descriptor.
Fd open_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
        ::sigaddset(&set, signal);
    }
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::string counts_text(const std::map<std::string, std::uint64_t> &counts) {
    std::string text;
    std::uint64_t sum = 0;
    for (const auto &[name, count] : counts) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
        sum += count;
    }
    return sum == 0 ? "0" : fmt::format("{} ({})", sum, text);
}

class Reading {
public:
    Reading(const RunOptions &options, const Plan &plan) : options_(options), plan_(plan) {}
    RunEnd run();

private:
    Status prepare();
    Status open_output();
    void begin();
    void take(const Feed &feed, Message &message);
    void loop();
    void pump(bool all);
    bool is_read(const Feed &feed) const { return feed.judges || !writer_->is_clogged(); }
    bool is_quiet();
    void look_at_signals();
    void sleep_until_work();
    void write_all();
    bool is_told_to_end() const;
    RunEnd end();
    RunEnd failed(const Error &error) const;

    const RunOptions &options_;
    const Plan &plan_;
    Fd file_, signals_;
    std::unique_ptr<LineWriter> writer_;
    std::unique_ptr<Sink> sink_;
    std::optional<Command> command_;
    Opened opened_;
    std::unique_ptr<Stream> stream_;
    std::vector<Assembler> assemblers_;  // of the feeds
    std::optional<int> command_status_;
    bool released_ = false;
    bool done_ = false;
    bool is_unread_ = false;
    bool busy_ = false;
    int interrupts_ = 0;
    std::int64_t wall_offset_ = 0, next_tick_ns_ = 0, next_look_ns_ = 0, end_ns_ = 0;
};

Status Reading::open_output() {
    int fd = options_.output_fd;
    if (!options_.file.empty()) {
        file_ = Fd(::open(options_.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file_) {
            return errno_error("cannot write to " + options_.file);
        }
        fd = file_.get();
    }
    writer_ = std::make_unique<LineWriter>(fd);
    if (options_.json()) {
        sink_ = std::make_unique<JsonSink>(*writer_);
    } else {
        sink_ = std::make_unique<TableSink>(*writer_, options_.table());
    }
    return Done{};
}

Status Reading::prepare() {
    if (plan_.is_privileged) {
        for (const Status &status : {check_privilege(), check_btf()}) {
            if (!status) {
                return status;
            }
        }
    }
    if (Status status = open_output(); !status) {
        return status;
    }
    signals_ = open_signals();
    if (!options_.command.empty()) {
        Result<Command> command =
            Command::hold(options_.command, {options_.as_user, plan_.enter, static_cast<bool>(plan_.enter)});
        if (!command) {
            return command.error();
        }
        command_ = std::move(*command);
    }
    Result<Opened> opened = plan_.open();
    if (!opened) {
        return opened.error();
    }
    opened_ = std::move(*opened);
    if (command_) {
        if (Status status = opened_.mark(static_cast<std::uint32_t>(command_->pid())); !status) {
            return status;
        }
    }
    return Done{};
}

void Reading::begin() {
    utsname system{};
    ::uname(&system);
    StreamStart start;
    start.wall_ns = clock_ns(CLOCK_REALTIME);
    start.version = SOCKWARDEN_VERSION;
    start.host = system.nodename;
    start.boot_id = first_line("/proc/sys/kernel/random/boot_id");
    start.engine = opened_.feeds.front().engine;
    start.kernel = system.release;
    start.uncovered = opened_.uncovered;
    std::vector<Source *> sources;
    for (const Feed &feed : opened_.feeds) {
        sources.push_back(feed.source.get());
        assemblers_.emplace_back(
            feed.engine, [this, &feed](Message &message) { take(feed, message); }, feed.snaplen, feed.events);
    }
    stream_ = std::make_unique<Stream>(*sink_, std::move(sources));
    stream_->begin(start);
    writer_->offer();
    say("{}", opened_.saying);
    if (options_.duration_ns != 0) {
        end_ns_ = clock_ns(CLOCK_MONOTONIC) + static_cast<std::int64_t>(options_.duration_ns);
    }
}

void Reading::take(const Feed &feed, Message &message) {
    if (options_.count != 0 && stream_->messages() >= options_.count) {
        return;
    }
    if (feed.wants && !feed.wants(message)) {
        stream_->filtered();
        return;
    }
    if (feed.judges && writer_->is_full()) {
        stream_->unread();
        return;
    }
    stream_->message(message);
    if (options_.count != 0 && stream_->messages() == options_.count) {
        done_ = true;
    }
}

RunEnd Reading::failed(const Error &error) const {
    say("{}", error.message);
    const bool own_failure = !options_.command.empty() && error.exit_code == kExitFailure;
    return {own_failure ? kExitOwnFailure : error.exit_code, std::nullopt};
}

RunEnd Reading::run() {
    if (const Status status = prepare(); !status) {
        return failed(status.error());
    }
    const KeptPrivilege kept{!options_.as_user.empty() || opened_.kills, opened_.loads_more, !plan_.is_privileged,
                             opened_.loads_for_cgroups};
    if (const Status status = drop_privilege(kept); !status) {
        return failed(status.error());
    }
    begin();
    if (command_) {
        if (const Status status = command_->release(); !status) {
            return failed(status.error());
        }
        released_ = true;
    }
    loop();
    return end();
}

void Reading::pump(bool all) {
    busy_ = false;
    // A reader that does not read stops nothing but this: what has no room in the rings is counted.
    for (std::size_t i = 0; i < opened_.feeds.size(); ++i) {
        if (!is_read(opened_.feeds[i])) {
            continue;
        }
        const auto take = [&](Bytes record) { assemblers_[i].take(record, wall_offset_); };
        busy_ = opened_.feeds[i].source->drain(take, all, kBudget) != 0 || busy_;
    }
    writer_->offer();
    if (writer_->state() != LineWriter::State::open) {
        done_ = true;
    }
}

void Reading::look_at_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            if (command_ && !command_status_) {
                command_status_ = command_->ended();
                done_ = done_ || command_status_.has_value();
            }
            continue;
        }
        if (info.ssi_signo == SIGHUP && opened_.on_hangup) {
            opened_.on_hangup();
            continue;
        }
        // A signal from the terminal has reached the command already; one that was sent to us alone is passed on. The
        // trace ends after the command, or at once when told twice.
        if (command_ && released_ && ++interrupts_ == 1) {
            if (info.ssi_code != SI_KERNEL) {
                ::kill(command_->pid(), static_cast<int>(info.ssi_signo));
            }
        } else {
            done_ = true;
        }
    }
}

// Whether SIGINT or SIGTERM has come.
bool Reading::is_told_to_end() const {
    bool is_told = false;
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
        is_told = is_told || info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM;
    }
    return is_told;
}

// Whether no source that is read has anything; each will wake us when it has.
bool Reading::is_quiet() {
    return std::ranges::all_of(opened_.feeds,
                               [this](const Feed &feed) { return !is_read(feed) || feed.source->prepare_sleep(); });
}

void Reading::sleep_until_work() {
    const std::int64_t now = clock_ns(CLOCK_MONOTONIC);
    std::int64_t wait = batch_ns(options_.ring_size);
    // The third tells when the reader of a pipe goes away. What is negative is not looked at.
    std::vector<pollfd> fds{
        {signals_.get(), POLLIN, 0}, {opened_.control, POLLIN, 0}, {file_ ? file_.get() : options_.output_fd, 0, 0}};
    if (!writer_->is_empty()) {
        fds[2].events = POLLOUT;
    }
    if (!busy_ && is_quiet()) {
        wait = kSecond;
        for (const Feed &feed : opened_.feeds) {
            fds.push_back({is_read(feed) ? feed.source->wake_fd() : -1, POLLIN, 0});
        }
    }
    wait = std::min({wait, opened_.look ? kLook : wait, next_tick_ns_ - now, end_ns_ != 0 ? end_ns_ - now : wait});
    if (wait > 0) {
        const timespec timeout{wait / kSecond, wait % kSecond};
        ::ppoll(fds.data(), fds.size(), &timeout, nullptr);
        is_unread_ = is_unread_ || (fds[2].revents & POLLERR) != 0;
        done_ = done_ || is_unread_;
        if ((fds[1].revents & POLLIN) != 0 && !opened_.on_control()) {
            done_ = true;
        }
    }
}

void Reading::loop() {
    while (!done_) {
        const std::int64_t now = clock_ns(CLOCK_MONOTONIC);
        if (now >= next_tick_ns_) {
            wall_offset_ = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
            stream_->report_losses(now + wall_offset_);
            next_tick_ns_ = now + kSecond;
        }
        if (opened_.look && now >= next_look_ns_) {
            opened_.look();
            next_look_ns_ = now + kLook;
        }
        pump(false);
        look_at_signals();
        if (end_ns_ != 0 && clock_ns(CLOCK_MONOTONIC) >= end_ns_) {
            done_ = true;
        }
        if (!done_) {
            sleep_until_work();
        }
    }
}

// Waits for who reads the output, unless told to end once more.
void Reading::write_all() {
    pollfd fds[] = {{signals_.get(), POLLIN, 0},
                    {file_ ? file_.get() : options_.output_fd, POLLOUT, 0},
                    {opened_.control, POLLIN, 0}};
    for (writer_->offer(); !writer_->is_empty(); writer_->offer()) {
        ::poll(fds, std::size(fds), -1);
        if ((fds[2].revents & POLLIN) != 0) {
            opened_.on_control();
        }
        if ((fds[0].revents & POLLIN) != 0 && is_told_to_end()) {
            say("the end of the output was not read");
            is_unread_ = true;
            return;
        }
    }
}

RunEnd Reading::end() {
    if (opened_.on_end) {
        opened_.on_end();
    }
    for (busy_ = true; busy_ && !is_unread_ && writer_->state() == LineWriter::State::open;) {
        write_all();
        pump(true);
    }
    const StreamStop stop = stream_->end(clock_ns(CLOCK_MONOTONIC) + wall_offset_);
    if (!is_unread_) {
        write_all();
    }
    say("{:.1f} s, {} messages, filtered {}, dropped {}, missed {}{}", stop.seconds, stop.written,
        counts_text(stop.filtered_by), counts_text(stop.dropped), counts_text(stop.missed),
        stop.skipped == 0 ? "" : fmt::format("; the kernel skipped {} program runs", stop.skipped));
    RunEnd result;
    if (writer_->state() == LineWriter::State::failed) {
        const std::string where = options_.file.empty() ? "the output" : options_.file;
        say("{}", errno_error("cannot write to " + where, writer_->error()).message);
        result.exit_code = kExitFailure;
        return result;
    }
    if (opened_.needs_reader && (is_unread_ || writer_->state() == LineWriter::State::closed)) {
        say("nobody reads the output any more");
        result.exit_code = kExitFailure;
        return result;
    }
    result.command_status = command_status_;
    return result;
}

}  // namespace

RunEnd read_out(const RunOptions &options, const Plan &plan) { return Reading(options, plan).run(); }

int end_like(const RunEnd &end) {
    if (!end.command_status) {
        return end.exit_code;
    }
    return end_as(*end.command_status);
}

}  // namespace sockwarden
