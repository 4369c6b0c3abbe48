// SPDX-License-Identifier: Apache-2.0
// Which processes are reported: by pid with and without descendants, by name, by user.
#include <gtest/gtest.h>
#include <signal.h>

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
