// SPDX-License-Identifier: Apache-2.0
// What is there before, during and after a trace: calls already blocked, delay, programs in the
// kernel.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "options.h"
#include "process.h"
#include "receiver.h"
#include "stream.h"

namespace live {
namespace {

using std::chrono::steady_clock;

const char *Name(Receiver::Socket kind) {
    switch (kind) {
        case Receiver::Socket::kUnixDatagram:
            return "UNIX datagram";
        case Receiver::Socket::kUnixStream:
            return "UNIX stream";
        case Receiver::Socket::kUdp:
            return "UDP";
        default:
            return "TCP";
    }
}

void BlockedBefore(Receiver::Socket kind) {
    SCOPED_TRACE(Name(kind));
    const Receiver receiver({.comm = "was-waiting"}, kind);
    receiver.Begin();
    ASSERT_TRUE(receiver.AwaitBlocked());
    Process trace(TraceCommand(Chosen(), {"--pid", std::to_string(receiver.pid())}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    receiver.Give("at last");
    ASSERT_TRUE(receiver.AwaitDone());
    trace.Signal(SIGTERM);
    const Stream stream = ParseStream(trace.Wait(Seconds(10)).out);
    EXPECT_EQ(Joined(CheckStream(stream)), "");
    ASSERT_EQ(stream.calls.size(), 1u) << stream.records.back();
    const Json &call = stream.calls[0];
    EXPECT_EQ(call["return"], 7);
    EXPECT_EQ(call["process"]["pid"], receiver.pid());
    EXPECT_EQ(call["process"]["comm"], "was-waiting");
    EXPECT_EQ(call["payload"]["text"], "at last");
    EXPECT_EQ(call["args"]["flags"], Json::array());
}

TEST(Lifetime, BlockedBeforeTheTraceBegan) {
    for (const auto kind : {Receiver::Socket::kUnixDatagram, Receiver::Socket::kUnixStream, Receiver::Socket::kUdp,
                            Receiver::Socket::kTcp}) {
        BlockedBefore(kind);
    }
}

// One outlier in ten is the machine's, two are the tool's.
TEST(Lifetime, RecordsArriveWithin100Milliseconds) {
    const Receiver receiver;
    Process trace(TraceCommand(Chosen(), {"--pid", std::to_string(receiver.pid())}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    std::vector<double> delays;
    for (int i = 0; i < 10; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(150));
        const std::string text = "message " + std::to_string(i) + " of ten";
        ASSERT_TRUE(receiver.Receive(text));
        const auto begin = steady_clock::now();
        const auto seen = [&] { return trace.out().find(text) != std::string::npos; };
        ASSERT_TRUE(trace.ReadUntil(seen, Seconds(5))) << "no record within 5 s: " << text;
        delays.push_back(Seconds(steady_clock::now() - begin).count());
    }
    std::sort(delays.begin(), delays.end());
    EXPECT_LE(delays[8], 0.1) << "slowest " << delays[9] << " s";
    RecordProperty("slowest_ms", static_cast<int>(delays[9] * 1000));
}

TEST(Lifetime, TheReaderDoesNotSpin) {
    Process trace(TraceCommand(Chosen(), {"--comm", "nobody-has-this"}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    const auto ticks = [&] {
        std::string text;
        std::getline(std::ifstream("/proc/" + std::to_string(trace.pid()) + "/stat"), text);
        std::istringstream fields(text.substr(text.rfind(')') + 2));
        std::string skipped;
        for (int i = 0; i < 11; ++i)
            fields >> skipped;
        long user = 0;
        long system = 0;
        fields >> user >> system;
        return user + system;
    };
    const long before = ticks();
    std::this_thread::sleep_for(std::chrono::seconds(2));
    const double busy = static_cast<double>(ticks() - before) / static_cast<double>(sysconf(_SC_CLK_TCK));
    EXPECT_LE(busy, 0.1) << "seconds of processor time in 2 idle seconds";
}

std::set<unsigned> LoadedPrograms() {
    std::set<unsigned> ids;
    bpf_attr attributes{};
    while (syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attributes, sizeof(attributes)) == 0) {
        ids.insert(attributes.next_id);
        attributes.start_id = attributes.next_id;
    }
    return ids;
}

// The programs that the descriptors of a process hold, as links or directly.
std::set<unsigned> ProgramsOf(pid_t pid) {
    std::set<unsigned> ids;
    for (const auto &entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fdinfo")) {
        std::ifstream file(entry.path());
        for (std::string key, value; file >> key >> value;) {
            if (key == "prog_id:")
                ids.insert(static_cast<unsigned>(std::stoul(value)));
        }
    }
    return ids;
}

void NothingStaysAfter(int number) {
    Process trace(TraceCommand(Chosen(), {"--comm", "nobody-has-this"}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    const std::set<unsigned> held = ProgramsOf(trace.pid());
    ASSERT_FALSE(held.empty()) << "no program is held by descriptors: pinned?";
    trace.Signal(number);
    ASSERT_FALSE(trace.Wait(Seconds(5)).timed_out);
    std::vector<unsigned> left;
    const auto end = steady_clock::now() + std::chrono::seconds(3);
    do {  // the kernel frees them a little later
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        const std::set<unsigned> loaded = LoadedPrograms();
        left.clear();
        std::set_intersection(held.begin(), held.end(), loaded.begin(), loaded.end(), std::back_inserter(left));
    } while (!left.empty() && steady_clock::now() < end);
    EXPECT_EQ(left, std::vector<unsigned>{}) << "programs that stayed in the kernel";
}

TEST(Lifetime, NothingStaysAfterKill) { NothingStaysAfter(SIGKILL); }
TEST(Lifetime, NothingStaysAfterTerminate) { NothingStaysAfter(SIGTERM); }
TEST(Lifetime, NothingStaysAfterInterrupt) { NothingStaysAfter(SIGINT); }

// The fastest of nine, or where that is too slow of thirty: what else runs on the machine can only add to it. On a slow
// machine 300 ms are half of what bpftool takes to print the kernel's types there; where the 300 were measured, bpftool
// took 600.
TEST(Lifetime, AttachedWithin300Milliseconds) {
    constexpr double kWanted = 0.3;
    double fastest = 1e9, reference = 1e9;
    const auto bound = [&] { return std::max(kWanted, reference / 2); };
    for (int i = 0; i < 9 || (i < 30 && fastest > bound()); ++i) {
        auto begin = steady_clock::now();
        Process trace(TraceCommand(Chosen(), {"--comm", "nobody-has-this"}));
        ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
        fastest = std::min(fastest, Seconds(steady_clock::now() - begin).count());
        trace.Signal(SIGTERM);
        trace.Wait(Seconds(5));
        begin = steady_clock::now();
        const Ended printed =
            RunCommand({"bash", "-c", "bpftool btf dump file /sys/kernel/btf/vmlinux format raw | wc"});
        ASSERT_TRUE(printed.Exited(0)) << printed.err;
        reference = std::min(reference, Seconds(steady_clock::now() - begin).count());
    }
    EXPECT_LE(fastest, bound()) << "bpftool took " << reference;
    RecordProperty("fastest_ms", static_cast<int>(fastest * 1000));
    RecordProperty("bpftool_ms", static_cast<int>(reference * 1000));
}

}  // namespace
}  // namespace live
