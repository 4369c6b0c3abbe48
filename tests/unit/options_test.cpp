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
    EXPECT_EQ(options.filter.comms, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(options.filter.pids, std::vector<std::uint32_t>{static_cast<std::uint32_t>(::getpid())})
        << "without descendants it is a fact like others";
    EXPECT_FALSE(options.selection.marked_only);
    EXPECT_TRUE(options.wanted);
    EXPECT_TRUE(options.json()) << "-w means JSON";
}

TEST(TraceOptions, EachValidWordIsTaken) {
    for (const std::string option : {"--engine", "--events", "--output", "--color"}) {
        const auto words = choices_of(option);
        EXPECT_FALSE(words.empty());
        for (const std::string_view word : words) {
            const std::string error = error_of({option, std::string(word)});
            // Which sees one command, and here is none.
            EXPECT_EQ(error.substr(0, error.find(':')),
                      word == kSupervisorEngine ? "--engine supervisor sees one command" : "");
        }
    }
}

TEST(TraceOptions, WrongWordsNameTheValidOnes) {
    expect_error({"--engine", "kprobes"}, {"--engine", "\"kprobes\"", "did you mean kprobe?",
                                           "auto, trampoline, kprobe, tracepoint, supervisor"});
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

TEST(TraceOptions, WhatCannotBeIsSaid) {
    expect_error({"--as-user", "nobody"}, {"--as-user", "needs a command"});
    expect_error({"--socket", "docker.sock"}, {"--socket", "\"docker.sock\"", "/PATH"});
    expect_error({"--socket", "10.0.0.1:99999"}, {"--socket"});
    expect_error({"--socket", "::1:80"}, {"--socket", "[IPV6]:PORT"});
}

TEST(TraceOptions, AnExpressionIsCheckedWhereItStands) {
    expect_error({"payload.length >"}, {"EXPRESSION:1:17"});
    expect_error({"event == \"recvmgs\""}, {"EXPRESSION:1:10", "did you mean recvmsg?"});
    expect_error({"curl"}, {"EXPRESSION:1:1", "sockwarden trace -- curl"});
    TraceOptions options;
    EXPECT_EQ(error_of({"payload.length > 5 && process.uid == 0", "--light"}, options), "");
    EXPECT_TRUE(options.selection.light);
}

// What the options ask for, as an expression would.
struct Asked {
    std::vector<std::string> words;
    std::string same_as;
};

TEST(TraceOptions, OptionsAreExpressions) {
    const Asked rows[] = {
        {{"--comm", "a", "--comm", "b'\\"}, R"(process.comm in ['a', "b'\\"])"},
        {{"--uid", "0", "--comm", "x"}, "process.comm == 'x' && process.uid == 0"},
        {{"--container", "4f2a"}, "process.container.startsWith('4f2a')"},
        {{"--socket", "/run/x"}, "socket.local.path.text == '/run/x' || socket.remote.path.text == '/run/x'"},
        {{"--socket", "@x"}, "socket.local.abstract == 'x' || socket.remote.abstract == 'x'"},
        {{"--socket", "[::1]:80"},
         "socket.local.address == '::1' && socket.local.port == 80 || "
         "socket.remote.address == '::1' && socket.remote.port == 80"},
        {{"--socket", ":53"}, "socket.local.port == 53 || socket.remote.port == 53"},
    };
    for (const Asked &row : rows) {
        TraceOptions options, expression;
        EXPECT_EQ(error_of(row.words, options), "");
        EXPECT_EQ(error_of({row.same_as}, expression), "");
        ASSERT_TRUE(options.wanted && expression.wanted) << row.same_as;
        const Bytes a = options.wanted->bytes(), b = expression.wanted->bytes();
        EXPECT_TRUE(std::ranges::equal(a, b)) << row.same_as;
    }
}

}  // namespace
}  // namespace sockwarden
