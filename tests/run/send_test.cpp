// SPDX-License-Identifier: Apache-2.0
// Sends and connections under `sockwarden run`: judged by where they go, whatever words say so.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "actor.h"
#include "supervised.h"

namespace run {
namespace {

int Listening(const char *path) {
    sockaddr_un name{AF_UNIX, {}};
    std::strncpy(name.sun_path, path, sizeof(name.sun_path) - 1);
    ::unlink(path);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    IS(Got(::bind(socket, reinterpret_cast<sockaddr *>(&name), sizeof(name))), 0);
    ::listen(socket, 8);
    return socket;
}
long Connect(const std::string &path, int flags = 0) {
    sockaddr_un name{AF_UNIX, {}};
    path.copy(name.sun_path, sizeof(name.sun_path));  // an abstract name begins with a NUL
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | flags, 0);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '\0' ? 0 : 1));
    const long got = Got(::connect(socket, reinterpret_cast<sockaddr *>(&name), size));
    ::close(socket);
    return got;
}

ACTOR(connects) {
    char folder[] = "/tmp/sockwarden-connect-XXXXXX";
    IS(::mkdtemp(folder) != nullptr, 1);
    IS(::chdir(folder), 0);
    Listening("open");
    for (const int flags : {0, int{SOCK_NONBLOCK}}) {
        IS(Connect(std::string(folder) + "/open", flags), 0);
        IS(Connect("open", flags), 0);
        IS(Connect("/tmp/sockwarden-run-secret", flags), -EACCES);
        IS(Connect("../sockwarden-run-secret", flags), -EACCES);
        ::symlink("/tmp/sockwarden-run-secret", "link");
        IS(Connect("link", flags), -EACCES);
        IS(Connect("none", flags), -ENOENT);
        ::close(::open("plain", O_CREAT | O_WRONLY, 0600));
        IS(Connect("plain", flags), -ECONNREFUSED);
        IS(Connect("/proc/version", flags), -EACCES);  // no right to write
        IS(Connect(std::string("\0sockwarden-run-none", 20), flags), -ECONNREFUSED);
        IS(Connect(std::string("\0sockwarden-run-secret", 22), flags), -EPERM);
    }
    ::system(("rm -r " + std::string(folder)).c_str());
}
TEST(Run, ConnectionsAreJudgedByTheFileThatTheyLeadTo) {
    const int secret = Listening("/tmp/sockwarden-run-secret");
    ::fchmodat(AT_FDCWD, "/tmp/sockwarden-run-secret", 0777, 0);
    const Result result = RunUnder(R"(
  - name: file
    when: event == "connect" && socket.remote.path == "/tmp/sockwarden-run-secret"
    action: deny
  - name: name
    when: event == "connect" && socket.remote.abstract == "sockwarden-run-secret"
    action: deny
    errno: EPERM
)",
                                   "connects");
    ::unlink("/tmp/sockwarden-run-secret");
    ::close(secret);
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(result.told.size(), 8U);
}

sockaddr_in Loopback(in_port_t port) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}
long SendTo(int socket, const sockaddr_in &to) {
    return Got(::sendto(socket, "x", 1, 0, reinterpret_cast<const sockaddr *>(&to), sizeof(to)));
}

ACTOR(sends) {
    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0);
    IS(SendTo(udp, Loopback(9)), -ENETUNREACH);
    IS(SendTo(udp, Loopback(10)), 1);
    const int connected = ::socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in bad = Loopback(9);
    IS(Got(::connect(connected, reinterpret_cast<const sockaddr *>(&bad), sizeof(bad))), 0);
    IS(Send(connected, "x"), -ENETUNREACH);
    IS(Got(::write(connected, "x", 1)), -ENETUNREACH);
    const int tcp = ::socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    IS(Got(::setsockopt(tcp, SOL_SOCKET, SO_ZEROCOPY, &yes, sizeof(yes))), -EOPNOTSUPP);
    const sockaddr_in fast = Loopback(10);
    IS(Got(::sendto(tcp, "x", 1, MSG_FASTOPEN, reinterpret_cast<const sockaddr *>(&fast), sizeof(fast))), -EOPNOTSUPP);
    const Pair pair = MakePair(SOCK_STREAM);
    IS(Send(pair.near, "hello"), 5);
    IS(Receive(pair.far), "hello");
    // Under a rule on sends who sends is still who sent.
    const int on = 1;
    ::setsockopt(pair.far, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    Send(pair.near, "me");
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    char bytes[10];
    iovec part{bytes, sizeof(bytes)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    IS(Got(::recvmsg(pair.far, &message, 0)), 2);
    ucred from{};
    std::memcpy(&from, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(from));
    IS(from.pid, ::getpid());
}
TEST(Run, SendsAreJudgedByWhereTheyGo) {
    const Result result = RunUnder(R"(
  - name: port
    when: event in ["sendto", "sendmsg", "sendmmsg", "write", "writev"] && socket.remote.port == 9
    action: deny
    errno: ENETUNREACH
)",
                                   "sends");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Verdicts(result), "sendto:deny sendto:deny write:deny ");
}

// What is sent before the connection is accepted goes where it was connected to.
ACTOR(unaccepted) {
    char folder[] = "/tmp/sockwarden-waiting-XXXXXX";
    IS(::mkdtemp(folder) != nullptr, 1);
    const int good = Listening((folder + std::string("/good")).c_str());
    const int bad = Listening("/tmp/sockwarden-run-bad");
    const auto connected = [](const std::string &path) {
        sockaddr_un name{AF_UNIX, {}};
        path.copy(name.sun_path, sizeof(name.sun_path) - 1);
        const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
        IS(Got(::connect(socket, reinterpret_cast<sockaddr *>(&name), sizeof(name))), 0);
        return socket;
    };
    const int first = connected(folder + std::string("/good")), second = connected(folder + std::string("/good"));
    const int third = connected("/tmp/sockwarden-run-bad");
    IS(Send(first, "first"), 5);
    IS(Send(second, "second"), 6);
    IS(Send(third, "third"), -EPERM);
    IS(Receive(::accept(good, nullptr, nullptr)), "first");
    IS(Receive(::accept(good, nullptr, nullptr)), "second");
    const int accepted = ::accept(bad, nullptr, nullptr);
    IS(Receive(accepted, MSG_DONTWAIT), "-EAGAIN");
    IS(Send(first, "again"), 5);
    IS(Send(third, "again"), -EPERM);
    ::unlink("/tmp/sockwarden-run-bad");
    ::system(("rm -r " + std::string(folder)).c_str());
}
TEST(Run, ASendGoesWhereItWasConnectedToBeforeThatIsAccepted) {
    const Result result = RunUnder(R"(
  - name: path
    when: event in ["sendto", "write"] && socket.remote.path == "/tmp/sockwarden-run-bad"
    action: deny
    errno: EPERM
)",
                                   "unaccepted");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Verdicts(result), "sendto:deny sendto:deny ");
    for (const Json &record : result.told) {
        EXPECT_EQ(record.at("verdict").at("certain"), true) << record;
    }
}

// A service that is started anew has another socket at the same path.
ACTOR(made_anew) {
    const char *const bad = "/tmp/sockwarden-run-bad", *const good = "/tmp/sockwarden-run-good";
    IS(Connect(bad), -ENOENT);
    const int first = Listening(bad);
    IS(Connect(bad), -EPERM);
    ::close(first);
    const int second = Listening(bad), other = Listening(good);
    IS(Connect(bad), -EPERM);
    IS(Connect(good), 0);
    IS(Got(::rename(good, bad)), 0);
    IS(Connect(bad), -EPERM);
    const int known = Listening(good), client = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un there{AF_UNIX, {}};
    std::strcpy(there.sun_path, good);
    IS(Got(::connect(client, reinterpret_cast<sockaddr *>(&there), sizeof(there))), 0);
    IS(Got(::rename(good, bad)), 0);
    const int file = ::open("/proc/self/exe", O_RDONLY);
    IS(Got(::sendfile(client, file, nullptr, 3)), -EPERM);
    ::close(known);
    const int udp = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    ::unlink(bad);
    sockaddr_un name{AF_UNIX, {}};
    std::strcpy(name.sun_path, bad);
    IS(Got(::bind(udp, reinterpret_cast<sockaddr *>(&name), sizeof(name))), 0);
    const int sender = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    IS(Got(::sendto(sender, "x", 1, 0, reinterpret_cast<sockaddr *>(&name), sizeof(name))), -EPERM);
    ::unlink(bad);
    ::close(second);
    ::close(other);
}
TEST(Run, AFileThatIsMadeAnewIsFollowed) {
    const Result result = RunUnder(R"(
  - name: path
    when: event in ["connect", "sendto", "sendfile"] && socket.remote.path == "/tmp/sockwarden-run-bad"
    action: deny
    errno: EPERM
)",
                                   "made_anew");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(result.told.size(), 5U);
    EXPECT_NE(result.ended.err.find("there is no /tmp/sockwarden-run-bad now"), std::string::npos) << result.Text();
}

ACTOR(transfers) {
    const int file = ::open("/proc/self/exe", O_RDONLY);
    const Pair good = MakePair(SOCK_STREAM), bad = MakePair(SOCK_STREAM, AF_INET), datagram = MakePair(SOCK_DGRAM);
    const auto transfer = [&](int to, off_t at) {
        const long got = Got(::sendfile(to, file, &at, 6));
        return got < 0 ? got : at * 100 + got;
    };
    char bytes[8] = {};
    for (const bool is_alone : {true, false}) {
        const auto all = [&] {
            IS(transfer(good.near, 1), 706);
            IS(Receive(good.far).substr(0, 3), "ELF");
            IS(transfer(bad.near, 1), -EPERM);
            IS(Got(::recv(bad.far, bytes, sizeof(bytes), MSG_DONTWAIT)), -EAGAIN);
            IS(transfer(datagram.near, 1), -EINVAL);
            IS(transfer(good.near, -5), -EINVAL);
            IS(Got(::sendfile(-1, file, nullptr, 6)), -EBADF);
        };
        is_alone ? all() : std::thread(all).join();
    }
}
TEST(Run, ASendfileIsASend) {
    const Result result = RunUnder(R"(
  - name: inet
    when: event in ["sendfile", "sendto"] && socket.family == "AF_INET"
    action: deny
    errno: EPERM
)",
                                   "transfers");
    EXPECT_TRUE(result.Passed()) << result.Text();
    EXPECT_EQ(Verdicts(result), "sendfile:deny sendfile:deny ");
    ASSERT_EQ(result.told.size(), 2U);
    EXPECT_EQ(result.told[0].at("args").at("len"), 6);
    EXPECT_EQ(live::Joined(live::CheckStream(result.stream)), "");
}

}  // namespace
}  // namespace run
