// SPDX-License-Identifier: Apache-2.0
// The options of trace: what is taken, and what is said where it is not.
#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/choices.h"
#include "cli/trace_options.h"

namespace sockwarden {
namespace {

// The error of a command line, or "" where it is right.
std::string error_of(std::vector<std::string> words, TraceOptions &options) {
    CLI::App app;
    options.declare(app);
    std::reverse(words.begin(), words.end());
    try {
        app.parse(words);
    } catch (const CLI::ParseError &error) {
        return error.what();
    }
    const Status status = options.check();
    if (!status) {
        EXPECT_EQ(status.error().exit_code, 2);
        EXPECT_FALSE(status.error().message.ends_with('.'));
        return status.error().message;
    }
    return "";
}
std::string error_of(const std::vector<std::string> &words) {
    TraceOptions options;
    return error_of(words, options);
}

void expect_error(const std::vector<std::string> &words, std::initializer_list<std::string_view> parts) {
    const std::string error = error_of(words);
    for (const std::string_view part : parts) {
        EXPECT_NE(error.find(part), std::string::npos) << error << "\nlacks: " << part;
    }
}

TEST(TraceOptions, DefaultsAreRight) {
    TraceOptions options;
    EXPECT_EQ(error_of({}, options), "");
    EXPECT_EQ(options.selection.snaplen, 256U);
    EXPECT_FALSE(options.selection.marked_only);
    EXPECT_FALSE(options.json());
}

TEST(TraceOptions, TakesWhatTheyDocument) {
    TraceOptions options;
    EXPECT_EQ(error_of({"--snaplen", "65535",  "--duration", "500ms",       "--ring-size", "100K",
                        "--comm",    "a",      "--comm",     "b",           "--uid",       "0",
                        "--count",   "3",      "--engine",   "tracepoint",  "--color",     "never",
                        "-w",        "/tmp/x", "--light",    "--no-follow", "--pid",       std::to_string(::getpid())},
                       options),
              "");
    EXPECT_EQ(options.selection.snaplen, 65535U);
    EXPECT_EQ(options.duration_ns, 500'000'000U);
    EXPECT_EQ(options.ring_size, 128U << 10);
    EXPECT_EQ(options.selection.comms, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(options.selection.marked_only);
    EXPECT_FALSE(options.selection.follow);
    EXPECT_TRUE(options.json()) << "-w means JSON";
}

TEST(TraceOptions, EachValidWordIsTaken) {
    for (const std::string option : {"--engine", "--events", "--output", "--color"}) {
        const auto words = choices_of(option);
        EXPECT_FALSE(words.empty());
        for (const std::string_view word : words) {
            EXPECT_EQ(error_of({option, std::string(word)}), "");
        }
    }
}

TEST(TraceOptions, WrongWordsNameTheValidOnes) {
    expect_error({"--engine", "kprobes"},
                 {"--engine", "\"kprobes\"", "did you mean kprobe?", "auto, trampoline, kprobe, tracepoint"});
    expect_error({"--engine", "zzzzzzzzzz"}, {"Valid are: auto"});
    expect_error({"--output", "jsn"}, {"did you mean json?", "table, json"});
    expect_error({"--color", "maybe"}, {"auto, always, never"});
    expect_error({"--events", "recvmgs"}, {"did you mean recvmsg?"});
    expect_error({"--events", "recvmsg,"}, {"--events", "\"\""});
    expect_error({"--events", ""}, {"--events"});
}

TEST(TraceOptions, WrongNumbersSayWhatIsWanted) {
    for (const char *bad : {"65536", "-1", "x", "", "1k", "99999999999999999999999"}) {
        expect_error({std::string("--snaplen=") + bad}, {"--snaplen"});
    }
    expect_error({"--duration", "10x"}, {"--duration", "10s"});
    expect_error({"--duration", "0"}, {"--duration"});
    for (const char *bad : {"63K", "2G", "x"}) {
        expect_error({"--ring-size", bad}, {"64K to 1G"});
    }
    expect_error({"--pid", "x"}, {"--pid"});
    expect_error({"--pid", "2147483647"}, {"--pid", "no process 2147483647"});
    expect_error({"--uid", "-1"}, {"--uid"});
    expect_error({"--count", "-1"}, {"--count"});
    expect_error({"--comm", "a-name-of-16-byt"}, {"--comm", "1 to 15"});
}

TEST(TraceOptions, LimitsAreSaid) {
    std::vector<std::string> words;
    for (int i = 0; i < 9; ++i) {
        words.insert(words.end(), {"--comm", "c" + std::to_string(i)});
    }
    expect_error(words, {"8 --comm"});
    expect_error({"--as-user", "nobody"}, {"--as-user", "needs a command"});
}

TEST(TraceOptions, TheCommandKeepsItsOwnOptions) {
    TraceOptions options;
    EXPECT_EQ(error_of({"--light", "--", "ls", "-l", "--color"}, options), "");
    EXPECT_EQ(options.command, (std::vector<std::string>{"ls", "-l", "--color"}));
    EXPECT_TRUE(options.selection.marked_only);
}

}  // namespace
}  // namespace sockwarden
