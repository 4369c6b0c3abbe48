// SPDX-License-Identifier: Apache-2.0
// What the guard kills for a moment after delivery, since only the reader of records knows it; and judges that come
// and go with the policies.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "actor.h"
#include "cases.h"
#include "delivered.h"
#include "group.h"
#include "guarding.h"
#include "options.h"

namespace guard {
namespace {

using enforced::MakePair;
using enforced::Pair;
using live::Chosen;

constexpr Kind kStream = kKinds[0];

using Act = std::function<void()>;

// That a child, which `first` made what it is, is killed once it has received this.
void IsKilled(const Pair &pair, const Act &first = nullptr, const Way &way = Ways().front()) {
    const Outcome outcome = InChild(pair, way, 5, first);
    Close(pair);
    EXPECT_TRUE(outcome.Died() && outcome.returned) << outcome.status;
}
void IsKilled(const std::string &bytes, const Act &first = nullptr) { IsKilled(Sent(kStream, bytes), first); }

// That it goes on.
void IsSpared(const Pair &pair, const Act &first = nullptr, const Way &way = Ways().front()) {
    const Outcome outcome = InChild(pair, way, 1, first);
    Close(pair);
    EXPECT_TRUE(outcome.Lived()) << outcome.status;
}
void IsSpared(const std::string &bytes, const Act &first = nullptr) { IsSpared(Sent(kStream, bytes), first); }

void BecomeNobody() {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) {
        ::_exit(2);
    }
}

TEST(Delivery, KillsByUnitAndContainer) {
    ASSERT_TRUE(HaveHierarchy());
    const std::string id(64, 'a');
    const Group unit("sockwarden-late.service"), container("docker-" + id + ".scope");
    Guarding guarding(Rule("unit", "payload == \"unit\" && process.unit == \"sockwarden-late.service\"", "kill") +
                      Rule("container", "payload == \"container\" && process.container == \"" + id + "\"", "kill"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    IsKilled("unit", [&] { unit.Enter(); });
    IsSpared("unit", [&] { container.Enter(); });
    IsSpared("unit");
    IsKilled("container", [&] { container.Enter(); });
    IsSpared("container", [&] { unit.Enter(); });
    EXPECT_EQ(enforced::Told(guarding.End()), "recvfrom:kill:unit recvfrom:kill:container");
}

TEST(Delivery, KillsByDescriptorsAndCredentials) {
    Guarding guarding(Rule("files", "fds.exists(f, f.path == \"/proc/version\")", "kill") +
                      Rule("claims", "payload.contains(\"claims\") && credentials", "kill"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Way with_files{"recvmsg", [](int socket, void *room, std::size_t size) -> ssize_t {
                             iovec part{room, size};
                             char control[256];
                             msghdr header{};
                             header.msg_iov = &part;
                             header.msg_iovlen = 1;
                             header.msg_control = control;
                             header.msg_controllen = sizeof(control);
                             return ::recvmsg(socket, &header, 0);
                         }};
    const auto with_file = [](const char *path) {
        const Pair pair = MakePair(SOCK_STREAM);
        const int file = ::open(path, O_RDONLY | O_CLOEXEC);
        EXPECT_EQ(enforced::SendFds(pair.near, "files", &file, 1), 5);
        ::close(file);
        return pair;
    };
    IsKilled(with_file("/proc/version"), nullptr, with_files);
    IsSpared(with_file("/proc/cmdline"), nullptr, with_files);
    const auto asking = [](int whether) {
        const Pair pair = MakePair(SOCK_STREAM);
        EXPECT_EQ(::setsockopt(pair.far, SOL_SOCKET, SO_PASSCRED, &whether, sizeof(whether)), 0);
        EXPECT_EQ(enforced::Send(pair.near, "claims"), 6);
        return pair;
    };
    IsKilled(asking(1), nullptr, with_files);
    IsSpared(asking(0), nullptr, with_files);
    EXPECT_EQ(enforced::Told(guarding.End()), "recvmsg:kill:files recvmsg:kill:claims");
}

// CAP_KILL is among what is kept.
TEST(Delivery, KillsWhatBelongsToAnotherUser) {
    Guarding guarding(KillsFor("delivery-secret"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    IsKilled(std::string(3000, 'x') + "delivery-secret", BecomeNobody);
    guarding.End();
}

TEST(Delivery, AsksOfAsMuchPayloadAsItIsTold) {
    Guarding guarding(KillsFor("delivery-secret"), "", {"--snaplen", "400"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    IsKilled(std::string(385, 'x') + "delivery-secret");
    IsSpared(std::string(386, 'x') + "delivery-secret");  // in doubt
    const std::vector<Json> told = guarding.End();
    EXPECT_EQ(enforced::Told(told), "recvfrom:kill:word recvfrom:allow:-");
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(live::At(told[1], "/verdict/alerts/0/certain"), Json(false)) << told[1];
}

constexpr const char *kForbidden =
    "  - {name: forbidden, when: 'event == \"connect\" && socket.remote.address == \"127.0.0.9\"', action: deny}\n";

TEST(Delivery, BeginsAndEndsWithTheRulesOfAReload) {
    ASSERT_TRUE(HaveHierarchy());
    Guarding guarding(kForbidden, "", {"--engine", "cgroup"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const auto dies = [] {
        const Pair pair = Sent(kStream, "delivery-secret");
        const bool died = InChild(pair, Ways().front()).Died();
        Close(pair);
        return died;
    };
    const auto reload = [&](const std::string &rules) {
        guarding.Write(rules);
        const live::Ended reloaded = live::Process({Chosen().sockwarden, "reload"}).Wait();
        EXPECT_TRUE(reloaded.Exited(0)) << reloaded.err;
    };
    EXPECT_FALSE(dies());
    reload(kForbidden + KillsFor("delivery-secret"));
    EXPECT_TRUE(dies());
    reload(kForbidden);
    EXPECT_FALSE(dies());
    reload(KillsFor("delivery-secret"));
    EXPECT_TRUE(dies());
    EXPECT_EQ(enforced::Told(guarding.End()), "recvfrom:kill:word*2");
}

// Two tasks whose numbers are equal modulo the number of places: the second has none while the first lives.
TEST(Delivery, KillsLateWhereTasksShareAPlace) {
    Guarding guarding(KillsFor("delivery-secret"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    constexpr pid_t kPlaces = 4096;
    const Pair quiet = MakePair(SOCK_STREAM);
    const pid_t waiting = ::fork();
    if (waiting == 0) {
        ::alarm(30);
        enforced::Receive(quiet.far);  // and the place is its own until it ends
        ::_exit(enforced::Receive(quiet.far) == "end" ? 0 : 1);
    }
    enforced::Send(quiet.near, "begin");
    ::usleep(200'000);
    const Pair pair = Sent(kStream, "delivery-secret");
    const pid_t number = waiting + kPlaces;
    clone_args args{};
    args.exit_signal = SIGCHLD;
    args.set_tid = reinterpret_cast<std::uintptr_t>(&number);
    args.set_tid_size = 1;
    const auto child = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
    if (child == 0) {
        ::alarm(20);
        enforced::Receive(pair.far);
        enforced::Send(quiet.near, "end");  // it is late: the call returned
        ::sleep(5);
        ::_exit(0);
    }
    ASSERT_EQ(child, number) << std::strerror(errno);
    Outcome outcome;
    ::waitpid(child, &outcome.status, 0);
    EXPECT_TRUE(outcome.Died()) << outcome.status;
    int status = 0;
    ::waitpid(waiting, &status, 0);
    EXPECT_EQ(status, 0);
    Close(pair);
    Close(quiet);
    EXPECT_EQ(enforced::Told(guarding.End()), "recvfrom:kill:word");
}

// By what systemd leaves a service of the package.
TEST(Delivery, KillsWithWhatItsUnitMayDo) {
    std::ifstream unit(SOCKWARDEN_UNIT);
    if (!unit || !std::filesystem::exists("/usr/bin/setpriv")) {
        GTEST_SKIP() << "in a guest there is neither the unit nor setpriv";
    }
    std::string bounding = "-all";
    for (std::string line; std::getline(unit, line);) {
        if (const std::string key = "CapabilityBoundingSet="; line.starts_with(key)) {
            std::istringstream names(line.substr(key.size()));
            for (std::string name; names >> name;) {
                bounding += ",+" + name.substr(4);
            }
        }
    }
    ASSERT_NE(bounding.find("+KILL"), std::string::npos) << bounding;
    const live::TemporaryFile policy;
    std::ofstream(policy.path()) << "version: 1\nname: trial\nrules:\n" << KillsFor("delivery-secret");
    live::Process process({"/usr/bin/setpriv", "--no-new-privs", "--bounding-set", bounding, Chosen().sockwarden,
                           "guard", "-w", "/dev/null", "--policy", policy.path()});
    ASSERT_TRUE(
        process.ReadUntil([&] { return process.err().find("hooks proven") != std::string::npos; }, live::Seconds(60)))
        << process.err();
    const Pair pair = Sent(kStream, "delivery-secret");
    EXPECT_TRUE(InChild(pair, Ways().front()).Died());
    Close(pair);
    IsKilled(std::string(3000, 'x') + "delivery-secret", BecomeNobody);
    process.Signal(SIGINT);
    EXPECT_TRUE(process.Wait().Exited(0));
}

// A command's guard is one that can be talked to, too.
TEST(Delivery, ReloadsTheRulesOfACommand) {
    ASSERT_TRUE(HaveHierarchy());
    const live::TemporaryFile policy;
    std::ofstream(policy.path()) << "version: 1\nname: trial\nrules:\n" << kForbidden;
    const std::string me = "/proc/" + std::to_string(::getpid()) + "/exe";
    int line[2];
    ASSERT_EQ(::pipe2(line, O_CLOEXEC), 0);
    live::Process process(
        {Chosen().sockwarden, "guard", "--engine", "cgroup", "-w", "/dev/null", "--policy", policy.path(), "--",
         "/bin/sh", "-c",
         me + " --actor receives_secret; echo first $?; read line; " + me + " --actor receives_secret; echo second $?"},
        {.in = line[0]});
    ASSERT_TRUE(
        process.ReadUntil([&] { return process.out().find("first 0") != std::string::npos; }, live::Seconds(60)))
        << process.out() << process.err();
    std::ofstream(policy.path()) << "version: 1\nname: trial\nrules:\n" << KillsFor("delivery-secret");
    const live::Ended reloaded = live::Process({Chosen().sockwarden, "reload"}).Wait();
    EXPECT_TRUE(reloaded.Exited(0)) << reloaded.err;
    EXPECT_EQ(::write(line[1], "\n", 1), 1);
    const live::Ended ended = process.Wait();
    ::close(line[0]);
    ::close(line[1]);
    EXPECT_NE(ended.out.find("second 137"), std::string::npos) << ended.out << ended.err;
}

}  // namespace
}  // namespace guard
