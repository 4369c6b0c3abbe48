// SPDX-License-Identifier: Apache-2.0
// What the guard refuses by programs of cgroups, on kernels that refuse it its own: connections, datagrams to a name,
// content of UDP; of every process, of a cgroup, of one command.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signal.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <tuple>

#include "actor.h"
#include "cases.h"
#include "group.h"
#include "guarding.h"
#include "names.h"
#include "options.h"
#include "traffic/uring.h"

namespace guard {
namespace {

using live::Chosen;

const std::vector<std::string> kByCgroups{"--engine", "cgroup"};

long Got(ssize_t result) { return result < 0 ? -errno : result; }

class Socket {
public:
    explicit Socket(int family, int type = SOCK_DGRAM)
        : fd_(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    ~Socket() { ::close(fd_); }
    int fd() const { return fd_; }

private:
    int fd_;
};

using enforced::Inet;
using enforced::Inet6;
using enforced::Name;

// A path, or behind "@" an abstract name.
Name Unix(const std::string &text) {
    return text.starts_with('@') ? enforced::Abstract(text.substr(1)) : enforced::Path(text);
}

long Connect(const Name &name, int type = SOCK_STREAM) {
    const Socket socket(name.bytes.ss_family, type);
    return Got(::connect(socket.fd(), name.get(), name.size));
}

long SendTo(const Name &name, const std::string &bytes = "x") {
    const Socket socket(name.bytes.ss_family);
    return Got(::sendto(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL, name.get(), name.size));
}

// Bound to a name, and listening where the type does that.
class Served : public Socket {
public:
    explicit Served(const Name &name, int type = SOCK_DGRAM) : Socket(name.bytes.ss_family, type), name_(name) {
        if (const auto &in = reinterpret_cast<const sockaddr_un &>(name.bytes);
            in.sun_family == AF_UNIX && in.sun_path[0] != 0) {
            ::unlink(in.sun_path);
        }
        EXPECT_EQ(::bind(fd(), name_.get(), name_.size), 0) << strerror(errno);
        EXPECT_TRUE(type == SOCK_DGRAM || ::listen(fd(), 64) == 0);
        ::getsockname(fd(), name_.get(), &name_.size);
    }
    const Name &name() const { return name_; }
    std::string Receive(int tries = 20) const {
        char bytes[65536];
        ssize_t got = -1;
        for (int i = 0; i < tries && (got = ::recv(fd(), bytes, sizeof(bytes), 0)) < 0; ++i) {
            ::usleep(5000);
        }
        return got < 0 ? "nothing" : std::string(bytes, static_cast<std::size_t>(got));
    }

private:
    Name name_;
};

std::string Told(Guarding &guarding) { return enforced::Told(guarding.End()); }

class CgroupGuard : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(HaveHierarchy()) << strerror(errno); }
};

TEST_F(CgroupGuard, RefusesConnectionsByAddress) {
    const Served open(Inet("127.0.0.1", 0), SOCK_STREAM), open6(Inet6("::1", 0), SOCK_STREAM);
    Guarding guarding(R"(
  - {name: four, when: 'event == "connect" && socket.remote.address == "127.0.0.9"', action: deny, errno: ECONNREFUSED}
  - {name: six, when: 'event == "connect" && socket.remote.address == "fd00::9"', action: deny, errno: EHOSTUNREACH}
  - {name: port, when: 'event == "connect" && socket.remote.port == 7777 && socket.type == "SOCK_DGRAM"', action: deny}
)",
                      "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(Connect(Inet("127.0.0.9", 80)), -ECONNREFUSED);
    EXPECT_EQ(Connect(Inet6("::ffff:127.0.0.9", 80)), -ECONNREFUSED);
    EXPECT_EQ(Connect(Inet6("fd00::9", 80)), -EHOSTUNREACH);
    EXPECT_EQ(Connect(Inet("127.0.0.1", 7777), SOCK_DGRAM), -EACCES);
    EXPECT_EQ(Connect(Inet6("::1", 7777), SOCK_DGRAM), -EACCES);
    EXPECT_EQ(Connect(open.name()), -EINPROGRESS);
    EXPECT_EQ(Connect(open6.name()), -EINPROGRESS);
    EXPECT_EQ(Connect(Inet("127.0.0.1", 7778), SOCK_DGRAM), 0);
    const std::vector<live::Json> told = guarding.End();
    EXPECT_EQ(enforced::Told(told), "connect:deny:four*2 connect:deny:six connect:deny:port*2");
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told[0]["args"]["addr"]["address"], "127.0.0.9");
    EXPECT_EQ(told[0]["engine"], "cgroup");
    EXPECT_EQ(told[0]["errno"], "ECONNREFUSED");
}

constexpr const char *kVictim = R"(
  - {name: victim, when: 'event in ["connect", "io_uring_connect"] && socket.remote.path == "/tmp/cgroup-victim"', action: deny}
)";

// Each way to name the file, and its like that lead elsewhere.
TEST_F(CgroupGuard, RefusesConnectionsByWhereAPathLeads) {
    const std::string folder = "/tmp/cgroup-paths";
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    ::mkdir(folder.c_str(), 0755);
    const Served other(Unix(folder + "/cgroup-victim"), SOCK_STREAM);
    const std::pair<const char *, const char *> links[] = {{"/tmp/cgroup-victim", "to-victim"},
                                                           {"to-victim", "to-link"},
                                                           {"/tmp", "to-tmp"},
                                                           {"cgroup-victim", "to-other"},
                                                           {"/tmp/cgroup-paths/../cgroup-victim", "winding"},
                                                           {"loop", "loop"}};
    for (const auto &[target, name] : links) {
        ::unlink((folder + "/" + name).c_str());
        ASSERT_EQ(::symlink(target, (folder + "/" + name).c_str()), 0);
    }
    Guarding guarding(kVictim, "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    char start[4096];
    ASSERT_NE(::getcwd(start, sizeof(start)), nullptr);
    ASSERT_EQ(::chdir(folder.c_str()), 0);
    for (const char *path :
         {"/tmp/cgroup-victim", "//tmp//./cgroup-victim", "/tmp/../tmp/cgroup-victim", "/../tmp/cgroup-victim",
          "../cgroup-victim", "./../cgroup-victim", "to-victim", "to-link", "to-tmp/cgroup-victim", "winding",
          "/tmp/cgroup-paths/to-tmp/cgroup-paths/to-link", "to-tmp/../tmp/cgroup-victim"}) {
        EXPECT_EQ(Connect(Unix(path)), -EACCES) << path;
    }
    for (const char *path : {"cgroup-victim", "./cgroup-victim", "to-other", "to-tmp/cgroup-paths/cgroup-victim",
                             "/tmp/cgroup-paths/to-other", "../cgroup-paths/cgroup-victim"}) {
        EXPECT_EQ(Connect(Unix(path)), 0) << path;
    }
    EXPECT_EQ(Connect(Unix("cgroup-victim/x")), -ENOTDIR);
    // What the kernel's cache does not tell is in doubt.
    EXPECT_EQ(Connect(Unix("/proc/self/cwd/cgroup-victim")), -EACCES);
    EXPECT_EQ(Connect(Unix("loop")), -EACCES);
    ASSERT_EQ(::chdir(start), 0);
    EXPECT_EQ(Told(guarding), "connect:deny:victim*12 connect:deny:victim?*2");
}

// In another root, and in another mount namespace.
TEST_F(CgroupGuard, RefusesConnectionsByWhereAPathLeadsElsewhere) {
    const std::string folder = "/tmp/cgroup-paths";
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    ::mkdir(folder.c_str(), 0755);
    const Served other(Unix(folder + "/other"), SOCK_STREAM);
    Guarding guarding(kVictim, "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const auto apart = [](const std::function<std::vector<long>()> &act) {
        const pid_t child = ::fork();
        if (child == 0) {
            const std::vector<long> got = act();
            int wrong = 0;
            for (std::size_t i = 0; i + 1 < got.size(); i += 2) {
                wrong += got[i] == got[i + 1] ? 0 : 1 << (i / 2);
            }
            ::_exit(wrong);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return status;
    };
    EXPECT_EQ(apart([] {
                  return std::vector<long>{::chroot("/tmp"),
                                           0,
                                           ::chdir("/"),
                                           0,
                                           Connect(Unix("/cgroup-victim")),
                                           -EACCES,
                                           Connect(Unix("../../cgroup-victim")),
                                           -EACCES,
                                           Connect(Unix("/cgroup-paths/other")),
                                           0};
              }),
              0);
    std::ofstream("/tmp/cgroup-paths/over") << "";
    ::mkdir("/tmp/cgroup-paths/below", 0755);
    EXPECT_EQ(apart([] {
                  return std::vector<long>{
                      ::unshare(CLONE_NEWNS),
                      0,
                      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr),
                      0,
                      ::mount("/tmp/cgroup-victim", "/tmp/cgroup-paths/over", nullptr, MS_BIND, nullptr),
                      0,
                      ::mount("/tmp", "/tmp/cgroup-paths/below", nullptr, MS_BIND, nullptr),
                      0,
                      Connect(Unix("/tmp/cgroup-paths/over")),
                      -EACCES,
                      Connect(Unix("/tmp/cgroup-paths/below/cgroup-victim")),
                      -EACCES,
                      Connect(Unix("/tmp/cgroup-paths/below/cgroup-paths/other")),
                      0,
                      Connect(Unix("/tmp/cgroup-paths/below/../../cgroup-victim")),
                      -EACCES};
              }),
              0);
    // More mounts over each other than are followed are in doubt.
    EXPECT_EQ(apart([] {
                  std::vector<long> got{::unshare(CLONE_NEWNS), 0,
                                        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0};
                  for (int i = 0; i < 16; ++i) {
                      got.insert(
                          got.end(),
                          {::mount("/tmp/cgroup-paths/other", "/tmp/cgroup-paths/over", nullptr, MS_BIND, nullptr), 0});
                  }
                  got.insert(got.end(),
                             {::mount("/tmp/cgroup-victim", "/tmp/cgroup-paths/over", nullptr, MS_BIND, nullptr), 0,
                              Connect(Unix("/tmp/cgroup-paths/over")), -EACCES});
                  return got;
              }),
              0);
    EXPECT_EQ(Told(guarding), "connect:deny:victim*5 connect:deny:victim?");
}

TEST_F(CgroupGuard, LooksThroughFoldersOfManyFiles) {
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    const std::string folder = "/tmp/cgroup-many";
    ::mkdir(folder.c_str(), 0755);
    const Served first(Unix(folder + "/first"), SOCK_STREAM);
    for (int i = 0; i < 3000; ++i) {
        std::ofstream(folder + "/" + std::to_string(i)) << "";
    }
    Guarding guarding(kVictim, "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(Connect(Unix(folder + "/first")), 0);
    EXPECT_EQ(Connect(Unix(folder + "/2999")), -ECONNREFUSED);
    EXPECT_EQ(Connect(Unix(folder + "/../cgroup-victim")), -EACCES);
    constexpr int kTooMany = 66000;  // behind so many newer ones it is in doubt
    for (int i = 3000; i < kTooMany; ++i) {
        ::close(::open((folder + "/" + std::to_string(i)).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    EXPECT_EQ(Connect(Unix(folder + "/first")), -EACCES);
    std::filesystem::remove_all(folder);
    EXPECT_EQ(Told(guarding), "connect:deny:victim connect:deny:victim?");
}

TEST_F(CgroupGuard, RefusesAbstractNames) {
    const Served secret(Unix("@cgroup-secret"), SOCK_SEQPACKET), other(Unix("@cgroup-secret2"), SOCK_SEQPACKET);
    Guarding guarding(R"(
  - {name: secret, when: 'event == "connect" && socket.remote.abstract == "cgroup-secret"', action: deny, errno: EPERM}
)",
                      "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(Connect(Unix("@cgroup-secret"), SOCK_SEQPACKET), -EPERM);
    EXPECT_EQ(Connect(Unix("@cgroup-secret2"), SOCK_SEQPACKET), 0);
    const live::Json told = guarding.End().at(0);
    EXPECT_EQ(told["args"]["addr"]["abstract"], "cgroup-secret");
}

TEST_F(CgroupGuard, RefusesDatagramsToAName) {
    const Served udp(Inet("127.0.0.1", 0)), udp6(Inet6("::1", 0)), log(Unix("/tmp/cgroup-log")),
        secret(Unix("@cgroup-log"));
    const in_port_t port = ntohs(reinterpret_cast<const sockaddr_in &>(udp.name().bytes).sin_port);
    const in_port_t port6 = ntohs(reinterpret_cast<const sockaddr_in6 &>(udp6.name().bytes).sin6_port);
    Guarding guarding(
        "  - {name: udp, when: 'event in [\"sendto\", \"sendmsg\", \"sendmmsg\"] && socket.type == \"SOCK_DGRAM\" && "
        "socket.remote.port in [" +
            std::to_string(port) + ", " + std::to_string(port6) +
            "]', action: deny}\n"
            "  - {name: log, when: 'event == \"sendto\" && socket.type == \"SOCK_DGRAM\" && socket.remote.path == "
            "\"/tmp/cgroup-log\"', action: deny, errno: ENOBUFS}\n"
            "  - {name: secret, when: 'event == \"sendto\" && socket.type == \"SOCK_DGRAM\" && "
            "socket.remote.abstract == \"cgroup-log\"', action: deny}\n",
        "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(SendTo(udp.name()), -EACCES);
    EXPECT_EQ(SendTo(udp6.name()), -EACCES);
    EXPECT_EQ(SendTo(log.name()), -ENOBUFS);
    EXPECT_EQ(SendTo(secret.name()), -EACCES);
    EXPECT_EQ(udp.Receive(3), "nothing");
    EXPECT_EQ(log.Receive(3), "nothing");
    // The second message of a batch.
    const Served free(Inet("127.0.0.1", 0));
    const Socket sender(AF_INET);
    Name to[2] = {free.name(), udp.name()};
    iovec part{const_cast<char *>("y"), 1};
    mmsghdr batch[2]{};
    for (int i = 0; i < 2; ++i) {
        batch[i].msg_hdr = {to[i].get(), to[i].size, &part, 1, nullptr, 0, 0};
    }
    EXPECT_EQ(Got(::sendmmsg(sender.fd(), batch, 2, 0)), 1);
    EXPECT_EQ(free.Receive(), "y");
    // Over a connection nobody is asked, as `policy check` says.
    EXPECT_EQ(::connect(sender.fd(), udp.name().get(), udp.name().size), 0);
    EXPECT_EQ(Got(::send(sender.fd(), "z", 1, 0)), 1);
    EXPECT_EQ(udp.Receive(), "z");
    EXPECT_EQ(Told(guarding), "sendto:deny:udp*2 sendto:deny:log sendto:deny:secret sendmmsg:deny:udp");
}

TEST_F(CgroupGuard, DropsDatagramsByTheirContent) {
    const Served four(Inet("127.0.0.1", 0)), six(Inet6("::1", 0));
    Guarding guarding(R"(
  - name: word
    when: socket.family in ["AF_INET", "AF_INET6"] && socket.type == "SOCK_DGRAM" && payload.contains("forbidden")
    action: drop
)",
                      "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const std::string far = std::string(4000, 'a') + "forbidden", beyond = std::string(20000, 'a');
    for (const Served *to : {&four, &six}) {
        EXPECT_EQ(SendTo(to->name(), "a forbidden word"), 16);
        EXPECT_EQ(SendTo(to->name(), far), static_cast<long>(far.size()));
        EXPECT_EQ(SendTo(to->name(), ""), 0);
        EXPECT_EQ(SendTo(to->name(), "a word"), 6);
        EXPECT_EQ(to->Receive(), "");
        EXPECT_EQ(to->Receive(), "a word");
        EXPECT_EQ(SendTo(to->name(), beyond), 20000);  // in doubt behind 4 KiB
        EXPECT_EQ(to->Receive(3), "nothing");
    }
    const std::vector<live::Json> told = guarding.End();
    EXPECT_EQ(enforced::Told(told), "refused:drop:word*2 refused:drop:word? refused:drop:word*2 refused:drop:word?");
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told[0]["payload"]["length"], 16);
}

TEST_F(CgroupGuard, IoUringIsNoWayRound) {
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    Guarding guarding(kVictim, "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket socket(AF_UNIX, SOCK_STREAM);
    io_uring_sqe request{};
    request.opcode = IORING_OP_CONNECT;
    request.fd = socket.fd();
    request.addr = reinterpret_cast<std::uint64_t>(victim.name().get());
    request.off = victim.name().size;
    traffic::Uring ring;
    ring.Submit(request);
    EXPECT_EQ(ring.Await().res, -EACCES);
    EXPECT_EQ(Told(guarding), "io_uring_connect:deny:victim");
}

// A cgroup and what is below it: sockets are of the cgroup that they were made in.
constexpr const char *kName = R"(
  - {name: name, when: 'event == "connect" && socket.remote.abstract == "sockwarden-run-secret"', action: deny}
)";

TEST_F(CgroupGuard, AnI386ProgramIsNoWayRound) {
    const std::string program = enforced::CompatProgram();
    if (program.empty()) {
        GTEST_SKIP() << "it was not built, or this kernel runs no 32-bit programs";
    }
    Guarding guarding(kName, "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const live::Ended ended = live::RunCommand({program, "connect"});
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << ended.err;
    EXPECT_EQ(enforced::Told(guarding.End()), "connect:deny:name*2");
}

TEST_F(CgroupGuard, GuardsOneCgroup) {
    const Group group("sockwarden-test"), other("sockwarden-test-other");
    Guarding guarding(R"(
  - {name: all, when: 'event == "connect" && socket.remote.address == "127.0.0.9"', action: deny}
)",
                      "", {"--cgroup", group.path()});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_NE(guarding.Said().find("of the cgroup /sockwarden-test;"), std::string::npos) << guarding.Said();
    const auto connect = [] { return Connect(Inet("127.0.0.9", 80)); };
    EXPECT_EQ(group.In(connect), -EACCES);
    EXPECT_EQ(other.In(connect), -EINPROGRESS);
    EXPECT_EQ(connect(), -EINPROGRESS);
    const Group below("sockwarden-test/below");
    EXPECT_EQ(below.In(connect), -EACCES);
    const Socket outside(AF_INET, SOCK_STREAM);  // a declared limit
    const Name name = Inet("127.0.0.9", 80);
    EXPECT_EQ(group.In([&] { return Got(::connect(outside.fd(), name.get(), name.size)); }), -EINPROGRESS);
    EXPECT_EQ(Told(guarding), "connect:deny:all*2");
}

std::string RunScript(const std::string &script, const std::string &rules, int *code,
                      const std::vector<std::string> &more = {"-o", "json"}) {
    const live::TemporaryFile policy;
    std::ofstream(policy.path()) << "version: 1\nname: trial\nrules:\n" << rules;
    std::vector<std::string> command{Chosen().sockwarden, "guard", "--engine", "cgroup", "--policy", policy.path()};
    command.insert(command.end(), more.begin(), more.end());
    command.insert(command.end(), {"--", "/bin/sh", "-c", script});
    live::Process process(command);
    const live::Ended ended = process.Wait();
    *code = WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : -1;
    return ended.out + ended.err;
}

// What commands have left.
std::vector<std::string> LeftGroups() {
    std::vector<std::string> left;
    for (const auto &entry : std::filesystem::directory_iterator(Hierarchy())) {
        if (entry.path().filename().string().starts_with("sockwarden-")) {
            left.push_back(entry.path());
        }
    }
    return left;
}

constexpr const char *kNowhere = R"(
  - {name: nowhere, when: 'event == "connect" && socket.remote.path == "/tmp/cgroup-victim"', action: deny}
)";

// What the command becomes does not matter: it and all that it starts is of the cgroup.
TEST_F(CgroupGuard, GuardsACommandAndWhatItStarts) {
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    const std::string me = "/proc/" + std::to_string(::getpid()) + "/exe --connect /tmp/cgroup-victim";
    int code = -1;
    const std::string said = RunScript(me + "; (" + me + "; setsid " + me + ") & wait; exit 7", kNowhere, &code);
    EXPECT_EQ(code, 7) << said;
    std::vector<live::Json> told = live::ParseStream(said.substr(0, said.find("sockwarden: "))).records;
    std::erase_if(told, [](const live::Json &record) { return !record.contains("verdict"); });
    EXPECT_EQ(enforced::Told(told), "connect:deny:nowhere*3") << said;
    EXPECT_EQ(Connect(victim.name()), 0);
    EXPECT_TRUE(LeftGroups().empty());
    // As somebody who may not enter the cgroup.
    const std::string other = RunScript("id -u", kNowhere, &code, {"-w", "/dev/null", "--as-user", "nobody"});
    EXPECT_EQ(code, 0) << other;
    EXPECT_EQ(other.substr(0, 6), "65534\n") << other;
}

// Nothing that it has started goes on unguarded.
TEST_F(CgroupGuard, EndsWhatACommandLeavesBehind) {
    const live::TemporaryFile policy;
    std::ofstream(policy.path()) << "version: 1\nname: trial\nrules:\n" << kNowhere;
    for (const int signal : {SIGTERM, SIGKILL}) {
        live::Process process({Chosen().sockwarden, "guard", "--engine", "cgroup", "--policy", policy.path(), "-w",
                               "/dev/null", "--", "/bin/sh", "-c",
                               "trap : TERM; setsid sleep 77777 & echo left $!; while :; do sleep 1; done"});
        ASSERT_TRUE(process.ReadUntil([&] { return process.out().find('\n') != std::string::npos; }, live::Seconds(30)))
            << process.err();
        process.Signal(signal);
        ::usleep(300'000);
        process.Signal(signal);  // the first SIGTERM is the command's
        process.Wait();
        // Where nobody collects it, it stays as a zombie.
        std::string line;
        for (int i = 0; i < 100; ++i, ::usleep(50'000)) {
            std::ifstream stat("/proc/" + std::to_string(std::stol(process.out().substr(5))) + "/stat");
            if (!std::getline(stat, line) || line.find(") Z ") != std::string::npos) {
                line.clear();
                break;
            }
        }
        EXPECT_EQ(line, "") << signal;
    }
    for (const std::string &left : LeftGroups()) {  // of the one that was killed
        EXPECT_EQ(::rmdir(left.c_str()), 0) << left;
    }
}

TEST_F(CgroupGuard, IsReleasedWithItsEnd) {
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    Guarding guarding(kVictim, "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(Connect(victim.name()), -EACCES);
    guarding.Signal(SIGKILL);
    guarding.ExitCode();
    EXPECT_EQ(Connect(victim.name()), 0);
}

TEST_F(CgroupGuard, IsKeptAndReleased) {
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    const auto ask = [](const char *what) { return live::Process({Chosen().sockwarden, what}).Wait(); };
    {
        Guarding guarding(kVictim, "", {"--engine", "cgroup", "--on-exit", "keep"});
        ASSERT_TRUE(guarding.Works()) << guarding.Said();
        guarding.Signal(SIGKILL);
        guarding.ExitCode();
    }
    EXPECT_EQ(Connect(victim.name()), -EACCES);
    {
        Guarding guarding(kVictim, "", {"--engine", "cgroup", "--on-exit", "keep"});
        EXPECT_TRUE(guarding.Works()) << guarding.Said();
        EXPECT_EQ(Connect(victim.name()), -EACCES);
        EXPECT_EQ(Told(guarding), "connect:deny:victim");
    }
    EXPECT_EQ(Connect(victim.name()), -EACCES);
    const live::Json status =
        live::Json::parse(live::Process({Chosen().sockwarden, "status", "-o", "json"}).Wait().out);
    EXPECT_EQ(live::TextAt(status, "/kept/0/policies/0/name"), "trial") << status;
    EXPECT_EQ(live::TextAt(status, "/kept/0/policies/0/rules/0/name"), "victim") << status;
    EXPECT_EQ(live::At(status, "/kept/0/policies/0/rules/0/hits"), live::Json(2)) << status;
    EXPECT_EQ(live::At(status, "/kept/0/policies/0/default_hits"), live::Json(0)) << status;
    EXPECT_NE(ask("status").out.find("  victim                   deny            2 times\n"), std::string::npos)
        << ask("status").out;
    // As an earlier version left it, without any that tells of it.
    for (const auto &kept : std::filesystem::directory_iterator("/sys/fs/bpf/sockwarden")) {
        for (const char *map : {"hits", "about", "counters"}) {
            EXPECT_EQ(::unlink((kept.path() / map).c_str()), 0) << map;
        }
    }
    const live::Ended bare = live::Process({Chosen().sockwarden, "status", "-o", "json"}).Wait();
    EXPECT_EQ(live::At(live::Json::parse(bare.out), "/kept/0/policies"), live::Json()) << bare.out;
    EXPECT_TRUE(ask("status").Exited(0));
    EXPECT_TRUE(ask("release").Exited(0));
    EXPECT_EQ(Connect(victim.name()), 0);
}

TEST_F(CgroupGuard, NamesOfFilesNeedNotBeText) {
    const std::string path = "/tmp/cgroup-\xe9.yaml";
    std::ofstream(path) << "version: 1\nname: trial\nrules:\n" << kVictim;
    live::Process process(
        {Chosen().sockwarden, "guard", "--engine", "cgroup", "-w", "/dev/null", "--on-exit", "keep", "--policy", path});
    EXPECT_TRUE(
        process.ReadUntil([&] { return process.err().find("hooks proven") != std::string::npos; }, live::Seconds(30)))
        << process.err();
    const live::Ended reloaded = live::Process({Chosen().sockwarden, "reload"}).Wait();
    EXPECT_TRUE(reloaded.Exited(0)) << reloaded.err;
    const live::Ended status = live::Process({Chosen().sockwarden, "status"}).Wait();
    EXPECT_NE(status.out.find(": trial, enforce"), std::string::npos) << status.out << status.err;
    EXPECT_TRUE(live::Process({Chosen().sockwarden, "release"}).Wait().Exited(0));
    EXPECT_TRUE(process.Wait().Exited(0));
    ::unlink(path.c_str());
}

// Whoever asks the guard is never refused, by whatever path.
TEST_F(CgroupGuard, CannotLockItselfOut) {
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    Guarding guarding(R"(
  - {name: all, when: 'event == "connect" && socket.family == "AF_UNIX"', action: deny}
)",
                      "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(Connect(victim.name()), -EACCES);
    const live::Ended status = live::Process({Chosen().sockwarden, "status", "-o", "json"}).Wait();
    ASSERT_TRUE(status.Exited(0)) << status.err;
    const live::Json told = live::Json::parse(status.out);
    EXPECT_EQ(told["engine"], "cgroup");
    EXPECT_EQ(told["cgroup"], "/");
    EXPECT_EQ(told["policies"][0]["rules"][0]["hits"], 1);
    EXPECT_TRUE(live::Process({Chosen().sockwarden, "release"}).Wait().Exited(0));
    EXPECT_EQ(Connect(victim.name()), 0);
    EXPECT_EQ(Told(guarding), "connect:deny:all");
}

// A safe trial ends, whether or not somebody reads what it tells.
TEST_F(CgroupGuard, ATrialEndsThoughNobodyReads) {
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    Guarding guarding(kVictim, "", {"--engine", "cgroup", "--duration", "2s"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    long refused = 0, result = -EACCES;
    while (result == -EACCES && std::chrono::steady_clock::now() < end) {
        result = Connect(victim.name());
        ++refused;
    }
    EXPECT_EQ(result, 0);
    EXPECT_GT(refused, 1000);  // more than a pipe holds
    // It is still there, as its output is, and takes nothing back.
    const live::Ended reloaded = live::Process({Chosen().sockwarden, "reload"}).Wait();
    EXPECT_TRUE(reloaded.Exited(2)) << reloaded.Text() << reloaded.err;
    EXPECT_NE(reloaded.err.find("at its end"), std::string::npos) << reloaded.err;
    EXPECT_EQ(Connect(victim.name()), 0);
}

// Its own proof is not judged by what is to be put in force, nor by what is.
TEST_F(CgroupGuard, StartsAndReloadsWhereItWouldDropItsProof) {
    Guarding guarding(R"(
  - {name: small, when: 'socket.family == "AF_INET" && socket.type == "SOCK_DGRAM" && payload.length < 8', action: drop}
)",
                      "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const live::Ended reloaded = live::Process({Chosen().sockwarden, "reload"}).Wait();
    EXPECT_TRUE(reloaded.Exited(0)) << reloaded.err;
    EXPECT_EQ(Told(guarding), "");
}

TEST_F(CgroupGuard, ReportsOnlyWhereItIsTold) {
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    Guarding guarding(kVictim, "", {"--engine", "cgroup", "--audit"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(Connect(victim.name()), 0);
    const std::vector<live::Json> told = guarding.End();
    EXPECT_EQ(enforced::Told(told), "connect:deny:victim");
    EXPECT_EQ(told.at(0)["verdict"]["enforced"], false);
}

TEST_F(CgroupGuard, ReloadsUnderLoad) {
    const Served victim(Unix("/tmp/cgroup-victim"), SOCK_STREAM);
    Guarding guarding(kVictim, "", kByCgroups);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    std::atomic<bool> done = false;
    std::atomic<long> passed = 0, refused = 0;
    std::thread load([&] {
        while (!done) {
            (Connect(victim.name()) == -EACCES ? refused : passed) += 1;
        }
    });
    for (int i = 0; i < 5; ++i) {
        const live::Ended reloaded = live::Process({Chosen().sockwarden, "reload"}).Wait();
        EXPECT_TRUE(reloaded.Exited(0)) << reloaded.err;
    }
    guarding.Write("  - {name: x, when: event ==, action: deny}\n");
    EXPECT_TRUE(live::Process({Chosen().sockwarden, "reload"}).Wait().Exited(2));
    done = true;
    load.join();
    EXPECT_EQ(passed, 0);
    EXPECT_GT(refused, 100);
    EXPECT_EQ(Connect(victim.name()), -EACCES);
}

// Of what every enforcer refuses alike, what programs of cgroups carry; of the rest they say that they do not.
TEST_F(CgroupGuard, EnforcesWhatItCarriesAlike) {
    std::string carried;
    for (const enforced::Case &one : enforced::Cases()) {
        Guarding guarding(one.rules, one.head, kByCgroups);
        if (!guarding.Works()) {
            EXPECT_EQ(guarding.ExitCode(), 2) << one.actor << ": " << guarding.Said();
            continue;
        }
        carried += one.actor + " ";
        EXPECT_EQ(enforced::RunActor(one.actor), 0) << one.actor;
        EXPECT_EQ(enforced::Told(guarding.End()), one.told) << one.actor;
    }
    EXPECT_EQ(carried, "case_connections case_ports case_earlier policy_docker_socket ");
}

// What these programs cannot carry is not promised.
TEST_F(CgroupGuard, SaysWhatItCannotCarry) {
    const std::tuple<const char *, const char *, const char *> wrong[] = {
        {R"(event == "connect" && process.uid == 77)", "deny", "ask socket.family for one of AF_UNIX AF_INET AF_INET6"},
        {R"(event == "sendto" && socket.remote.port == 7)", "deny", "ask socket.type for one of SOCK_DGRAM"},
        {R"(socket.family == "AF_INET" && payload.contains("x"))", "drop", "ask socket.type for one of SOCK_DGRAM"},
        {R"(event == "connect" && socket.remote.port == 7)", "kill", "kill is not possible there, only deny or alert"},
        {R"(event == "connect" && socket.remote.path.text == "/x")", "deny", "socket.remote.path.text is not certain"},
        {R"(event == "recvmsg" && process.uid == 77)", "deny", "deny is not possible there, only drop, kill or alert"},
    };
    for (const auto &[when, action, why] : wrong) {
        Guarding guarding(std::string("  - {name: x, when: '") + when + "', action: " + action + "}\n", "", kByCgroups);
        EXPECT_FALSE(guarding.Works()) << when;
        EXPECT_EQ(guarding.ExitCode(), 2) << when;
        EXPECT_NE(guarding.Said().find(why), std::string::npos) << guarding.Said();
    }
    Guarding guarding("  - {name: x, when: 'event == \"connect\" && socket.remote.port == 7', action: allow}\n",
                      "default: deny\n", kByCgroups);
    EXPECT_EQ(guarding.ExitCode(), 2);
    EXPECT_NE(guarding.Said().find("the default cannot be enforced"), std::string::npos) << guarding.Said();
}

TEST_F(CgroupGuard, TakesOnlyCgroups) {
    const auto said = [](const std::vector<std::string> &more) {
        Guarding guarding(kVictim, "", more);
        EXPECT_FALSE(guarding.Works());
        EXPECT_EQ(guarding.ExitCode(), 2);
        return guarding.Said();
    };
    EXPECT_NE(said({"--cgroup", "/no/such"}).find("cannot open the cgroup /no/such"), std::string::npos);
    EXPECT_NE(said({"--cgroup", "nowhere"}).find("nowhere is no cgroup"), std::string::npos);
    EXPECT_NE(said({"--cgroup", "/", "--engine", "lsm"}).find("--cgroup goes with --engine cgroup"), std::string::npos);
}

}  // namespace

int ConnectTo(const char *path) { return static_cast<int>(-Connect(Unix(path))); }

}  // namespace guard
