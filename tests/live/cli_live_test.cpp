// SPDX-License-Identifier: Apache-2.0
// How `sockwarden trace` begins and ends: exit codes, signals, limits, closed pipes, full disks,
// mistakes.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>
#include <thread>

#include "compare.h"
#include "options.h"
#include "process.h"
#include "stream.h"
#include "temporary.h"

namespace live {
namespace {

using std::chrono::steady_clock;

Ended Trace(const std::vector<std::string> &more, Seconds limit = Seconds(30)) {
    return RunCommand(TraceCommand(Chosen(), more), limit);
}

// Seconds, messages and filtered stand in one line at every end.
void ExpectSummary(const std::string &err) {
    static const std::regex shape("sockwarden: .*[0-9] ?s.*message.*filtered");
    std::istringstream lines(err);
    int summaries = 0;
    for (std::string line; std::getline(lines, line);) {
        summaries += std::regex_search(line, shape);
    }
    EXPECT_EQ(summaries, 1) << err;
}

// A program that receives `rounds` times, every `pause` ms.
std::vector<std::string> Pulse(const TemporaryFile &truth, int rounds, int pause) {
    return {Chosen().traffic,       "--truth", truth.path(),          "--repeat",
            std::to_string(rounds), "--pause", std::to_string(pause), "unix-datagram-pair"};
}

std::vector<std::string> With(std::vector<std::string> first, const std::vector<std::string> &second) {
    first.push_back("--");
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

bool ReachesOperations(const TemporaryFile &truth, long long operations, Seconds limit) {
    const auto end = steady_clock::now() + limit;
    while (steady_clock::now() < end) {
        if (ReadTruth(truth.path()).operations == operations)
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
}

TEST(ExitCode, IsTheCommandsOwn) {
    for (const int code : {0, 1, 2, 3, 125, 200}) {
        const Ended ended = Trace({"--", "sh", "-c", "exit " + std::to_string(code)});
        EXPECT_TRUE(ended.Exited(code)) << code << ": " << ended.Text() << "\n" << ended.err;
        EXPECT_EQ(Joined(CheckStream(ParseStream(ended.out))), "");
        ExpectSummary(ended.err);
    }
}

TEST(ExitCode, SignalOfTheCommandEndsSockwardenToo) {
    for (const int number : {SIGKILL, SIGTERM, SIGUSR1, SIGINT}) {
        const Ended ended = Trace({"--", "sh", "-c", "kill -" + std::to_string(number) + " $$"});
        EXPECT_TRUE(ended.Killed(number)) << number << ": " << ended.Text() << "\n" << ended.err;
        EXPECT_EQ(Joined(CheckStream(ParseStream(ended.out))), "");
        ExpectSummary(ended.err);
    }
}

TEST(ExitCode, CommandNotFoundIs127) {
    const Ended ended = Trace({"--", "no-such-command-anywhere"});
    EXPECT_TRUE(ended.Exited(127)) << ended.Text();
    EXPECT_NE(ended.err.find("no-such-command-anywhere"), std::string::npos) << ended.err;
    EXPECT_TRUE(Trace({"--", "/no/such/path"}).Exited(127));
}

TEST(ExitCode, NotExecutableIs126) {
    const TemporaryFile file;
    const Ended ended = Trace({"--", file.path()});
    EXPECT_TRUE(ended.Exited(126)) << ended.Text();
    EXPECT_NE(ended.err.find(file.path()), std::string::npos) << ended.err;
    EXPECT_TRUE(Trace({"--", "/"}).Exited(126));
}

TEST(Limits, CountStopsAfterThatMany) {
    const TemporaryFile truth;
    const Ended ended = Trace(With({"--count", "3"}, Pulse(truth, 60, 20)));
    const Stream stream = ParseStream(ended.out);
    EXPECT_EQ(Joined(CheckStream(stream)), "");
    EXPECT_EQ(stream.calls.size(), 3u);
    EXPECT_FALSE(ended.timed_out);
    EXPECT_EQ(ReadTruth(truth.path()).operations, -1) << "the command had ended: too late";
    EXPECT_TRUE(ReachesOperations(truth, 60, Seconds(10))) << "the command did not go on";
}

TEST(Limits, DurationLeavesTheCommandRunning) {
    const TemporaryFile truth;
    const auto begin = steady_clock::now();
    const Ended ended = Trace(With({"--duration", "1s"}, Pulse(truth, 150, 20)));
    const Seconds took = steady_clock::now() - begin;
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    EXPECT_GE(took.count(), 0.9);
    EXPECT_LE(took.count(), 2.5);
    const Stream stream = ParseStream(ended.out);
    EXPECT_EQ(Joined(CheckStream(stream)), "");
    EXPECT_GT(stream.calls.size(), 10u);
    EXPECT_LT(stream.calls.size(), 100u);
    EXPECT_EQ(ReadTruth(truth.path()).operations, -1) << "the command had ended: too late";
    EXPECT_TRUE(ReachesOperations(truth, 150, Seconds(10))) << "the command did not go on";
}

TEST(Limits, DurationWithoutCommand) {
    const Ended ended = Trace({"--duration", "300ms", "--comm", "nobody-has-this"});
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    const Stream stream = ParseStream(ended.out);
    EXPECT_EQ(Joined(CheckStream(stream)), "");
    EXPECT_TRUE(stream.calls.empty());
    ExpectSummary(ended.err);
}

TEST(Output, ClosedPipeIsQuietAndTheCommandGoesOn) {
    const TemporaryFile truth;
    Process trace(TraceCommand(Chosen(), With({}, Pulse(truth, 100, 20))));
    const auto two_lines = [&] { return std::count(trace.out().begin(), trace.out().end(), '\n') >= 2; };
    ASSERT_TRUE(trace.ReadUntil(two_lines, Seconds(10))) << trace.err();
    trace.CloseOutput();
    const Ended ended = trace.Wait(Seconds(10));
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    for (const char *noise : {"error", "roken pipe", "EPIPE", "failed"}) {
        EXPECT_EQ(ended.err.find(noise), std::string::npos) << ended.err;
    }
    EXPECT_TRUE(ReachesOperations(truth, 100, Seconds(10))) << "the command did not go on";
}

TEST(Output, FullDiskIsExit1AndAMessage) {
    const TemporaryFile truth;
    const Ended ended = Trace(With({"-w", "/dev/full"}, Pulse(truth, 3, 0)));
    EXPECT_TRUE(ended.Exited(1)) << ended.Text() << "\n" << ended.err;
    EXPECT_NE(ended.err.find("No space left"), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("/dev/full"), std::string::npos) << ended.err;
    ExpectSummary(ended.err);
}

TEST(Output, FullDiskOnStandardOutput) {
    const TemporaryFile truth;
    std::vector<std::string> words = TraceCommand(Chosen(), With({}, Pulse(truth, 3, 0)));
    words.insert(words.begin(), {"sh", "-c", "exec \"$@\" >/dev/full", "sh"});
    const Ended ended = RunCommand(words);
    EXPECT_TRUE(ended.Exited(1)) << ended.Text() << "\n" << ended.err;
    EXPECT_NE(ended.err.find("No space left"), std::string::npos) << ended.err;
}

TEST(Output, FileGetsTheRecordsAndStandardOutputNone) {
    const TemporaryFile truth;
    const TemporaryFile file;
    const Ended ended = Trace(With({"-w", file.path()}, Pulse(truth, 3, 0)));
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    EXPECT_EQ(ended.out, "");
    std::stringstream text;
    text << std::ifstream(file.path()).rdbuf();
    const Stream stream = ParseStream(text.str());
    EXPECT_EQ(Joined(CheckStream(stream)), "");
    EXPECT_EQ(stream.calls.size(), 3u);
}

void EndsCleanlyBy(int number) {
    Process trace(TraceCommand(Chosen(), {"--comm", "nobody-has-this"}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    trace.Signal(number);
    const Ended ended = trace.Wait(Seconds(5));
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    EXPECT_EQ(Joined(CheckStream(ParseStream(ended.out))), "");
    ExpectSummary(ended.err);
}

TEST(Signals, InterruptEndsWithASummary) { EndsCleanlyBy(SIGINT); }
TEST(Signals, TerminateEndsWithASummary) { EndsCleanlyBy(SIGTERM); }

// What a terminal does on Ctrl-C: the whole group gets the signal.
TEST(Signals, InterruptReachesTheCommandAndTheTraceEndsAfterIt) {
    Process::Streams streams;
    streams.own_group = true;
    Process trace(TraceCommand(Chosen(), {"--", "sh", "-c",
                                          "trap 'sleep 0.3; exit 7' INT; echo ready >&2; "
                                          "while :; do sleep 0.05; done"}),
                  streams);
    const auto ready = [&] { return trace.err().find("ready\n") != std::string::npos; };
    ASSERT_TRUE(trace.ReadUntil(ready, Seconds(10))) << trace.err();
    trace.SignalGroup(SIGINT);
    const Ended ended = trace.Wait(Seconds(5));
    EXPECT_TRUE(ended.Exited(7)) << ended.Text() << "\n" << ended.err;
    EXPECT_EQ(Joined(CheckStream(ParseStream(ended.out))), "");
    ExpectSummary(ended.err);
}

struct Mistake {
    std::vector<std::string> arguments;
    std::vector<std::string> named;  // what the message must name
};

TEST(Arguments, MistakesAreExit2AndNameTheValidValues) {
    const std::vector<Mistake> mistakes = {
        {{"--engine", "magic"}, {"magic", "auto", "trampoline", "kprobe", "tracepoint"}},
        {{"-o", "xml"}, {"xml", "table", "json"}},
        {{"--snaplen", "70000"}, {"70000", "65535"}},
        {{"--snaplen", "-1"}, {"65535"}},
        {{"--snaplen", "12x"}, {"12x"}},
        {{"--color", "pink"}, {"pink", "auto", "always", "never"}},
        {{"--pid", "abc"}, {"abc"}},
        {{"--duration", "soon"}, {"soon"}},
        {{"--count", "few"}, {"few"}},
        {{"--events", "recvmsgs"}, {"recvmsgs", "recvmsg"}},
        {{"--uid", "no-such-user"}, {"no-such-user"}},
        {{"--ring-size", "wide"}, {"wide"}},
        {{"--lite"}, {"--lite", "--light"}},
        {{"--pid"}, {"--pid"}},
    };
    for (const Mistake &mistake : mistakes) {
        std::vector<std::string> command = {Chosen().sockwarden, "trace"};
        command.insert(command.end(), mistake.arguments.begin(), mistake.arguments.end());
        const Ended ended = RunCommand(command, Seconds(5));
        EXPECT_TRUE(ended.Exited(2)) << mistake.arguments[0] << ": " << ended.Text() << ended.err;
        EXPECT_EQ(ended.out, "");
        for (const std::string &word : mistake.named) {
            EXPECT_NE(ended.err.find(word), std::string::npos)
                << mistake.arguments[0] << " does not name " << word << ":\n"
                << ended.err;
        }
    }
}

TEST(Command, RunsAsTheUser) {
    const Ended ended = Trace({"--as-user", "nobody", "--", "sh", "-c", "echo \"user $(id -u) $(id -g)\" >&2"});
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    EXPECT_NE(ended.err.find("user 65534 65534\n"), std::string::npos) << ended.err;
    const Ended unknown = Trace({"--as-user", "no-such-user", "--", "true"});
    EXPECT_TRUE(unknown.Exited(2)) << unknown.Text() << "\n" << unknown.err;
}

TEST(Command, IsTracedAsTheUser) {
    const Ended ended = Trace({"--as-user", "nobody", "--", Chosen().traffic, "--truth-fd", "2", "unix-datagram-pair"});
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    const Stream stream = ParseStream(ended.out);
    ASSERT_EQ(stream.calls.size(), 1u) << ended.err;
    EXPECT_EQ(stream.calls[0]["process"]["uid"], 65534);
    EXPECT_EQ(stream.calls[0]["process"]["gid"], 65534);
}

}  // namespace
}  // namespace live
