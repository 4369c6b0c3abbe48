// SPDX-License-Identifier: Apache-2.0
// `sockwarden policy` as a user calls it: what it prints, and its exit codes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "catalog/points.h"
#include "cli/commands.h"

namespace sockwarden {
namespace {

class PolicyCommand : public testing::Test {
protected:
    struct Ended {
        int code;
        std::string out, err;
    };

    ~PolicyCommand() override {
        for (const std::string &path : files_) {
            ::unlink(path.c_str());
        }
    }

    std::string file(std::string_view text) {
        std::string path = testing::TempDir() + "sockwarden-policy-XXXXXX";
        ::close(::mkstemp(path.data()));
        std::ofstream(path) << text;
        files_.push_back(path);
        return path;
    }

    static Ended run(std::vector<std::string> words) {
        CLI::App app;
        sockwarden::Run chosen;
        add_policy(app, chosen);
        std::ranges::reverse(words);
        words.emplace_back("policy");
        app.parse(words);
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int code = chosen();
        std::fflush(stdout);
        return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
    }

private:
    std::vector<std::string> files_;
};

constexpr std::string_view kGood = R"(version: 1
name: good
mode: audit
rules:
  - {name: no-root, when: process.uid == 0, action: deny, errno: EPERM}
  - {name: told, when: process.uid == 1, action: alert}
tests:
  - {given: {process.uid: 0}, expect: deny}
  - {given: {process.uid: 2}, expect: allow}
)";

// Where rules of an audit belong that programs of cgroups know too little for.
const std::string kAtDelivery =
    "    cgroup at delivery (" + std::string(point(PointId::cgroup_delivered).limits) + ")\n";

TEST_F(PolicyCommand, CheckPrintsRulesAndActions) {
    const std::string path = file(kGood);
    const Ended ended = run({"check", path});
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.err, "");
    EXPECT_EQ(ended.out,
              path +
                  ": good, audit, default allow\n"
                  "  no-root  deny EPERM\n"
                  "    guard  at connect\n"
                  "    guard  at send\n"
                  "    guard  at the receive call\n"
                  "    guard  at splice\n"
                  "    guard  at zero-copy\n"
                  "    guard  nowhere: accept, io_uring_accept, kernel, refused, fd_received: deny is not possible "
                  "there\n" +
                  kAtDelivery +
                  "    cgroup nowhere: sendmsg, sendmmsg, sendto, io_uring_send, io_uring_sendmsg, io_uring_out: other "
                  "sockets "
                  "do not pass a send to a name in a cgroup: ask socket.family for one of AF_UNIX AF_INET AF_INET6 and "
                  "socket.type for one of SOCK_DGRAM\n"
                  "    cgroup nowhere: connect, io_uring_connect: other sockets do not pass connect in a cgroup: ask "
                  "socket.family for one of AF_UNIX AF_INET AF_INET6\n"
                  "    run    at connecting\n"
                  "    run    at sending\n"
                  "    run    at receiving\n"
                  "  told     alert\n"
                  "    guard  at connect\n"
                  "    guard  at send\n"
                  "    guard  at the receive call\n"
                  "    guard  at splice\n"
                  "    guard  at zero-copy\n"
                  "    guard  at a passed descriptor: fd_received (those behind a refused one of the same message are "
                  "lost, too; senders are what all agree on who gave over the socket)\n"
                  "    guard  nowhere: accept, io_uring_accept, kernel, refused: what it asks is certain nowhere "
                  "then\n" +
                  kAtDelivery +
                  "    run    at connecting\n"
                  "    run    at sending\n"
                  "    run    at receiving\n"
                  "guard: `sockwarden guard` enforces there, for every process, on kernels that let it\n"
                  "cgroup: `sockwarden guard --engine cgroup` does there, also on kernels that do not\n"
                  "run: `sockwarden run` enforces there, for one command, without privilege\n");
}

TEST_F(PolicyCommand, CheckSaysEveryMistakeOfEveryFile) {
    const std::string bad = file("version: 1\nname: bad\nrules:\n  - {name: a, when: proces.uid == 0, action: deny}\n");
    const std::string worse = file("[");
    const Ended ended = run({"check", bad, file(kGood), worse});
    EXPECT_EQ(ended.code, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_TRUE(ended.err.starts_with(bad + ":4:21: there is no fact proces.uid; did you mean process.uid?\n"))
        << ended.err;
    EXPECT_NE(ended.err.find(worse + ":1:"), std::string::npos) << ended.err;
    EXPECT_TRUE(ended.err.ends_with("sockwarden: 2 mistakes in policies\n")) << ended.err;
}

TEST_F(PolicyCommand, FilesThatCannotBeRead) {
    const Ended missing = run({"check", "/no/such/file"});
    EXPECT_EQ(missing.code, 2);
    EXPECT_EQ(missing.err, "sockwarden: cannot read /no/such/file: No such file or directory\n");
    EXPECT_EQ(run({"check", "/"}).err, "sockwarden: there is no policy in /: no file ends in .yaml\n");
    const Ended endless = run({"check", "/dev/zero"});
    EXPECT_EQ(endless.code, 2);
    EXPECT_NE(endless.err.find("at most 1048576 bytes"), std::string::npos) << endless.err;
}

TEST_F(PolicyCommand, TwoPoliciesOfOneNameAreRefused) {
    const Ended ended = run({"check", file(kGood), file(kGood)});
    EXPECT_EQ(ended.code, 2);
    EXPECT_NE(ended.err.find("are both called good"), std::string::npos) << ended.err;
}

TEST_F(PolicyCommand, TestSaysWhatFailed) {
    const std::string good = file(kGood);
    EXPECT_EQ(run({"test", good}).out, good + ": 2 of 2 tests passed\n");
    const std::string bad = file(std::string(kGood) + "  - {name: third, given: {process.uid: 0}, expect: allow}\n");
    const Ended ended = run({"test", bad});
    EXPECT_EQ(ended.code, 1);
    EXPECT_EQ(ended.out, bad + ": 2 of 3 tests passed\n");
    EXPECT_EQ(ended.err, bad + ":10:5: test third: expected allow, and it is deny by the rule no-root\n");
}

TEST_F(PolicyCommand, RecordsAreJudged) {
    const std::string records = file(R"({"event":"start","schema":1}
{"event":"recvmsg","seq":1,"process":{"pid":7,"uid":0,"comm":"a\u001bb"}}
{"event":"recvmsg","seq":2,"process":{"pid":8,"uid":2,"comm":"b"}}
{"event":"read","seq":3,"process":{"pid":9,"uid":1,"comm":"c"}}
{"event":"read","seq":4,"process":{"pid":10,"uid":null,"comm":"d"},"missing":{"process.uid":"gone"}}
{"event":"stop","seq":5}
)");
    const std::string policy = file(kGood);
    const Ended ended = run({"test", policy, "--records", records});
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.out, policy + ": 2 of 2 tests passed\n" +
                             "1 recvmsg 7 a\\x1bb: deny by good/no-root, audit\n"
                             "3 read 9 c: alert by good/told\n"
                             "4 read 10 d: deny by good/no-root, uncertain, audit\n"
                             "4 messages: 1 alert, 2 allow, 2 deny\n");
    const Ended broken = run({"test", policy, "--records", file("{\"event\":\"start\"}\nnonsense\n")});
    EXPECT_EQ(broken.code, 1);
    EXPECT_NE(broken.err.find(":2: not a record of `sockwarden trace -o json`"), std::string::npos) << broken.err;
    EXPECT_EQ(run({"test", policy, "--records", "/no/such/file"}).code, 1);
}

TEST_F(PolicyCommand, FactsAreListed) {
    EXPECT_TRUE(run({"facts"}).out.starts_with("FACT "));
    EXPECT_TRUE(run({"facts", "-o", "json"}).out.starts_with("{\"fact\":\"event\""));
    const Ended wrong = run({"facts", "-o", "jsn"});
    EXPECT_EQ(wrong.code, 2);
    EXPECT_NE(wrong.err.find("did you mean json?"), std::string::npos);
}

}  // namespace
}  // namespace sockwarden
