// SPDX-License-Identifier: Apache-2.0
// What a guard refuses, at each point of the kernel: the errno that the caller gets, what becomes of the message, and
// what is told of it.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "actor.h"
#include "cases.h"
#include "guarding.h"
#include "options.h"
#include "traffic/uring.h"

namespace guard {
namespace {

// The result of a call: what it returned, or minus the errno.
long Got(ssize_t result) { return result < 0 ? -errno : result; }

class Socket {
public:
    Socket(int family, int type) : fd_(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket &operator=(Socket &&) = delete;
    ~Socket() { ::close(fd_); }
    int fd() const { return fd_; }

private:
    int fd_;
};

struct Abstract {
    sockaddr_un name{AF_UNIX, {}};
    socklen_t size;

    explicit Abstract(const std::string &text)
        : size(static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size())) {
        std::memcpy(name.sun_path + 1, text.data(), text.size());
    }
    const sockaddr *address() const { return reinterpret_cast<const sockaddr *>(&name); }
};

Socket Listening(int type, const Abstract &name) {
    Socket socket(AF_UNIX, type);
    EXPECT_EQ(::bind(socket.fd(), name.address(), name.size), 0) << strerror(errno);
    if (type != SOCK_DGRAM) {
        EXPECT_EQ(::listen(socket.fd(), 8), 0);
    }
    return socket;
}

struct Pair {
    Socket near, far;
};

Pair MakePair(int type) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    return {Socket(ends[0]), Socket(ends[1])};
}

// Connects a fresh socket of this type to a name.
long Connect(int type, const Abstract &name) {
    const Socket socket(AF_UNIX, type);
    return Got(::connect(socket.fd(), name.address(), name.size));
}

std::string Text(const Json &record, const char *at) { return live::TextAt(record, at); }

void ExpectTold(const Json &record, const std::string &event, const std::string &action, const std::string &rule,
                const std::string &point) {
    EXPECT_EQ(Text(record, "/event"), event);
    EXPECT_EQ(Text(record, "/verdict/action"), action);
    EXPECT_EQ(Text(record, "/verdict/policy"), "trial");
    EXPECT_EQ(Text(record, "/verdict/rule"), rule);
    EXPECT_EQ(Text(record, "/verdict/point"), point);
    EXPECT_EQ(live::At(record, "/verdict/certain"), Json(true)) << record;
    EXPECT_EQ(live::At(record, "/process/pid"), Json(::getpid())) << record;
}

TEST(Guard, ReceivesLeaveTheMessageQueued) {
    auto guarding = std::make_unique<Guarding>(R"(
  - name: mute
    when: socket.local.abstract == "guard-mute" && event in ["recvfrom", "read", "recvmsg", "recvmmsg", "readv"]
    action: deny
)");
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    const Socket mute = Listening(SOCK_DGRAM, Abstract("guard-mute"));
    const Socket sender(AF_UNIX, SOCK_DGRAM);
    const Abstract name("guard-mute");
    ASSERT_EQ(Got(::sendto(sender.fd(), "abc", 3, 0, name.address(), name.size)), 3);
    char room[8];
    iovec part{room, sizeof(room)};
    mmsghdr batch{};
    batch.msg_hdr.msg_iov = &part;
    batch.msg_hdr.msg_iovlen = 1;
    EXPECT_EQ(Got(::recv(mute.fd(), room, sizeof(room), 0)), -EACCES);
    EXPECT_EQ(Got(::recv(mute.fd(), room, sizeof(room), MSG_PEEK)), -EACCES);
    EXPECT_EQ(Got(::read(mute.fd(), room, sizeof(room))), -EACCES);
    EXPECT_EQ(Got(::readv(mute.fd(), &part, 1)), -EACCES);
    EXPECT_EQ(Got(::recvmsg(mute.fd(), &batch.msg_hdr, 0)), -EACCES);
    EXPECT_EQ(Got(::recvmmsg(mute.fd(), &batch, 1, 0, nullptr)), -EACCES);
    const std::vector<Json> told = guarding->End();
    ASSERT_EQ(told.size(), 6U);
    ExpectTold(told[0], "recvfrom", "deny", "mute", "receive");
    ExpectTold(told[5], "recvmmsg", "deny", "mute", "receive");
    guarding.reset();
    EXPECT_EQ(Got(::recv(mute.fd(), room, sizeof(room), 0)), 3) << "released, it is delivered";
}

// A message of one byte with descriptors, to a name or to the peer.
struct Carried {
    char byte = 'x';
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[256] = {};
    msghdr header{};

    explicit Carried(const std::vector<int> &fds, const Abstract *name = nullptr) {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        if (name != nullptr) {
            header.msg_name = const_cast<sockaddr *>(name->address());
            header.msg_namelen = name->size;
        }
        cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
    }
};

// Sends a byte with these descriptors, and returns how many of them arrive.
int Pass(const std::vector<int> &fds) {
    const Pair pair = MakePair(SOCK_STREAM);
    Carried message(fds);
    EXPECT_EQ(Got(::sendmsg(pair.near.fd(), &message.header, 0)), 1);
    message.byte = 0;
    message.header.msg_controllen = sizeof(message.control);
    EXPECT_EQ(Got(::recvmsg(pair.far.fd(), &message.header, MSG_CMSG_CLOEXEC)), 1);
    EXPECT_EQ(message.byte, 'x');
    const cmsghdr *got = CMSG_FIRSTHDR(&message.header);
    if (got == nullptr) {
        return 0;
    }
    const auto count = static_cast<int>((got->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(got) + i * sizeof(int), sizeof(fd));
        ::close(fd);
    }
    return count;
}

TEST(Guard, DescriptorsByPathAndType) {
    Guarding guarding(R"(
  - name: null-device
    when: fds.exists(f, f.path == "/dev/null" && f.type == "character")
    action: deny-fds
  - name: pipes
    when: fds.exists(f, f.type == "pipe" && f.access == "w")
    action: deny-fds
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket null(::open("/dev/null", O_RDWR | O_CLOEXEC)), zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Socket out(ends[0]), in(ends[1]);
    EXPECT_EQ(Pass({zero.fd()}), 1);
    EXPECT_EQ(Pass({null.fd()}), 0);
    EXPECT_EQ(Pass({zero.fd(), null.fd(), zero.fd()}), 1) << "the kernel drops those behind it";
    EXPECT_EQ(Pass({out.fd()}), 1);
    EXPECT_EQ(Pass({in.fd()}), 0);
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(told.size(), 3U);
    ExpectTold(told[0], "recvmsg", "deny-fds", "null-device", "fd");
    ExpectTold(told[1], "recvmsg", "deny-fds", "null-device", "fd");
    ExpectTold(told[2], "recvmsg", "deny-fds", "pipes", "fd");
}

// Sends a text to a name; what the sender got.
long SendTo(const Abstract &name, const std::string &text) {
    const Socket sender(AF_UNIX, SOCK_DGRAM);
    return Got(::sendto(sender.fd(), text.data(), text.size(), 0, name.address(), name.size));
}

TEST(Guard, DatagramsByContentAnywhereInTheFirst4KiB) {
    Guarding guarding(R"(
  - name: content
    when: socket.local.abstract == "guard-log" && payload.matches("pass(word|phrase)=[a-z]+;")
    action: drop
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket log = Listening(SOCK_DGRAM, Abstract("guard-log"));
    const std::string secret = "password=abc;";
    int dropped = 0;
    for (const std::size_t before : {0, 1, 250, 1000, 1020, 2040, 4083, 5000}) {
        const std::string text = std::string(before, '.') + secret + std::string(100, '.');
        EXPECT_EQ(SendTo(Abstract("guard-log"), text), static_cast<long>(text.size())) << "the sender sees success";
        char room[8192];
        // Past 4 KiB nobody looks: what might be there is dropped in doubt.
        EXPECT_EQ(Got(::recv(log.fd(), room, sizeof(room), 0)), -EAGAIN) << before;
        ++dropped;
    }
    char room[8192];
    EXPECT_EQ(SendTo(Abstract("guard-log"), "password=;"), 10);
    EXPECT_EQ(Got(::recv(log.fd(), room, sizeof(room), 0)), 10);
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(told.size(), static_cast<std::size_t>(dropped));
    ExpectTold(told[0], "refused", "drop", "content", "queue");
    EXPECT_EQ(Text(told[0], "/payload/text").substr(0, secret.size()), secret);
    EXPECT_EQ(live::At(told.back(), "/verdict/certain"), Json(false));
}

TEST(Guard, DatagramsBySenderAndDescriptors) {
    Guarding guarding(R"(
  - name: children
    when: socket.local.abstract == "guard-inbox" && senders.exists(s, s.comm == "guard-child")
    action: drop
  - name: directories
    when: socket.local.abstract == "guard-inbox" && fds.exists(f, f.type == "directory" && f.path == "/")
    action: drop
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket inbox = Listening(SOCK_DGRAM, Abstract("guard-inbox"));
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_NAME, "guard-child");
        ::_exit(SendTo(Abstract("guard-inbox"), "abc") == 3 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    char room[8];
    EXPECT_EQ(Got(::recv(inbox.fd(), room, sizeof(room), 0)), -EAGAIN);
    const Socket root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        tmp(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Abstract name("guard-inbox");
    for (const auto &[fd, arrives] : {std::pair(root.fd(), false), std::pair(tmp.fd(), true)}) {
        Carried message({fd}, &name);
        const Socket sender(AF_UNIX, SOCK_DGRAM);
        EXPECT_EQ(Got(::sendmsg(sender.fd(), &message.header, 0)), 1);
        EXPECT_EQ(Got(::recv(inbox.fd(), room, sizeof(room), 0)), arrives ? 1 : -EAGAIN);
    }
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(Text(told[0], "/verdict/rule"), "children");
    EXPECT_EQ(live::At(told[0], "/verdict/certain"), Json(true)) << told[0];
    EXPECT_EQ(live::At(told[0], "/process/pid"), Json(child));
    EXPECT_EQ(Text(told[1], "/verdict/rule"), "directories");
    EXPECT_EQ(live::At(told[1], "/verdict/certain"), Json(true)) << told[1];
}

TEST(Guard, SplicesAndZeroCopy) {
    Guarding guarding(R"(
  - name: pages
    when: event in ["splice", "zerocopy"]
    action: deny
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Pair pair = MakePair(SOCK_STREAM);
    ASSERT_EQ(Got(::send(pair.near.fd(), "abc", 3, 0)), 3);
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const Socket out(ends[0]), in(ends[1]);
    EXPECT_EQ(Got(::splice(pair.far.fd(), nullptr, in.fd(), nullptr, 3, SPLICE_F_NONBLOCK)), -EACCES);
    EXPECT_EQ(Got(::splice(out.fd(), nullptr, pair.far.fd(), nullptr, 3, SPLICE_F_NONBLOCK)), -EAGAIN)
        << "into a socket";
    char room[8];
    EXPECT_EQ(Got(::recv(pair.far.fd(), room, sizeof(room), 0)), 3);
    const Socket tcp(AF_INET, SOCK_STREAM);
    char wanted[64] = {};
    socklen_t size = sizeof(wanted);
    EXPECT_EQ(Got(::getsockopt(tcp.fd(), IPPROTO_TCP, 35, wanted, &size)), -EACCES);
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(told.size(), 2U);
    ExpectTold(told[0], "splice", "deny", "pages", "splice");
    ExpectTold(told[1], "zerocopy", "deny", "pages", "zerocopy");
}

TEST(Guard, AuditReportsAndRefusesNothing) {
    Guarding guarding(R"(
  - name: secret
    when: event == "connect" && socket.remote.abstract == "guard-secret"
    action: deny
)",
                      "", {"--audit"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket secret = Listening(SOCK_STREAM, Abstract("guard-secret"));
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), 0);
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(told.size(), 1U);
    ExpectTold(told[0], "connect", "deny", "secret", "connect");
    EXPECT_EQ(live::At(told[0], "/verdict/enforced"), Json(false));
}

constexpr const char *kSecret = R"(
  - name: secret
    when: event == "connect" && socket.remote.abstract == "guard-secret"
    action: deny
)";

TEST(Guard, RefusesWhileNobodyReadsItsRings) {
    Guarding guarding(kSecret, "", {"--ring-size", "64K"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket secret = Listening(SOCK_STREAM, Abstract("guard-secret"));
    guarding.Signal(SIGSTOP);
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), -EACCES) << i;
    }
    guarding.Signal(SIGCONT);
    const std::size_t told = guarding.End().size();
    EXPECT_GT(told, 0U);
    EXPECT_LT(told, 2000U) << "the rings were to be full";
    EXPECT_NE(guarding.Said().find(fmt::format("{} messages", told)), std::string::npos) << guarding.Said();
    EXPECT_NE(guarding.Said().find(fmt::format("dropped {} (ring_full {})", 2000 - told, 2000 - told)),
              std::string::npos)
        << guarding.Said();
}

TEST(Guard, ReleasesEverythingWhenItIsKilled) {
    Guarding guarding(kSecret);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket secret = Listening(SOCK_STREAM, Abstract("guard-secret"));
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), -EACCES);
    guarding.Signal(SIGKILL);
    guarding.End();
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), 0);
}

TEST(Guard, ASecondOneNamesTheFirst) {
    Guarding first(kSecret);
    ASSERT_TRUE(first.Works()) << first.Said();
    Guarding second(kSecret);
    EXPECT_FALSE(second.Works());
    EXPECT_EQ(second.ExitCode(), 2);
    EXPECT_NE(second.Said().find(fmt::format("a guard is at work already: process {}", first.Pid())), std::string::npos)
        << second.Said();
}

// A policy that refuses connections to one of two names, and sends to the other.
std::string EitherOr(bool first) {
    return fmt::format(R"(
  - name: connects
    when: event == "connect" && socket.remote.abstract == "guard-{}"
    action: deny
  - name: sends
    when: event == "sendto" && socket.remote.abstract == "guard-{}"
    action: deny
)",
                       first ? "one" : "two", first ? "two" : "one");
}

live::Ended Ask(const char *word) { return live::RunCommand({live::Chosen().sockwarden, word}, live::Seconds(120)); }

// Asks for one right after the other, all the time: under either policy one of the two is refused.
class AskingForBoth {
public:
    AskingForBoth() : asking_([this] { Ask(); }) {}
    ~AskingForBoth() { Stop(); }
    AskingForBoth(const AskingForBoth &) = delete;
    AskingForBoth &operator=(const AskingForBoth &) = delete;

    void Stop() {
        stop_ = true;
        if (asking_.joinable())
            asking_.join();
    }
    long tried() const { return tried_; }
    long both_passed() const { return both_passed_; }

private:
    void Ask() {
        const Socket one = Listening(SOCK_STREAM, Abstract("guard-one")),
                     two = Listening(SOCK_STREAM, Abstract("guard-two"));
        while (!stop_) {
            const bool first = Connect(SOCK_STREAM, Abstract("guard-one")) == -EACCES;
            const bool second = Connect(SOCK_STREAM, Abstract("guard-two")) == -EACCES;
            const bool again = Connect(SOCK_STREAM, Abstract("guard-one")) == -EACCES;
            both_passed_ += !first && !second && !again;
            ++tried_;
            for (const int listener : {one.fd(), two.fd()}) {
                for (int fd; (fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
                    ::close(fd);
                }
            }
        }
    }

    std::atomic<bool> stop_ = false;
    std::atomic<long> tried_ = 0, both_passed_ = 0;
    std::thread asking_;
};

TEST(Guard, ReloadsUnderLoadWithoutAMomentOfNeitherOrOfHalfAPolicy) {
    Guarding guarding(EitherOr(true), "", {"-w", "/dev/null"});  // nobody reads a pipe here
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    AskingForBoth asking;
    for (int i = 0; i < 2; ++i) {
        guarding.Write(EitherOr(i % 2 == 1));
        const live::Ended reloaded = Ask("reload");
        EXPECT_TRUE(reloaded.Exited(0)) << reloaded.err << guarding.Said();
        EXPECT_NE(reloaded.out.find("guarding at connect, send; hooks proven"), std::string::npos) << reloaded.out;
    }
    asking.Stop();
    EXPECT_GT(asking.tried(), 20);
    EXPECT_EQ(asking.both_passed(), 0) << "of " << asking.tried();
    const Socket one = Listening(SOCK_STREAM, Abstract("guard-one"));
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-one")), -EACCES) << "the first policy is back";
}

// A child that has this process id; as fork.
pid_t ForkAs(pid_t pid) {
    clone_args how{};
    how.exit_signal = SIGCHLD;
    how.set_tid = reinterpret_cast<std::uintptr_t>(&pid);
    how.set_tid_size = 1;
    return static_cast<pid_t>(::syscall(SYS_clone3, &how, sizeof(how)));
}

const std::vector<std::string> kKeep{"--on-exit", "keep", "-w", "/dev/null"};

TEST(Guard, IsKeptUntilItIsReleased) {
    const Socket secret = Listening(SOCK_STREAM, Abstract("guard-secret"));
    for (const int signal : {SIGINT, SIGKILL}) {
        Guarding guarding(kSecret, "", kKeep);
        ASSERT_TRUE(guarding.Works()) << guarding.Said();
        EXPECT_NE(Ask("status").out.find("on exit: keep"), std::string::npos);
        guarding.Signal(signal);
        guarding.ExitCode();
        EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), -EACCES) << signal;
        const pid_t heir = ForkAs(guarding.Pid());
        if (heir == 0) {
            ::_exit(Connect(SOCK_STREAM, Abstract("guard-secret")) == -EACCES ? 0 : 1);
        }
        ASSERT_EQ(heir, guarding.Pid());
        int ended = -1;
        ASSERT_EQ(::waitpid(heir, &ended, 0), heir);
        EXPECT_EQ(ended, 0) << "who gets the guard's process id is refused, too";
        const live::Ended status = Ask("status");
        EXPECT_TRUE(status.Exited(0)) << status.err;
        EXPECT_NE(status.out.find("gd_connect_stream"), std::string::npos) << status.out;
        EXPECT_EQ(live::At(live::Json::parse(live::RunCommand({live::Chosen().sockwarden, "status", "-o", "json"}).out),
                           "/kept/0/policies/0/rules/0/hits"),
                  live::Json(2))
            << "one by the heir";
        EXPECT_TRUE(Ask("reload").Exited(2));
        Guarding trial(kSecret, "", {"--duration", "1s"});
        EXPECT_FALSE(trial.Works());
        EXPECT_EQ(trial.ExitCode(), 2) << "would end what is kept: " << trial.Said();
        EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), -EACCES);
        EXPECT_TRUE(Ask("release").Exited(0));
        EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), 0) << signal;
        EXPECT_TRUE(Ask("status").Exited(2));
    }
    Guarding guarding(kSecret, "", kKeep);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_TRUE(Ask("release").Exited(0));
    EXPECT_EQ(guarding.ExitCode(), 0);
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), 0) << "released while it was at work";
    EXPECT_TRUE(Ask("status").Exited(2)) << "nothing of it is left";
}

TEST(Guard, TakesOverFromTheOneBeforeWithoutAMomentOfNeither) {
    {
        Guarding first(EitherOr(true), "", kKeep);
        ASSERT_TRUE(first.Works()) << first.Said();
        first.Write(EitherOr(false));
        EXPECT_TRUE(Ask("reload").Exited(0)) << "what a reload replaces is not kept";
        first.Signal(SIGKILL);
        first.ExitCode();
    }
    AskingForBoth asking;
    {
        Guarding second(EitherOr(true), "", kKeep);
        ASSERT_TRUE(second.Works()) << second.Said();
        second.Signal(SIGKILL);
        second.ExitCode();
        EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-one")), -EACCES);
    }
    Guarding third(EitherOr(false), "", {"-w", "/dev/null"});
    ASSERT_TRUE(third.Works()) << third.Said();
    asking.Stop();
    EXPECT_GT(asking.tried(), 20);
    EXPECT_EQ(asking.both_passed(), 0) << "of " << asking.tried();
    const Socket one = Listening(SOCK_STREAM, Abstract("guard-one")),
                 two = Listening(SOCK_STREAM, Abstract("guard-two"));
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-two")), -EACCES);
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-one")), 0) << "of the second nothing is left";
    third.Signal(SIGKILL);
    third.ExitCode();
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-two")), 0) << "the third was not to be kept";
}

// What is kept knows no process but the one that began it.
TEST(Guard, IsNotLockedOutByWhatIsKept) {
    constexpr const char *kNothing = R"(
  - name: nothing
    when: socket.family == "AF_UNIX" || socket.family == "AF_INET" || socket.family == "AF_INET6"
    action: deny
)";
    {
        Guarding first(kNothing, "", kKeep);
        ASSERT_TRUE(first.Works()) << first.Said();
        first.Signal(SIGKILL);
        first.ExitCode();
    }
    const Socket secret = Listening(SOCK_STREAM, Abstract("guard-secret"));
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), -EACCES);
    Guarding second(kNothing);
    EXPECT_TRUE(second.Works()) << second.Said();
    EXPECT_TRUE(Ask("release").Exited(0));
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), 0);
}

// In a BPF file system that was mounted without a mode anybody may make a link there.
TEST(Guard, KeepsAwayFromAFolderThatIsNotIts) {
    constexpr const char *kFolder = "/sys/fs/bpf/sockwarden";
    char elsewhere[] = "/tmp/sockwarden-guard-XXXXXX";
    ASSERT_NE(::mkdtemp(elsewhere), nullptr);
    const std::string folder = elsewhere + std::string("/guard"), precious = folder + "/file";
    ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
    std::ofstream(precious) << "precious";
    ::rmdir(kFolder);
    ASSERT_EQ(::symlink(elsewhere, kFolder), 0);
    EXPECT_TRUE(Ask("release").Exited(2));
    Guarding guarding(kSecret);
    EXPECT_FALSE(guarding.Works());
    EXPECT_EQ(guarding.ExitCode(), 2) << guarding.Said();
    EXPECT_EQ(::access(precious.c_str(), F_OK), 0);
    EXPECT_EQ(::unlink(kFolder), 0);
    std::filesystem::remove_all(elsewhere);
}

TEST(Guard, FailsWhenNobodyReadsItAnyMore) {
    const Guarding written(kSecret);  // for its policy
    EXPECT_TRUE(Ask("release").Exited(0));
    const live::Ended ended = live::RunCommand({"sh", "-c",
                                                "(" + live::Chosen().sockwarden + " guard -o json --policy " +
                                                    written.Policy() + "; echo code $? >&2) | true"},
                                               live::Seconds(60));
    EXPECT_NE(ended.err.find("nobody reads the output any more"), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("code 1"), std::string::npos) << ended.err;
}

TEST(Guard, TellsItsManagerWhenItIsProven) {
    const Socket manager(AF_UNIX, SOCK_DGRAM);
    const Abstract name("guard-manager");
    ASSERT_EQ(::bind(manager.fd(), name.address(), name.size), 0);
    const timeval patience{20, 0};
    ASSERT_EQ(::setsockopt(manager.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    ::setenv("NOTIFY_SOCKET", "@guard-manager", 1);
    Guarding guarding(kSecret);
    ::unsetenv("NOTIFY_SOCKET");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    char told[256] = {};
    ASSERT_GT(::recv(manager.fd(), told, sizeof(told) - 1, 0), 0);
    EXPECT_EQ(std::string(told).rfind("READY=1\nSTATUS=guarding at connect", 0), 0U) << told;
    guarding.End();
    EXPECT_GT(::recv(manager.fd(), told, sizeof(told) - 1, 0), 0);
    EXPECT_EQ(std::string(told).substr(0, 10), "STOPPING=1");
}

TEST(Guard, ABadPolicyLeavesTheOldOneInForce) {
    Guarding guarding(kSecret);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket secret = Listening(SOCK_STREAM, Abstract("guard-secret"));
    guarding.Write("  - name: broken\n    when: event == \"conect\"\n    action: deny\n");
    const live::Ended reloaded = Ask("reload");
    EXPECT_TRUE(reloaded.Exited(2)) << reloaded.Text();
    EXPECT_NE(reloaded.err.find("the policies in force stay"), std::string::npos) << reloaded.err;
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), -EACCES);
}

TEST(Guard, SaysHowOftenEachRuleRefused) {
    Guarding guarding(kSecret);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket secret = Listening(SOCK_STREAM, Abstract("guard-secret"));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), -EACCES);
    }
    const live::Ended asked = live::RunCommand({live::Chosen().sockwarden, "status", "-o", "json"});
    ASSERT_TRUE(asked.Exited(0)) << asked.err;
    const Json status = Json::parse(asked.out);
    EXPECT_EQ(status.at("pid"), guarding.Pid());
    EXPECT_EQ(status.at("mode"), "enforce");
    EXPECT_EQ(status.at("policies").at(0).at("name"), "trial");
    EXPECT_EQ(status.at("policies").at(0).at("rules").at(0).at("hits"), 3);
    EXPECT_EQ(status.at("hooks").size(), 4U);
    const live::Ended table = Ask("status");
    EXPECT_NE(table.out.find("secret                   deny            3 times"), std::string::npos) << table.out;
}

TEST(Guard, NobodyIsLockedOutOfIt) {
    Guarding guarding(R"(
  - name: nothing
    when: event in ["connect", "sendto", "sendmsg", "write", "recvfrom", "recvmsg", "read"] && socket.family == "AF_UNIX"
    action: deny
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket secret = Listening(SOCK_STREAM, Abstract("guard-secret"));
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), -EACCES);
    const live::Ended asked = Ask("status");
    EXPECT_TRUE(asked.Exited(0)) << asked.err;
    const live::Ended released = Ask("release");
    EXPECT_TRUE(released.Exited(0)) << released.err;
    EXPECT_EQ(guarding.ExitCode(), 0);
    EXPECT_EQ(Connect(SOCK_STREAM, Abstract("guard-secret")), 0);
    const live::Ended nobody = Ask("status");
    EXPECT_TRUE(nobody.Exited(2));
    EXPECT_NE(nobody.err.find("there is no guard at work"), std::string::npos) << nobody.err;
}

sockaddr_in Inet(std::uint32_t address, std::uint16_t port) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(address);
    return name;
}

sockaddr_in6 Inet6(const in6_addr &address, std::uint16_t port) {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(port);
    name.sin6_addr = address;
    return name;
}

TEST(Guard, AConnectedStreamGoesWhereItIsConnectedTo) {
    Guarding guarding(R"(
  - name: port
    when: event == "sendto" && socket.remote.port == 4242
    action: deny
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const sockaddr_in name = Inet(INADDR_LOOPBACK, 4242), elsewhere = Inet(INADDR_LOOPBACK, 4243);
    const Socket listener(AF_INET, SOCK_STREAM);
    const int one = 1;
    ASSERT_EQ(::setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    ASSERT_EQ(::bind(listener.fd(), reinterpret_cast<const sockaddr *>(&name), sizeof(name)), 0) << strerror(errno);
    ASSERT_EQ(::listen(listener.fd(), 1), 0);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const Socket stream(fd);
    ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr *>(&name), sizeof(name)), 0);
    EXPECT_EQ(Got(::sendto(fd, "abc", 3, 0, reinterpret_cast<const sockaddr *>(&elsewhere), sizeof(elsewhere))),
              -EACCES);
    const Socket fast(AF_INET, SOCK_STREAM);
    EXPECT_EQ(Got(::sendto(fast.fd(), "abc", 3, MSG_FASTOPEN, reinterpret_cast<const sockaddr *>(&name), sizeof(name))),
              -EACCES);
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(live::At(told[1], "/verdict/certain"), Json(true)) << told[1];
}

TEST(Guard, ASocketThatConnectsAnewIsLookedAtAnew) {
    Guarding guarding(R"(
  - name: secret
    when: event == "sendto" && socket.remote.abstract == "guard-secret"
    action: deny
  - name: address
    when: event == "sendto" && socket.remote.address == "fd00:2::1"
    action: deny
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket sender(AF_UNIX, SOCK_DGRAM);
    for (int i = 0; i < 20; ++i) {  // what is made anew gets the address of what went
        for (const auto &[text, expected] : {std::pair("guard-open", 1L), std::pair("guard-secret", -EACCES + 0L)}) {
            const Socket peer = Listening(SOCK_DGRAM, Abstract(text));
            const Abstract name(text);
            ASSERT_EQ(Got(::connect(sender.fd(), name.address(), name.size)), 0);
            EXPECT_EQ(Got(::send(sender.fd(), "x", 1, 0)), expected) << text << i;
        }
    }
    ASSERT_EQ(std::system("ip -6 route add local fd00::/16 dev lo"), 0);
    const Socket udp(AF_INET6, SOCK_DGRAM);
    const int one = 1;
    ASSERT_EQ(::setsockopt(udp.fd(), SOL_IPV6, IPV6_FREEBIND, &one, sizeof(one)), 0);
    for (const char *text : {"fd00:1::1", "fd00:2::1", "fd00:1::1", "fd00:2::1"}) {
        in6_addr address{};
        ASSERT_EQ(::inet_pton(AF_INET6, text, &address), 1);
        const sockaddr_in6 name = Inet6(address, 4242);
        ASSERT_EQ(Got(::connect(udp.fd(), reinterpret_cast<const sockaddr *>(&name), sizeof(name))), 0);
        EXPECT_EQ(Got(::send(udp.fd(), "x", 1, 0)) == -EACCES, text[5] == '2') << text;
    }
}

TEST(Guard, WhatIsSentBeforeItIsAcceptedIsJudged) {
    Guarding guarding(R"(
  - name: content
    when: socket.local.abstract == "guard-inbox" && payload.startsWith("bad")
    action: drop
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Abstract name("guard-inbox");
    const Socket listener = Listening(SOCK_SEQPACKET, name), sender(AF_UNIX, SOCK_SEQPACKET);
    ASSERT_EQ(Got(::connect(sender.fd(), name.address(), name.size)), 0);
    EXPECT_EQ(Got(::send(sender.fd(), "bad", 3, 0)), 3);
    EXPECT_EQ(Got(::send(sender.fd(), "good", 4, 0)), 4);
    const Socket taken(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    char room[8];
    EXPECT_EQ(Got(::recv(taken.fd(), room, sizeof(room), 0)), 4);
    EXPECT_EQ(guarding.End().size(), 1U);
}

TEST(Guard, PayloadInPagesIsMatched) {
    Guarding guarding(R"(
  - name: content
    when: socket.local.port == 4244 && payload.contains("needle")
    action: drop
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket receiver(AF_INET, SOCK_DGRAM), sender(AF_INET, SOCK_DGRAM);
    const sockaddr_in name = Inet(INADDR_LOOPBACK, 4244);
    ASSERT_EQ(::bind(receiver.fd(), reinterpret_cast<const sockaddr *>(&name), sizeof(name)), 0);
    std::string text(20'000, '.');  // larger than what the kernel puts into one piece
    text.replace(3'000, 6, "needle");
    // Where pages are is read from /proc/kallsyms, by a reload with what privilege is left.
    std::ofstream("/proc/sys/kernel/kptr_restrict") << "1";
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(Got(::sendto(sender.fd(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr *>(&name),
                               sizeof(name))),
                  20'000);
        char byte = 0;
        EXPECT_EQ(Got(::recv(receiver.fd(), &byte, 1, 0)), -EAGAIN);
        EXPECT_TRUE(Ask("reload").Exited(0));
    }
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(told.size(), 2U);
    for (const Json &one : told) {
        EXPECT_EQ(live::At(one, "/verdict/certain"), Json(true)) << "it was found, not feared";
        EXPECT_EQ(live::At(one, "/return"), Json(nullptr));
    }
}

TEST(Guard, DescriptorsThatAreTaken) {
    Guarding guarding(R"(
  - name: null-device
    when: event == "fd_received" && fds.exists(f, f.path == "/dev/null")
    action: deny-fds
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket null(::open("/dev/null", O_RDWR | O_CLOEXEC)), zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    const Socket self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    const auto take = [&](const Socket &what) { return Got(::syscall(SYS_pidfd_getfd, self.fd(), what.fd(), 0)); };
    EXPECT_EQ(take(null), -EACCES);
    const Socket taken(static_cast<int>(take(zero)));
    EXPECT_GE(taken.fd(), 0);
    EXPECT_EQ(Pass({null.fd()}), 0) << "what comes with a message arrives, too";
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(told.size(), 2U);
    ExpectTold(told[0], "fd_received", "deny-fds", "null-device", "fd");
    ExpectTold(told[1], "recvmsg", "deny-fds", "null-device", "fd");
}

// One request, done at once or by a worker.
long ByUring(io_uring_sqe request) {
    traffic::Uring ring;
    ring.Submit(request);
    return ring.Await().res;
}

TEST(Guard, IoUringIsNoWayRound) {
    Guarding guarding(R"(
  - name: connects
    when: event in ["connect", "io_uring_connect"] && socket.remote.abstract == "guard-secret"
    action: deny
  - name: receives
    when: event == "io_uring_recv" && socket.local.abstract == "guard-mute"
    action: deny
  - name: splices
    when: event == "splice" && socket.type == "SOCK_STREAM"
    action: deny
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Abstract name("guard-secret");
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const Socket secret = Listening(type, name), socket(AF_UNIX, type);
        io_uring_sqe request{};
        request.opcode = IORING_OP_CONNECT;
        request.fd = socket.fd();
        request.addr = reinterpret_cast<std::uintptr_t>(name.address());
        request.off = name.size;
        EXPECT_EQ(ByUring(request), -EACCES) << type;
    }
    const Socket mute = Listening(SOCK_DGRAM, Abstract("guard-mute"));
    ASSERT_EQ(SendTo(Abstract("guard-mute"), "abc"), 3);
    char room[8];
    io_uring_sqe receive{};
    receive.opcode = IORING_OP_RECV;
    receive.fd = mute.fd();
    receive.addr = reinterpret_cast<std::uintptr_t>(room);
    receive.len = sizeof(room);
    EXPECT_EQ(ByUring(receive), -EACCES);
    const Pair pair = MakePair(SOCK_STREAM);
    ASSERT_EQ(Got(::send(pair.near.fd(), "abc", 3, 0)), 3);
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const Socket out(ends[0]), in(ends[1]);
    io_uring_sqe splice{};
    splice.opcode = IORING_OP_SPLICE;
    splice.fd = in.fd();
    splice.off = UINT64_MAX;
    splice.splice_fd_in = pair.far.fd();
    splice.splice_off_in = UINT64_MAX;
    splice.len = 3;
    EXPECT_EQ(ByUring(splice), -EACCES);
    EXPECT_EQ(Got(::recv(pair.far.fd(), room, sizeof(room), 0)), 3) << "read by a call";
    const std::vector<Json> told = guarding.End();
    EXPECT_EQ(told.size(), 4U) << Json(told).dump(1);
}

constexpr const char *kName = R"(
  - {name: name, when: 'event == "connect" && socket.remote.abstract == "sockwarden-run-secret"', action: deny}
)";

TEST(Guard, AnI386ProgramIsNoWayRound) {
    const std::string program = enforced::CompatProgram();
    if (program.empty()) {
        GTEST_SKIP() << "it was not built, or this kernel runs no 32-bit programs";
    }
    const Socket asked = Listening(SOCK_STREAM, Abstract("sockwarden-run-secret"));
    Guarding guarding(kName);
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const live::Ended ended = live::RunCommand({program, "connect"});
    EXPECT_TRUE(ended.Exited(0)) << ended.Text() << ended.err;
    EXPECT_EQ(enforced::Told(guarding.End()), "connect:deny:name*2");
}

TEST(Guard, WhatIsRefusedHasNotEscaped) {
    Guarding guarding(R"(
  - {name: mute, when: 'event == "recvfrom" && socket.local.abstract == "guard-mute"', action: deny}
)",
                      "", {"--recheck"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Socket mute = Listening(SOCK_DGRAM, Abstract("guard-mute"));
    ASSERT_EQ(SendTo(Abstract("guard-mute"), "abc"), 3);
    char room[8];
    EXPECT_EQ(Got(::recv(mute.fd(), room, sizeof(room), 0)), -EACCES);
    EXPECT_EQ(Got(::read(mute.fd(), room, sizeof(room))), 3) << "which no rule speaks of";
    const std::vector<Json> told = guarding.End();
    EXPECT_EQ(enforced::Told(told), "recvfrom:deny:mute");
    EXPECT_FALSE(told.at(0)["verdict"].contains("escaped"));
}

// Whether the end of a call is seen that was waiting when the guard began (tracepoint sock_recv_length).
bool AreWaitingCallsSeen() {
    utsname kernel{};
    ::uname(&kernel);
    return std::string_view(kernel.release).substr(0, 4) != "6.1.";
}

// No rule speaks of it, so nothing but the default tells that it should not have come.
TEST(Guard, WhatADefaultRefusesIsFoundAfterwards) {
    const enforced::Pair pair = enforced::MakePair(SOCK_SEQPACKET);  // one that waits
    const pid_t waiting = ::fork();
    if (waiting == 0) {
        ::_exit(enforced::Receive(pair.far) == "late" ? 0 : 1);
    }
    Guarding guarding(R"(
  - {name: others, when: '!(socket.type == "SOCK_SEQPACKET")', action: allow}
  - {name: sends, when: 'event == "sendto"', action: allow}
)",
                      "default: deny\n", {"--recheck"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_EQ(enforced::Send(pair.near, "late"), 4);
    int status = -1;
    ::waitpid(waiting, &status, 0);
    EXPECT_EQ(status, 0) << "it was asked for before";
    EXPECT_EQ(enforced::Receive(pair.far, MSG_DONTWAIT), "-EACCES");
    const std::vector<Json> told = guarding.End();
    ASSERT_EQ(enforced::Told(told), AreWaitingCallsSeen() ? "recvfrom:deny:-*2" : "recvfrom:deny:-");
    const long escaped =
        std::ranges::count_if(told, [](const Json &one) { return one["verdict"].contains("escaped"); });
    EXPECT_EQ(escaped, AreWaitingCallsSeen() ? 1 : 0);
}

TEST(Guard, DoctorProvesIt) {
    const HiddenAddresses hidden;
    const live::Ended ended = Ask("doctor");
    EXPECT_TRUE(ended.Exited(0)) << ended.err;
    EXPECT_NE(ended.out.find("guard lsm: enforces here"), std::string::npos) << ended.out.substr(0, 4000);
    EXPECT_NE(ended.out.find("proven: Who gives descriptors"), std::string::npos) << "hooks that only some rules need";
    EXPECT_NE(ended.out.find("kptr_restrict"), std::string::npos) << "what it cannot tell then";
    EXPECT_NE(ended.out.find("guard after delivery: kills and reports here"), std::string::npos);
}

// In a guest that has no bpf among its security modules.
TEST(Unproven, IsAnErrorAndNotAGuard) {
    Guarding guarding(kSecret, "", {"--engine", "lsm"});
    EXPECT_FALSE(guarding.Works());
    EXPECT_EQ(guarding.ExitCode(), 3);
    for (const char *hook : {"socket_connect", "unix_stream_connect", "unix_may_send"}) {
        EXPECT_NE(guarding.Said().find(hook), std::string::npos) << guarding.Said();
    }
    EXPECT_NE(guarding.Said().find("/sys/kernel/security/lsm"), std::string::npos) << guarding.Said();
    EXPECT_NE(Ask("doctor").out.find("guard lsm: nothing can be refused here"), std::string::npos);
}

}  // namespace
}  // namespace guard
