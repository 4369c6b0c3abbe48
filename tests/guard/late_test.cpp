// SPDX-License-Identifier: Apache-2.0
// What the guard kills for a moment after delivery, since only the reader of records knows it; and judges that come
// and go with the policies.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

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
    Guarding guarding(
        Rule("unit", "payload == \"late-unit\" && process.unit == \"sockwarden-late.service\"", "kill") +
        Rule("container", "payload == \"late-container\" && process.container == \"" + id + "\"", "kill"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    IsKilled("late-unit", [&] { unit.Enter(); });
    IsSpared("late-unit", [&] { container.Enter(); });
    IsSpared("late-unit");
    IsKilled("late-container", [&] { container.Enter(); });
    IsSpared("late-container", [&] { unit.Enter(); });
    EXPECT_EQ(enforced::Told(guarding.End()), "recvfrom:kill:unit recvfrom:kill:container");
}

TEST(Delivery, KillsByDescriptorsAndCredentials) {
    Guarding guarding(Rule("files", "payload == \"late-files\" && fds.exists(f, f.path == \"/proc/version\")", "kill") +
                      Rule("claims", "payload == \"late-claims\" && credentials", "kill"));
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
        EXPECT_EQ(enforced::SendFds(pair.near, "late-files", &file, 1), 10);
        ::close(file);
        return pair;
    };
    IsKilled(with_file("/proc/version"), nullptr, with_files);
    IsSpared(with_file("/proc/cmdline"), nullptr, with_files);
    const auto asking = [](int whether) {
        const Pair pair = MakePair(SOCK_STREAM);
        EXPECT_EQ(::setsockopt(pair.far, SOL_SOCKET, SO_PASSCRED, &whether, sizeof(whether)), 0);
        EXPECT_EQ(enforced::Send(pair.near, "late-claims"), 11);
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

// For connections; before Linux 6.8 there are none for UNIX sockets.
bool HasCgroupPrograms() {
    utsname about{};
    ::uname(&about);
    int major = 0, minor = 0;
    std::sscanf(about.release, "%d.%d", &major, &minor);
    return std::pair(major, minor) >= std::pair(6, 8);
}

constexpr const char *kForbidden =
    "  - {name: forbidden, when: 'event == \"connect\" && socket.remote.address == \"127.0.0.9\"', action: deny}\n";

TEST(Delivery, BeginsAndEndsWithTheRulesOfAReload) {
    if (!HasCgroupPrograms()) {
        GTEST_SKIP() << "the programs of cgroups need Linux 6.8";
    }
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

// A child with the same number modulo `places` as a task that lives; it receives.
pid_t ForkAtPlaceOf(pid_t task, pid_t places, const std::function<void()> &act) {
    for (pid_t number = task % places + places; number < 32768; number += places) {
        clone_args args{};
        args.exit_signal = SIGCHLD;
        args.set_tid = reinterpret_cast<std::uintptr_t>(&number);
        args.set_tid_size = 1;
        const auto child = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
        if (child == 0) {
            act();
            ::_exit(0);
        }
        if (child > 0 || errno != EEXIST) {
            return child;
        }
    }
    return -1;
}

// Two tasks whose numbers are equal modulo the number of places: the second has none while the first lives.
TEST(Delivery, KillsLateWhereTasksShareAPlace) {
    Guarding guarding(KillsFor("delivery-secret"));
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Pair talk = MakePair(SOCK_STREAM);
    const pid_t first = ::fork();
    if (first == 0) {
        ::alarm(30);
        enforced::Receive(talk.far);  // and the place is its own until it ends
        enforced::Send(talk.far, "has it");
        ::_exit(enforced::Receive(talk.far) == "end" ? 0 : 1);
    }
    enforced::Send(talk.near, "begin");
    EXPECT_EQ(enforced::Receive(talk.near), "has it");
    const Pair pair = Sent(kStream, "delivery-secret");
    const Flag returned;
    const pid_t second = ForkAtPlaceOf(first, 4096, [&] {
        ::alarm(20);
        enforced::Receive(pair.far);
        *returned = true;
        ::sleep(5);
    });
    EXPECT_GT(second, 0) << std::strerror(errno);
    Outcome outcome;
    ::waitpid(second, &outcome.status, 0);
    EXPECT_TRUE(outcome.Died() && *returned) << outcome.status;
    enforced::Send(talk.near, "end");
    int status = 0;
    ::waitpid(first, &status, 0);
    EXPECT_EQ(status, 0);
    Close(pair);
    Close(talk);
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
    if (!HasCgroupPrograms()) {
        GTEST_SKIP() << "the programs of cgroups need Linux 6.8";
    }
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
