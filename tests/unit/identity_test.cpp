// SPDX-License-Identifier: Apache-2.0
// Who a process is and which socket it was.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "identity/cgroup.h"
#include "identity/process.h"
#include "identity/socket.h"
#include "records.h"

namespace sockwarden {
namespace {

using namespace std::string_view_literals;

const std::string kId(64, 'a');

TEST(JoinPath, TurnsLeafFirstAround) {
    const auto join = [](std::string_view names) { return join_path(as_bytes_of(names)); };
    EXPECT_EQ(join("cat\0bin\0usr\0"sv), "/usr/bin/cat");
    EXPECT_EQ(join("x\0"sv), "/x");
    EXPECT_EQ(join("x"sv), "/x");
    EXPECT_EQ(join(""sv), "/");
    EXPECT_EQ(join("\0\0\0"sv), "/");
    EXPECT_EQ(join("a\0\0b"sv), "/b/a");
    EXPECT_EQ(join("\xff\0"sv), "/\xff");
}

TEST(Cgroup, UnitIsTheInnermost) {
    EXPECT_EQ(unit_of_cgroup("/"), "");
    EXPECT_EQ(unit_of_cgroup(""), "");
    EXPECT_EQ(unit_of_cgroup("/system.slice/dbus.service"), "dbus.service");
    EXPECT_EQ(unit_of_cgroup("/system.slice/ssh.socket"), "ssh.socket");
    EXPECT_EQ(unit_of_cgroup("/init.scope"), "init.scope");
    EXPECT_EQ(unit_of_cgroup("/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope"), "app-x.scope");
    EXPECT_EQ(unit_of_cgroup("/user.slice/user-1000.slice/session-3.scope"), "session-3.scope");
    EXPECT_EQ(unit_of_cgroup("/system.slice/x.service/inner"), "x.service");
    EXPECT_EQ(unit_of_cgroup("/a.slice"), "");
}

TEST(Cgroup, ContainerOfEachRuntime) {
    for (const std::string &cgroup : {
             "/system.slice/docker-" + kId + ".scope",
             "/docker/" + kId,
             "/system.slice/docker-" + kId + ".scope/init",
             "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podab_cd.slice/cri-containerd-" + kId +
                 ".scope",
             "/system.slice/containerd.service/kubepods-besteffort-podx.slice:cri-containerd:" + kId,
             "/kubepods/burstable/pod12-34/" + kId,
             "/kubepods.slice/kubepods-podx.slice/crio-" + kId + ".scope",
             "/kubepods.slice/kubepods-podx.slice/crio-" + kId + ".scope/container",
             "/machine.slice/libpod-" + kId + ".scope",
             "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope/container",
             "/libpod_parent/libpod-" + kId,
             "/system.slice/docker-" + kId + ".scope/system.slice/dbus.service",
         }) {
        EXPECT_EQ(container_of_cgroup(cgroup), kId) << cgroup;
    }
}

TEST(Cgroup, NoContainerOutsideOfOne) {
    for (const std::string &cgroup :
         {std::string(""), std::string("/"), std::string("/system.slice/docker.service"), "/docker/" + kId.substr(1),
          "/docker/" + kId + "a", "/docker/" + std::string(64, 'g'), "/machine.slice/libpod-conmon-" + kId + ".scope",
          "/kubepods.slice/crio-conmon-" + kId + ".scope"}) {
        EXPECT_EQ(container_of_cgroup(cgroup), "") << cgroup;
    }
}

TEST(Cgroup, NestedContainerIsTheInnermost) {
    const std::string inner(64, 'b');
    EXPECT_EQ(container_of_cgroup("/docker/" + kId + "/docker/" + inner), inner);
}

TEST(Cgroup, NspawnMachines) {
    EXPECT_EQ(container_of_cgroup("/machine.slice/systemd-nspawn@web.service/payload/system.slice/x.service"), "web");
    EXPECT_EQ(container_of_cgroup(R"(/machine.slice/systemd-nspawn@my\x2dweb.service)"), "my-web");
    EXPECT_EQ(container_of_cgroup("/machine.slice/machine-web.scope"), "web");
    EXPECT_EQ(container_of_cgroup(R"(/machine.slice/machine-qemu\x2d1\x2dvm.scope)"), "") << "a virtual machine";
    EXPECT_EQ(container_of_cgroup(R"(/machine.slice/systemd-nspawn@a\x2.service)"), R"(a\x2)") << "no whole escape";
}

TEST(Cgroup, PodOfBothDrivers) {
    const std::string uid = "0d1e2c3b-4a59-6877-8695-a4b3c2d1e0f1";
    for (const std::string &cgroup : {
             std::string("/kubepods.slice/kubepods-burstable.slice/"
                         "kubepods-burstable-pod0d1e2c3b_4a59_6877_8695_a4b3c2d1e0f1.slice/cri-containerd-") +
                 kId + ".scope",
             std::string("/kubepods.slice/kubepods-pod0d1e2c3b_4a59_6877_8695_a4b3c2d1e0f1.slice"),
             "/kubepods/besteffort/pod" + uid + "/" + kId,
             "/system.slice/containerd.service/kubepods-besteffort-pod0d1e2c3b_4a59_6877_8695_a4b3c2d1e0f1.slice:"
             "cri-containerd:" +
                 kId,
         }) {
        EXPECT_EQ(pod_of_cgroup(cgroup), uid) << cgroup;
    }
    EXPECT_EQ(pod_of_cgroup("/kubepods/burstable/pod" + std::string(32, 'e') + "/" + kId), std::string(32, 'e'));
    for (const std::string &cgroup :
         {std::string(""), std::string("/kubepods.slice"), "/pod" + uid, std::string("/kubepods/podx"),
          "/docker/" + kId, "/kubepods/pod" + uid + "0", std::string("/kubepods.slice/.slice")}) {
        EXPECT_EQ(pod_of_cgroup(cgroup), "") << cgroup;
    }
}

test::Record process_with(std::uint32_t pid, std::uint64_t time) {
    wire::process_record record{};
    record.head.time = time;
    record.head.kind = wire::RECORD_PROCESS;
    record.pid = pid;
    record.exe_size = 2;
    return test::record_of(record, "x\0"sv);
}

TEST(ProcessTable, ForgetsTheOldestPastItsLimit) {
    ProcessTable table(100);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        table.learn(process_with(0x7f000000 + i, i));
    }
    EXPECT_LE(table.size(), 101U);
    EXPECT_TRUE(table.find({0, 0x7f000000 + 999, 0}, 1000).described) << "the youngest is kept";
    EXPECT_FALSE(table.find({0, 0x7f000000, 0}, 1000).described);
}

TEST(ProcessTable, IsBoundedWhenDescriptionsAreLost) {
    ProcessTable table(100);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        table.find({0, 0x7f000000 + i, 0}, i);
        table.find_pid(0x7e000000 + i, i);
    }
    EXPECT_LE(table.size(), 101U);
}

TEST(ProcessTable, IsBoundedWhenAllWereSeenAtOneTime) {
    ProcessTable table(100);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        table.learn(process_with(0x7f000000 + i, 5));
    }
    EXPECT_LE(table.size(), 101U);
}

TEST(ProcessTable, KeepsImagesOfOnePidApart) {
    ProcessTable table;
    wire::process_record record{};
    record.pid = 0x7f000001;
    record.exe_size = 2;
    record.exec = 1;
    table.learn(test::record_of(record, "a\0"sv));
    record.exec = 2;
    table.learn(test::record_of(record, "b\0"sv));
    EXPECT_EQ(table.find({0, 0x7f000001, 1}, 0).exe, "/a");
    EXPECT_EQ(table.find({0, 0x7f000001, 2}, 0).exe, "/b");
    EXPECT_NE(table.find({0, 0x7f000001, 1}, 0).id, table.find({0, 0x7f000001, 2}, 0).id);
}

TEST(ProcessTable, TellsWhatProcKnowsOfAProcessThatWasNotDescribed) {
    ProcessTable table;
    const Process &self = table.find({1, static_cast<std::uint32_t>(::getpid()), 0}, 0);
    EXPECT_FALSE(self.described);
    EXPECT_EQ(self.uid, ::getuid());
    EXPECT_EQ(self.ppid, static_cast<std::uint32_t>(::getppid()));
    EXPECT_TRUE(self.exe.ends_with("/unit_tests")) << self.exe;
}

TEST(SocketTable, ForgetsTheOldestPastItsLimit) {
    SocketTable table(100);
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        test::Record record = test::socket_record();
        auto *head = reinterpret_cast<wire::socket_record *>(record.data());
        head->key = i;
        head->head.time = i;
        table.learn(record);
    }
    EXPECT_LE(table.size(), 101U);
    EXPECT_NE(table.find(1000, 1000), nullptr);
    EXPECT_EQ(table.find(1, 1000), nullptr);
}

TEST(SocketTable, ANewDescriptionReplacesTheOld) {
    SocketTable table;
    table.learn(test::socket_record("/a"));
    table.learn(test::socket_record("/b"));
    EXPECT_EQ(table.find(7, 0)->local, "\1\0/b"sv);
}

TEST(SocketTable, IgnoresSizesThatLie) {
    SocketTable table;
    test::Record record = test::socket_record();
    reinterpret_cast<wire::socket_record *>(record.data())->local_size = 129;
    table.learn(record);
    EXPECT_EQ(table.find(7, 0), nullptr);
}

}  // namespace
}  // namespace sockwarden
