// SPDX-License-Identifier: Apache-2.0
// Under a guard, descriptors by who gave them: the installed policy no-fd-smuggling, and ways round it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pthread.h>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>

#include "actor.h"
#include "cases.h"
#include "group.h"
#include "guarding.h"
#include "names.h"
#include "options.h"
#include "traffic/uring.h"

namespace guard {
namespace {

using enforced::Got;
using enforced::MakePair;
using enforced::Pair;
using enforced::ReceiveFd;

constexpr int kTypes[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
constexpr const char *kRefused = "recvmsg:deny-fds:from-another-cgroup";

// Room for one byte and one descriptor.
struct Room {
    char byte = 0;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{&byte, 1};
    msghdr header{};

    Room() {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof(control);
    }
    bool HasFd() const {
        const cmsghdr *head = CMSG_FIRSTHDR(&header);
        return byte == 'x' && head != nullptr && head->cmsg_type == SCM_RIGHTS &&
               head->cmsg_len == CMSG_LEN(sizeof(int));
    }
};

long ByBatch(int socket) {
    Room room;
    mmsghdr messages{room.header, 0};
    const long got = Got(::recvmmsg(socket, &messages, 1, 0, nullptr));
    room.header = messages.msg_hdr;
    return got == 1 && room.HasFd();
}

long ByUring(int socket) {
    Room room;
    io_uring_sqe request{};
    request.opcode = IORING_OP_RECVMSG;
    request.fd = socket;
    request.addr = reinterpret_cast<std::uintptr_t>(&room.header);
    request.len = 1;
    traffic::Uring ring;
    ring.Submit(request);
    return ring.Await().res == 1 && room.HasFd();
}

// Cgroups: of who receives, of a stranger, and of one that may give.
class Givers : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(HaveHierarchy());
        here_ = std::make_unique<Group>("givers-here");
        there_ = std::make_unique<Group>("givers-there");
        may_ = std::make_unique<Group>("givers-may");
    }
    static std::unique_ptr<Guarding> Smuggling() {
        const enforced::Case policy = enforced::Installed("no-fd-smuggling", "", "", {{"/init.scope", "/givers-may"}});
        return std::make_unique<Guarding>(policy.rules, policy.head);
    }
    static void Give(const Group &group, int socket) {
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        EXPECT_EQ(group.In([&] { return enforced::SendFds(socket, "x", &null, 1); }), 1);
        ::close(null);
    }
    bool Arrives(int socket) const {
        return here_->In([&] { return ReceiveFd(socket) >= 0; }) == 1;
    }

    std::unique_ptr<Group> here_, there_, may_;
};

TEST_F(Givers, OfTheSameCgroupAndOfThoseThatMay) {
    const auto guarding = Smuggling();
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    for (const int type : kTypes) {
        const Pair good = MakePair(type), allowed = MakePair(type), bad = MakePair(type);
        Give(*here_, good.near);
        EXPECT_TRUE(Arrives(good.far)) << type;
        Give(*may_, allowed.near);
        EXPECT_TRUE(Arrives(allowed.far)) << type;
        Give(*there_, bad.near);
        EXPECT_FALSE(Arrives(bad.far)) << type;
        EXPECT_EQ(there_->In([&] { return enforced::Send(bad.near, "text"); }), 4);
        EXPECT_EQ(enforced::Receive(bad.far), "text") << "the connection goes on";
    }
    EXPECT_EQ(enforced::Told(guarding->End()), std::string(kRefused) + "*3");
}

TEST_F(Givers, HoweverTheyAreReceived) {
    const auto guarding = Smuggling();
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    for (const int type : kTypes) {
        for (const auto way : {ByBatch, ByUring}) {
            const Pair good = MakePair(type), bad = MakePair(type);
            Give(*here_, good.near);
            EXPECT_EQ(here_->In([&] { return way(good.far); }), 1) << type;
            Give(*there_, bad.near);
            EXPECT_EQ(here_->In([&] { return way(bad.far); }), 0) << type;
        }
    }
    const std::string each = "recvmmsg:deny-fds:from-another-cgroup io_uring_recvmsg:deny-fds:from-another-cgroup";
    EXPECT_EQ(enforced::Told(guarding->End()), each + " " + each + " " + each);
}

// Whoever shares a socket with one that may give gives nothing in his name.
TEST_F(Givers, InDoubtWhereSeveralGive) {
    const auto guarding = Smuggling();
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    for (const int type : kTypes) {
        const Pair shared = MakePair(type);
        Give(*here_, shared.near);
        EXPECT_TRUE(Arrives(shared.far)) << type;
        Give(*there_, shared.near);
        EXPECT_FALSE(Arrives(shared.far)) << type;
        Give(*here_, shared.near);
        EXPECT_FALSE(Arrives(shared.far)) << "those that are queued may be anyone's";
        const Pair first = MakePair(type);
        Give(*there_, first.near);
        Give(*here_, first.near);
        EXPECT_FALSE(Arrives(first.far)) << type;
        EXPECT_FALSE(Arrives(first.far)) << type;
    }
    EXPECT_EQ(enforced::Told(guarding->End()), std::string(kRefused) + "?*12");
}

// What waits when the guard begins was given by nobody knows whom, and hides who gives behind it.
TEST_F(Givers, InDoubtBeforeTheGuard) {
    Pair early[3];
    for (int i = 0; i < 3; ++i) {
        early[i] = MakePair(kTypes[i]);
        Give(*there_, early[i].near);
    }
    const auto guarding = Smuggling();
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    EXPECT_FALSE(Arrives(early[0].far)) << "nothing is known of it";
    for (const Pair &pair : early) {
        Give(*here_, pair.near);
    }
    EXPECT_TRUE(Arrives(early[0].far)) << "nothing waited";
    for (int i = 1; i < 3; ++i) {
        EXPECT_FALSE(Arrives(early[i].far)) << kTypes[i];
        EXPECT_FALSE(Arrives(early[i].far)) << kTypes[i];
    }
    EXPECT_EQ(enforced::Told(guarding->End()), std::string(kRefused) + "?*5");
}

// Messages without descriptors that wait hide nobody, if they were sent under the guard; programs of fmod_ret have
// nothing to remember that by.
TEST_F(Givers, BehindOtherMessages) {
    const bool remembers = live::Chosen().engine != "fmod_ret";
    Pair early[3];
    for (int i = 0; i < 3; ++i) {
        early[i] = MakePair(kTypes[i]);
        EXPECT_EQ(enforced::Send(early[i].near, "text"), 4);
    }
    const auto guarding = Smuggling();
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    for (const int type : kTypes) {
        const Pair pair = MakePair(type);
        EXPECT_EQ(there_->In([&] { return enforced::Send(pair.near, "text"); }), 4);
        Give(*here_, pair.near);
        EXPECT_EQ(enforced::Receive(pair.far, 0, 4), "text");
        EXPECT_EQ(Arrives(pair.far), remembers) << type;
    }
    for (const Pair &pair : early) {
        Give(*here_, pair.near);
        EXPECT_EQ(enforced::Receive(pair.far, 0, 4), "text");
        EXPECT_FALSE(Arrives(pair.far)) << "it waits with what nobody saw being sent";
    }
    EXPECT_EQ(enforced::Told(guarding->End()), std::string(kRefused) + (remembers ? "?*3" : "?*6"));
}

// Where nothing tells a message from a supervisor.
TEST_F(Givers, InDoubtWhereTheKernelHidesAddresses) {
    const HiddenAddresses hidden;
    const auto guarding = Smuggling();
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    EXPECT_NE(guarding->Said().find("kptr_restrict"), std::string::npos) << guarding->Said();
    const Pair pair = MakePair(SOCK_STREAM);
    Give(*here_, pair.near);
    EXPECT_FALSE(Arrives(pair.far));
    EXPECT_EQ(enforced::Told(guarding->End()), std::string(kRefused) + "?");
}

// By datagrams to a name; and by a stream to a socket that was bound, connected and accepted.
TEST_F(Givers, ToNames) {
    const auto guarding = Smuggling();
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    const enforced::Name name = enforced::Abstract("givers-name");
    const int there = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(there, name.get(), name.size), 0);
    const auto connected = [&](int type) {
        const int socket = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        EXPECT_EQ(Got(::connect(socket, name.get(), name.size)), 0);
        return socket;
    };
    Give(*here_, connected(SOCK_DGRAM));
    EXPECT_TRUE(Arrives(there));
    Give(*there_, connected(SOCK_DGRAM));
    EXPECT_FALSE(Arrives(there));
    ::close(there);
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(listening, name.get(), name.size), 0);
    ASSERT_EQ(::listen(listening, 4), 0);
    const int stranger = connected(SOCK_STREAM), friendly = connected(SOCK_STREAM);
    Give(*there_, stranger);
    Give(*here_, friendly);
    ::close(friendly);
    const int first = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    const int second = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    EXPECT_FALSE(Arrives(first)) << "it was sent before it was accepted";
    EXPECT_TRUE(Arrives(second)) << "and the other end is closed";
    EXPECT_EQ(enforced::Told(guarding->End()), std::string(kRefused) + "? " + kRefused);
}

// A child that has each recvmsg answered by a supervisor: the filter's listener, which it sends over a socket.
void BeSupervised(int to) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_recvmsg, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{std::size(filter), filter};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const int listener =
        static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    enforced::SendFds(to, "x", &listener, 1);
}

// Lets the call that waits go on, after it has been given a file, if there is one: what came of giving.
long Answer(int listener, int file) {
    seccomp_notif asked{};
    EXPECT_EQ(Got(::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked)), 0);
    seccomp_notif_addfd give{};
    give.id = asked.id;
    give.srcfd = static_cast<__u32>(file);
    const long given = file < 0 ? 0 : Got(::ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &give));
    seccomp_notif_resp answer{};
    answer.id = asked.id;
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    EXPECT_EQ(Got(::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer)), 0);
    return given;
}

// Who puts a descriptor into a task that is about to receive one does not go by the name of whoever sent that.
TEST_F(Givers, OfAMessageAlone) {
    const Pair pair = MakePair(SOCK_STREAM), control = MakePair(SOCK_STREAM);
    int go[2] = {-1, -1};
    ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);  // no socket: what was received from last counts
    const pid_t child = ::fork();
    if (child == 0) {
        here_->Enter();
        BeSupervised(control.near);
        char byte = 0;
        int arrived = 0;
        for (int i = 0; i < 2 && ::read(go[0], &byte, 1) == 1; ++i) {
            arrived += ReceiveFd(pair.far) >= 0 ? 1 : 0;
        }
        ::_exit(arrived);
    }
    const int listener = ReceiveFd(control.far);
    ASSERT_GE(listener, 0);
    const auto guarding = Smuggling();
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    const int zero = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    for (const bool gives : {false, true}) {
        Give(*here_, pair.near);
        EXPECT_EQ(::write(go[1], "x", 1), 1);
        EXPECT_EQ(Answer(listener, gives ? zero : -1), gives ? -EACCES : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 2) << "the messages brought theirs";
    EXPECT_EQ(enforced::Told(guarding->End()), std::string(kRefused) + "?");
}

// By facts of the giver, and compared with whoever receives.
TEST_F(Givers, ByWhatTheyAre) {
    Guarding guarding(R"(
  - name: others
    when: event == "recvmsg" && senders.exists(s, s.uid != process.uid)
    action: deny-fds
  - name: by-comm
    when: event == "recvmsg" && senders.exists(s, s.comm == "giver-by-name")
    action: deny-fds
  - name: by-pid
    when: event == "recvmsg" && senders.all(s, s.pid == process.pid) && fds.exists(f, f.path == "/dev/zero")
    action: deny-fds
  - name: by-path
    when: event == "recvmsg" && senders.exists(s, s.exe.path.startsWith("/nowhere/"))
    action: deny-fds
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const auto give = [&](const char *path, const std::function<void()> &first) {
        const Pair pair = MakePair(SOCK_STREAM);
        const int file = ::open(path, O_RDONLY | O_CLOEXEC);
        EXPECT_EQ(here_->In([&] {
            first();
            return enforced::SendFds(pair.near, "x", &file, 1);
        }),
                  1);
        return pair.far;
    };
    EXPECT_GE(ReceiveFd(give("/dev/null", [] {})), 0);
    EXPECT_EQ(ReceiveFd(give("/dev/null", [] { EXPECT_EQ(::setuid(65534), 0); })), -1);
    EXPECT_EQ(ReceiveFd(give("/dev/null", [] { ::pthread_setname_np(::pthread_self(), "giver-by-name"); })), -1);
    EXPECT_GE(ReceiveFd(give("/dev/zero", [] {})), 0) << "another process gave it";
    const Pair own = MakePair(SOCK_STREAM);
    const int zero = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(enforced::SendFds(own.near, "x", &zero, 1), 1);
    EXPECT_EQ(ReceiveFd(own.far), -1);
    EXPECT_EQ(enforced::Told(guarding.End()),
              "recvmsg:deny-fds:others recvmsg:deny-fds:by-comm recvmsg:deny-fds:by-pid");
}

// A reload knows what its predecessor knew.
TEST_F(Givers, AcrossAReload) {
    const auto guarding = Smuggling();
    ASSERT_TRUE(guarding->Works()) << guarding->Said();
    const Pair good = MakePair(SOCK_STREAM), bad = MakePair(SOCK_STREAM);
    Give(*here_, good.near);
    Give(*there_, bad.near);
    const live::Ended reloaded = live::Process({live::Chosen().sockwarden, "reload"}).Wait();
    EXPECT_TRUE(reloaded.Exited(0)) << reloaded.err;
    EXPECT_TRUE(Arrives(good.far));
    EXPECT_FALSE(Arrives(bad.far));
    EXPECT_EQ(enforced::Told(guarding->End()), kRefused);
}

}  // namespace
}  // namespace guard
