// SPDX-License-Identifier: Apache-2.0
// Which processes are reported: by pid with and without descendants, by name, by user.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <set>

#include "options.h"
#include "process.h"
#include "receiver.h"
#include "stream.h"

namespace live {
namespace {

std::set<pid_t> Pids(const Stream &stream) {
    std::set<pid_t> pids;
    for (const Json &call : stream.calls)
        pids.insert(call["process"]["pid"].get<pid_t>());
    return pids;
}

Stream EndOf(Process &trace) {
    trace.Signal(SIGTERM);
    const Ended ended = trace.Wait(Seconds(10));
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    Stream stream = ParseStream(ended.out);
    EXPECT_EQ(Joined(CheckStream(stream)), "");
    return stream;
}

TEST(Filter, PidFollowsDescendants) {
    const Receiver wanted;
    const Receiver other;
    Process trace(TraceCommand(Chosen(), {"--pid", std::to_string(wanted.pid())}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    ASSERT_TRUE(wanted.Receive("itself") && other.Receive("not asked for"));
    const pid_t child = wanted.ReceiveInChild("its child");
    const Stream stream = EndOf(trace);
    EXPECT_EQ(Pids(stream), (std::set<pid_t>{wanted.pid(), child}));
    EXPECT_EQ(stream.calls.size(), 2u);
    EXPECT_GE(StopCount(stream, "filtered"), 1);
}

// An engine has hooks that other events require: they are not to be missed. The name is one that guests run too.
TEST(TogetherFilter, EventsAlone) {
    for (const char *events : {"recvmsg", "recvmmsg", "read", "sendmsg", "sendmmsg", "write,readv"}) {
        const Ended ended = RunCommand(TraceCommand(Chosen(), {"--events", events, "--", "true"}));
        EXPECT_TRUE(ended.Exited(0)) << events << ": " << ended.Text() << "\n" << ended.err;
    }
}

TEST(Filter, PidWithoutDescendants) {
    const Receiver wanted;
    Process trace(TraceCommand(Chosen(), {"--no-follow", "--pid", std::to_string(wanted.pid())}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    ASSERT_TRUE(wanted.Receive("itself"));
    ASSERT_GT(wanted.ReceiveInChild("its child"), 0);
    EXPECT_EQ(Pids(EndOf(trace)), std::set<pid_t>{wanted.pid()});
}

TEST(Filter, SeveralPids) {
    const Receiver first;
    const Receiver second;
    const Receiver third;
    Process trace(TraceCommand(Chosen(), {"--pid", std::to_string(first.pid()), "--pid", std::to_string(third.pid())}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    ASSERT_TRUE(first.Receive("1") && second.Receive("2") && third.Receive("3"));
    EXPECT_EQ(Pids(EndOf(trace)), (std::set<pid_t>{first.pid(), third.pid()}));
}

TEST(Filter, Comm) {
    const Receiver wanted({.comm = "wanted-name"});
    const Receiver other({.comm = "wanted-name-2"});
    Process trace(TraceCommand(Chosen(), {"--comm", "wanted-name"}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    ASSERT_TRUE(wanted.Receive("asked for") && other.Receive("not asked for"));
    const Stream stream = EndOf(trace);
    EXPECT_EQ(Pids(stream), std::set<pid_t>{wanted.pid()});
    EXPECT_GE(StopCount(stream, "filtered"), 1);
}

TEST(Filter, Uid) {
    const Receiver wanted({.comm = {}, .uid = 4242});
    const Receiver other({.comm = {}, .uid = 4243});
    Process trace(TraceCommand(Chosen(), {"--uid", "4242"}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    ASSERT_TRUE(wanted.Receive("asked for") && other.Receive("not asked for"));
    const Stream stream = EndOf(trace);
    EXPECT_EQ(Pids(stream), std::set<pid_t>{wanted.pid()});
    EXPECT_GE(StopCount(stream, "filtered"), 1);
}

// ---- Expressions, matched in the kernel and, where it cannot know, by the reader: for each fact that the kernel side
// tells, one that holds for the message and one that does not.

struct Asked {
    const char *holds, *fails;
};

constexpr Asked kAsked[] = {
    {"event == 'recvmsg'", "event in ['read', 'recvmmsg']"},
    {"process.uid == 4242", "process.uid > 4242"},
    {"process.gid < 1", "process.gid >= 1"},
    {"process.comm == 'wanted-name'", "process.comm.startsWith('wanted-name-')"},
    {"process.comm.matches('^w.*name$') && !(process.comm == 'x')", "process.comm.glob('w*d')"},
    {"process.pid > 1", "process.pid == 1"},
    {"process.exe == '@EXE'", "process.exe != '@EXE'"},
    {"process.exe != '/bin/sh' && has(process.exe)", "process.exe in ['/bin/sh', '/bin/true']"},
    {"process.exe.path == '@EXE'", "process.exe.path.startsWith('/nowhere/')"},
    {"process.parent.exe == '@EXE'", "process.parent.exe == '/bin/sh'"},
    {"process.cgroup.startsWith('/')", "process.cgroup.contains('no such group')"},
    {"socket.family == 'AF_UNIX'", "socket.family == 'AF_INET'"},
    {"socket.type == 'SOCK_DGRAM'", "socket.type != 'SOCK_DGRAM'"},
    {"socket.protocol == 0", "socket.protocol > 0"},
    {"socket.netns > 0", "socket.netns < 2"},
    {"!has(socket.local.path)", "socket.local.path.text.contains('/')"},
    {"!has(socket.remote.address) && !(socket.local.port == 80)", "socket.remote.address.inCidr('0.0.0.0/0')"},
    {"payload.length == 6", "payload.length > 6"},
    {"payload == 'secret'", "payload == 'secre'"},
    {"payload.matches('^s.*t$') && payload.contains('ecr')", "payload.endsWith('secre')"},
    {"args.msg.iovlen == 1 || !has(args.msg.iovlen)", "args.msg.iovlen > 1"},
    {"!('MSG_PEEK' in args.flags)", "'MSG_PEEK' in args.flags"},
    {"peeked == false", "peeked"},
    {"credentials == false", "credentials"},
    {"fds.all(f, f.type == 'block')", "fds.exists(f, f.type == 'socket')"},
    {"payload.length == 6 && (process.uid == 0 || process.comm == 'wanted-name')",
     "payload.length == 6 && (process.uid == 0 || process.comm == 'other')"},
};

std::string WithExe(std::string expression) {
    const std::string exe = std::filesystem::read_symlink("/proc/self/exe");
    for (std::size_t at; (at = expression.find("@EXE")) != std::string::npos;)
        expression.replace(at, 4, exe);
    return expression;
}

// How many of one message an expression lets through, while another trace beside it would see it.
void ExpectThrough(const char *asked, std::size_t count) {
    const std::string expression = WithExe(asked);
    const Receiver wanted({.comm = "wanted-name", .uid = 4242});
    Process trace(TraceCommand(Chosen(), {expression, "--pid", std::to_string(wanted.pid())}));
    ASSERT_TRUE(trace.AwaitAttached(Seconds(60))) << expression << "\n" << trace.err();
    ASSERT_TRUE(wanted.Receive("secret"));
    const Stream stream = EndOf(trace);
    EXPECT_EQ(stream.calls.size(), count) << expression;
    EXPECT_EQ(StopCount(stream, "filtered"), static_cast<std::int64_t>(1 - count)) << expression;
}

// All facts at once. Not for guests: to check programs with all of them takes longer there than a test waits.
TEST(Filter, AllExpressions) {
    std::string all_hold, one_fails;
    for (const Asked &asked : kAsked) {
        all_hold += (all_hold.empty() ? "(" : " && (") + std::string(asked.holds) + ")";
        one_fails += (one_fails.empty() ? "(" : " || (") + std::string(asked.fails) + ")";
    }
    ExpectThrough(all_hold.c_str(), 1);
    ExpectThrough(one_fails.c_str(), 0);
}

TEST(Filter, EachExpression) {
    for (const Asked &asked : kAsked) {
        ExpectThrough(asked.holds, 1);
        ExpectThrough(asked.fails, 0);
    }
}

TEST(Filter, CommandAloneIsReported) {
    const Receiver other;
    Process trace(TraceCommand(Chosen(), {"--", "sleep", "1"}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    ASSERT_TRUE(other.Receive("not asked for"));
    const Stream stream = ParseStream(trace.Wait().out);
    EXPECT_EQ(Pids(stream), std::set<pid_t>{});
}

TEST(Filter, WithoutOptionsEverybodyIsReported) {
    const Receiver first({.comm = "anyone-1"});
    const Receiver second({.comm = "anyone-2", .uid = 4242});
    Process trace(TraceCommand(Chosen()));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    ASSERT_TRUE(first.Receive("1") && second.Receive("2"));
    const std::set<pid_t> pids = Pids(EndOf(trace));
    EXPECT_TRUE(pids.contains(first.pid()) && pids.contains(second.pid()));
}

}  // namespace
}  // namespace live
