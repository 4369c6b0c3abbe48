// SPDX-License-Identifier: Apache-2.0
// One run of a program under strace and sockwarden at once: what both can say must agree.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "options.h"
#include "process.h"
#include "stream.h"
#include "temporary.h"

namespace live {
namespace {

struct Call {
    long long fd = 0;
    long long result = 0;
    std::string error;  // empty: none
    std::set<std::string> flags;
    std::optional<long long> buffers;  // where strace could read the msghdr

    bool Agrees(const Call &other) const {
        const bool same_buffers = !buffers || !other.buffers || buffers == other.buffers;
        return fd == other.fd && result == other.result && error == other.error && flags == other.flags && same_buffers;
    }

    std::string Text() const {
        std::string text = "fd " + std::to_string(fd) + " = " + std::to_string(result) + " " + error + " flags";
        for (const std::string &flag : flags)
            text += " " + flag;
        return text + " buffers " + (buffers ? std::to_string(*buffers) : "?");
    }
};

using Calls = std::map<long long, std::vector<Call>>;  // by thread

std::set<std::string> FlagsOf(const std::string &text) {
    std::set<std::string> flags;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, '|');) {
        if (part != "0")
            flags.insert(part);
    }
    return flags;
}

// `123 recvmsg(3, {…, msg_iovlen=1, …}, MSG_DONTWAIT) = -1 EAGAIN (…)`
std::optional<std::pair<long long, Call>> ParseLine(const std::string &line) {
    static const std::regex shape(
        R"(^(\d+) +recvmsg\((-?\d+), .*, ([A-Z_0-9|xa-f]+)\) += (\?|-?\d+)(?: (E[A-Z0-9]+))?)");
    static const std::regex buffers(R"(msg_iovlen=(\d+))");
    std::smatch match;
    if (!std::regex_search(line, match, shape))
        return std::nullopt;
    Call call;
    call.fd = std::stoll(match[2]);
    call.flags = FlagsOf(match[3]);
    call.result = match[4] == "?" ? -1 : std::stoll(match[4]);
    call.error = match[5];
    const long long thread = std::stoll(match[1]);
    if (std::regex_search(line, match, buffers))
        call.buffers = std::stoll(match[1]);
    return std::pair(thread, call);
}

Calls FromStrace(const std::string &file, size_t &count) {
    Calls calls;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        if (line.find("recvmsg(") == std::string::npos)
            continue;
        ++count;
        const auto parsed = ParseLine(line);
        EXPECT_TRUE(parsed) << "cannot be read: " << line;
        if (parsed)
            calls[parsed->first].push_back(parsed->second);
    }
    return calls;
}

Calls FromSockwarden(const Stream &stream) {
    Calls calls;
    for (const Json &record : stream.calls) {
        Call call;
        call.fd = record["args"]["sockfd"].get<long long>();
        call.result = record["return"].get<long long>();
        if (record["errno"].is_string())
            call.error = record["errno"].get<std::string>();
        for (const Json &flag : record["args"]["flags"])
            call.flags.insert(flag.get<std::string>());
        const Json &buffers = record["args"]["msg"]["iovlen"];
        if (buffers.is_number())
            call.buffers = buffers.get<long long>();
        calls[record["process"]["tid"].get<long long>()].push_back(call);
    }
    return calls;
}

TEST(Strace, AgreesCallByCall) {
    if (!RunCommand({"strace", "--version"}).Exited(0))
        GTEST_SKIP() << "no strace";
    if (Chosen().light)
        GTEST_SKIP() << "--light leaves out calls that never reach a socket";
    const TemporaryFile log;
    const TemporaryFile truth;
    const Ended ended = RunCommand(TraceCommand(Chosen(), {"--",
                                                           "strace",
                                                           "-f",
                                                           "-e",
                                                           "trace=recvmsg",
                                                           "-e",
                                                           "signal=none",
                                                           "-s",
                                                           "0",
                                                           "-o",
                                                           log.path(),
                                                           Chosen().traffic,
                                                           "--truth",
                                                           truth.path(),
                                                           "unix-stream-partial",
                                                           "unix-seqpacket",
                                                           "unix-datagram-path",
                                                           "tcp4",
                                                           "tcp4-oob",
                                                           "udp4",
                                                           "netlink-dump",
                                                           "buffers-2",
                                                           "buffers-65",
                                                           "buffers-200",
                                                           "no-buffer",
                                                           "buffers-too-many",
                                                           "other-flags",
                                                           "truncated-unix",
                                                           "truncated-udp",
                                                           "peek-tcp",
                                                           "fds-cloexec",
                                                           "errqueue4",
                                                           "eagain",
                                                           "nonblocking",
                                                           "ebadf",
                                                           "enotsock",
                                                           "efault-header",
                                                           "efault-vector",
                                                           "efault-buffer",
                                                           "end-of-stream",
                                                           "timeout",
                                                           "fork-child-receives",
                                                           "exec"}));
    ASSERT_TRUE(ended.Exited(0)) << ended.Text() << "\n" << ended.err;
    const Stream stream = ParseStream(ended.out);
    size_t lines = 0;
    const Calls strace = FromStrace(log.path(), lines);
    const Calls sockwarden = FromSockwarden(stream);
    EXPECT_GT(lines, 40u);
    EXPECT_EQ(stream.calls.size(), lines);
    for (const auto &[thread, calls] : strace) {
        const auto found = sockwarden.find(thread);
        ASSERT_NE(found, sockwarden.end()) << "no record of thread " << thread;
        EXPECT_EQ(found->second.size(), calls.size());
        for (size_t i = 0; i < std::min(calls.size(), found->second.size()); ++i) {
            EXPECT_TRUE(calls[i].Agrees(found->second[i])) << "call " << i + 1 << "\n  strace     " << calls[i].Text()
                                                           << "\n  sockwarden " << found->second[i].Text();
        }
    }
}

}  // namespace
}  // namespace live
