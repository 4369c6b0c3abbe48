// SPDX-License-Identifier: Apache-2.0
// Policies that the guard and `sockwarden run` enforce alike; see cases.h.
#include "cases.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <ostream>
#include <thread>

#include "actor.h"
#include "names.h"

namespace enforced {
namespace {

class Socket {
public:
    Socket(int family, int type) : fd_(::socket(family, type | SOCK_CLOEXEC, 0)) {}
    explicit Socket(int fd) : fd_(fd) {}
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    ~Socket() { ::close(fd_); }
    int fd() const { return fd_; }

private:
    int fd_;
};

// Bound to a name, and listening where the type does that.
class Served : public Socket {
public:
    Served(int family, int type, const Name &name) : Socket(family, type) {
        IS(Got(::bind(fd(), name.get(), name.size)), 0);
        if (type != SOCK_DGRAM) {
            IS(Got(::listen(fd(), 8)), 0);
        }
    }
};

long Connect(int type, const Name &name) {
    const Socket socket(name.bytes.ss_family, type);
    return Got(::connect(socket.fd(), name.get(), name.size));
}
long SendTo(int socket, const Name &name, const std::string &text) {
    return Got(::sendto(socket, text.data(), text.size(), 0, name.get(), name.size));
}
long SendTo(const Name &name, const std::string &text) {
    return SendTo(Socket(name.bytes.ss_family, SOCK_DGRAM).fd(), name, text);
}
std::string Next(const Socket &socket) { return Receive(socket.fd(), MSG_DONTWAIT, 8192); }

constexpr const char *kConnections = R"(
  - name: secret
    when: event == "connect" && socket.remote.abstract == "enforced-secret"
    action: deny
    errno: EPERM
)";
ACTOR(case_connections) {
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
        const Served secret(AF_UNIX, type, Abstract("enforced-secret")), open(AF_UNIX, type, Abstract("enforced-open"));
        IS(Connect(type, Abstract("enforced-secret")), -EPERM);
        IS(Connect(type, Abstract("enforced-open")), 0);
        IS(Connect(type, Abstract("enforced-none")), -ECONNREFUSED);
    }
}

constexpr const char *kPorts = R"(
  - name: port
    when: event == "connect" && socket.remote.port == 4242 && socket.remote.address.inCidr("127.0.0.0/8")
    action: deny
)";
ACTOR(case_ports) {
    IS(Connect(SOCK_STREAM, Inet("127.0.0.1", 4242)), -EACCES);
    IS(Connect(SOCK_STREAM, Inet("127.9.9.9", 4242)), -EACCES);
    IS(Connect(SOCK_STREAM, Inet("127.0.0.1", 4243)), -ECONNREFUSED);
}

// Every way to write this machine's address.
constexpr const char *kOtherWords = R"(
  - name: here
    when: >-
      event in ["connect", "sendto"] && socket.remote.port == 4242 &&
      (socket.remote.address.inCidr("127.0.0.0/8") || socket.remote.address == "::1")
    action: deny
)";
ACTOR(case_other_words) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        for (const char *text : {"127.0.0.1", "0.0.0.0"}) {
            IS(Connect(type, Inet(text, 4242)), -EACCES);
        }
        for (const char *text : {"::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"}) {
            IS(Connect(type, Inet6(text, 4242)), -EACCES);
        }
    }
    const Socket udp(AF_INET, SOCK_DGRAM), udp6(AF_INET6, SOCK_DGRAM);
    IS(SendTo(udp.fd(), Inet("127.0.0.1", 4242), "x"), -EACCES);
    IS(SendTo(udp.fd(), Inet("0.0.0.0", 4242), "x"), -EACCES);
    IS(SendTo(udp.fd(), Inet("127.0.0.1", 4242, AF_UNSPEC), "x"), -EACCES);
    IS(SendTo(udp.fd(), Inet("127.0.0.1", 4243), "x"), 1);
    IS(SendTo(udp6.fd(), Inet("127.0.0.1", 4242), "x"), -EACCES);
    IS(SendTo(udp6.fd(), Inet6("::", 4242), "x"), -EACCES);
}

constexpr const char *kLengths = R"(
  - name: large
    when: event in ["sendto", "write"] && payload.length > 100 && socket.family == "AF_UNIX" && socket.type == "SOCK_DGRAM"
    action: deny
    errno: EMSGSIZE
)";
ACTOR(case_lengths) {
    const Pair pair = MakePair(SOCK_DGRAM);
    const std::string text(200, 'x');
    IS(Send(pair.near, text.substr(0, 100)), 100);
    IS(Send(pair.near, text.substr(0, 101)), -EMSGSIZE);
    IS(Got(::write(pair.near, text.data(), 101)), -EMSGSIZE);
    IS(static_cast<long>(Receive(pair.far, MSG_DONTWAIT, 300).size()), 100);
    IS(Receive(pair.far, MSG_DONTWAIT), "-EAGAIN");
}

constexpr const char *kNamedSends = R"(
  - name: secret
    when: event in ["sendto", "sendmsg"] && socket.remote.abstract == "enforced-secret" && payload.length == 3
    action: deny
)";
ACTOR(case_named_sends) {
    const Name secret = Abstract("enforced-secret");
    {
        const Served there(AF_UNIX, SOCK_DGRAM, secret), open(AF_UNIX, SOCK_DGRAM, Abstract("enforced-open"));
        IS(SendTo(secret, "abc"), -EACCES);
        IS(SendTo(secret, "abcd"), 4);
        IS(SendTo(Abstract("enforced-open"), "abc"), 3);
        IS(SendTo(Abstract("enforced-none"), "abc"), -ECONNREFUSED);
        IS(Next(there), "abcd");
        IS(Next(open), "abc");
    }
    for (const int type : {SOCK_DGRAM, SOCK_SEQPACKET}) {  // to the peer, with its name and without
        const Served there(AF_UNIX, type, secret);
        const Socket sender(AF_UNIX, type);
        IS(Got(::connect(sender.fd(), secret.get(), secret.size)), 0);
        IS(Send(sender.fd(), "abc"), -EACCES);
        IS(SendTo(sender.fd(), secret, "abc"), -EACCES);
        IS(SendTo(sender.fd(), secret, "abcd"), 4);
    }
}

constexpr const char *kMute = R"(
  - name: mute
    when: socket.local.abstract == "enforced-mute" && event in ["recvfrom", "read", "recvmsg", "recvmmsg", "readv"]
    action: deny
)";
ACTOR(case_receives) {
    const Served mute(AF_UNIX, SOCK_DGRAM, Abstract("enforced-mute")),
        open(AF_UNIX, SOCK_DGRAM, Abstract("enforced-open"));
    IS(SendTo(Abstract("enforced-mute"), "abc"), 3);
    IS(SendTo(Abstract("enforced-open"), "def"), 3);
    char room[8];
    iovec part{room, sizeof(room)};
    mmsghdr batch{};
    batch.msg_hdr.msg_iov = &part;
    batch.msg_hdr.msg_iovlen = 1;
    IS(Got(::recv(mute.fd(), room, sizeof(room), 0)), -EACCES);
    IS(Got(::recv(mute.fd(), room, sizeof(room), MSG_PEEK)), -EACCES);
    IS(Got(::read(mute.fd(), room, sizeof(room))), -EACCES);
    IS(Got(::readv(mute.fd(), &part, 1)), -EACCES);
    IS(Got(::recvmsg(mute.fd(), &batch.msg_hdr, 0)), -EACCES);
    IS(Got(::recvmmsg(mute.fd(), &batch, 1, 0, nullptr)), -EACCES);
    IS(Next(open), "def");
}

// The same socket by every other way to have it.
ACTOR(case_same_socket) {
    const Served mute(AF_UNIX, SOCK_DGRAM, Abstract("enforced-mute"));
    IS(SendTo(Abstract("enforced-mute"), "abc"), 3);
    const Socket copy(::dup(mute.fd()));
    IS(Next(copy), "-EACCES");
    std::string by_thread;
    std::thread([&] { by_thread = Next(mute); }).join();
    IS(by_thread, "-EACCES");
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(Next(mute) == "-EACCES" ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    IS(status, 0);
    const Socket self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    const Socket taken(static_cast<int>(::syscall(SYS_pidfd_getfd, self.fd(), mute.fd(), 0)));
    IS(Next(taken), "-EACCES");
    const Pair pair = MakePair(SOCK_STREAM);
    const int given = mute.fd();
    IS(SendFds(pair.near, "x", &given, 1), 1);
    const Socket passed(ReceiveFd(pair.far));
    char room[8];
    IS(Got(::read(passed.fd(), room, sizeof(room))), -EACCES);
}

constexpr const char *kContent = R"(
  - name: content
    when: socket.local.abstract == "enforced-log" && payload.matches("pass(word|phrase)=[a-z]+;")
    action: drop
)";
ACTOR(case_content) {
    const Served log(AF_UNIX, SOCK_DGRAM, Abstract("enforced-log"));
    for (const std::size_t before : {0, 1, 250, 1000, 1020, 2040, 4000}) {
        const std::string text = std::string(before, '.') + "password=abc;" + std::string(10, '.');
        IS(SendTo(Abstract("enforced-log"), text), static_cast<long>(text.size()));  // the sender sees success
        IS(Next(log), "-EAGAIN");
    }
    IS(SendTo(Abstract("enforced-log"), "password=;"), 10);
    IS(Next(log), "password=;");
}

constexpr const char *kUdp = R"(
  - name: content
    when: socket.local.port == 4244 && payload.startsWith("bad") && payload.length < 100
    action: drop
)";
ACTOR(case_udp) {
    const Served receiver(AF_INET, SOCK_DGRAM, Inet("127.0.0.1", 4244));
    const std::string large = "bad" + std::string(97, '.');
    for (const std::string &text : {std::string("bad news"), std::string("good news"), large}) {
        IS(SendTo(Inet("127.0.0.1", 4244), text), static_cast<long>(text.size()));
    }
    IS(Next(receiver), "good news");
    IS(Next(receiver), large);
    IS(Next(receiver), "-EAGAIN");
}

constexpr const char *kDirectories = R"(
  - name: directories
    when: socket.local.abstract == "enforced-inbox" && fds.exists(f, f.type == "directory" && f.path == "/")
    action: drop
)";
ACTOR(case_directories) {
    const Served inbox(AF_UNIX, SOCK_DGRAM, Abstract("enforced-inbox"));
    const Socket sender(AF_UNIX, SOCK_DGRAM);
    const Name name = Abstract("enforced-inbox");
    IS(Got(::connect(sender.fd(), name.get(), name.size)), 0);
    const int root = ::open("/", O_RDONLY | O_DIRECTORY), other = ::open("/proc", O_RDONLY | O_DIRECTORY);
    IS(SendFds(sender.fd(), "root", &root, 1), 4);
    IS(SendFds(sender.fd(), "other", &other, 1), 5);
    IS(Next(inbox), "other");
    IS(Next(inbox), "-EAGAIN");
    ::close(root);
    ::close(other);
}

constexpr const char *kDescriptors = R"(
  - name: null-device
    when: event == "recvmsg" && fds.exists(f, f.path == "/dev/null" && f.type == "character")
    action: deny-fds
  - name: pipes
    when: event == "recvmsg" && fds.exists(f, f.type == "pipe" && f.access == "w")
    action: deny-fds
)";
ACTOR(case_descriptors) {
    int ends[2];
    ::pipe(ends);
    const int null = ::open("/dev/null", O_RDWR), zero = ::open("/dev/zero", O_RDONLY);
    for (const auto &[fd, arrives] :
         {std::pair(zero, true), std::pair(null, false), std::pair(ends[0], true), std::pair(ends[1], false)}) {
        const Pair pair = MakePair(SOCK_STREAM);
        IS(SendFds(pair.near, "x", &fd, 1), 1);
        const Socket got(ReceiveFd(pair.far));
        IS(got.fd() >= 0, arrives);
    }
}

constexpr const char *kDeadly = R"(
  - name: deadly
    when: event == "connect" && socket.remote.abstract == "enforced-deadly"
    action: kill
)";
ACTOR(case_deadly) {
    const Served listener(AF_UNIX, SOCK_STREAM, Abstract("enforced-deadly"));
    const pid_t child = ::fork();
    if (child == 0) {
        Connect(SOCK_STREAM, Abstract("enforced-deadly"));
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    IS(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL);
    IS(Got(::fcntl(listener.fd(), F_SETFL, O_NONBLOCK)), 0);
    IS(Got(::accept(listener.fd(), nullptr, nullptr)), -EAGAIN);
}

constexpr const char *kEarlier = R"(
  - name: one
    when: event == "connect" && socket.remote.abstract == "enforced-one"
    action: allow
  - name: rest
    when: event == "connect" && socket.family == "AF_UNIX" && socket.remote.abstract.startsWith("enforced-")
    action: deny
  - name: told
    when: event == "connect" && socket.family == "AF_UNIX"
    action: alert
)";
ACTOR(case_earlier) {
    const Served one(AF_UNIX, SOCK_STREAM, Abstract("enforced-one")),
        two(AF_UNIX, SOCK_STREAM, Abstract("enforced-two")), three(AF_UNIX, SOCK_STREAM, Abstract("other-three"));
    IS(Connect(SOCK_STREAM, Abstract("enforced-one")), 0);
    IS(Connect(SOCK_STREAM, Abstract("enforced-two")), -EACCES);
    IS(Connect(SOCK_STREAM, Abstract("other-three")), 0);
}

// More buffers than any record lists.
constexpr const char *kManyBuffers = R"(
  - name: many
    when: event == "sendmsg" && args.msg.iovlen > 64 && socket.type == "SOCK_SEQPACKET"
    action: deny
  - name: word
    when: payload.contains("forbidden") && socket.type == "SOCK_DGRAM"
    action: drop
)";
ACTOR(case_many_buffers) {
    const Pair pair = MakePair(SOCK_SEQPACKET), datagrams = MakePair(SOCK_DGRAM);
    std::string text = std::string(91, 'x') + "forbidden";
    std::vector<iovec> parts;
    for (char &byte : text) {
        parts.push_back({&byte, 1});
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = 64;
    IS(Got(::sendmsg(pair.near, &message, MSG_NOSIGNAL)), 64);
    message.msg_iovlen = 65;
    IS(Got(::sendmsg(pair.near, &message, MSG_NOSIGNAL)), -EACCES);
    message.msg_iovlen = 99;  // the word is not whole
    IS(Got(::sendmsg(datagrams.near, &message, MSG_NOSIGNAL)), 99);
    IS(static_cast<long>(Receive(datagrams.far, MSG_DONTWAIT).size()), 99);
    message.msg_iovlen = 100;
    IS(Got(::sendmsg(datagrams.near, &message, MSG_NOSIGNAL)), 100);
    message.msg_iovlen = 1;  // over 100 buffers
    IS(Got(::sendmsg(datagrams.near, &message, MSG_NOSIGNAL)), 1);
    std::string room(100, ' ');
    for (std::size_t i = 0; i < parts.size(); ++i) {
        parts[i] = {&room[i], 1};
    }
    message.msg_iovlen = 100;
    IS(Got(::recvmsg(datagrams.far, &message, MSG_DONTWAIT)), 1);
}

// A reader that asks again and again for what it is refused, as in a poll loop, and then takes it by another call.
constexpr const char *kSpins = R"(
  - name: spins
    when: event == "recvfrom" && socket.type == "SOCK_SEQPACKET"
    action: deny
)";
ACTOR(case_spins) {
    const Pair pair = MakePair(SOCK_SEQPACKET);
    IS(Send(pair.near, "first"), 5L);
    for (int i = 0; i < 250; ++i) {
        IS(Receive(pair.far), "-EACCES");
    }
    char room[16];
    IS(Got(::read(pair.far, room, sizeof(room))), 5);
    IS(Send(pair.near, "second"), 6L);
    IS(Receive(pair.far), "-EACCES");
    IS(Receive(pair.far), "-EACCES");
}

}  // namespace

const std::vector<Case> &Cases() {
    static const std::vector<Case> cases = [] {
        std::vector<Case> all = {
            {"case_connections", kConnections, "connect:deny:secret*3"},
            {"case_ports", kPorts, "connect:deny:port*2"},
            {"case_other_words", kOtherWords, "connect:deny:here*12 sendto:deny:here*5"},
            {"case_lengths", kLengths, "sendto:deny:large write:deny:large"},
            {"case_named_sends", kNamedSends, "sendto:deny:secret*5"},
            {"case_receives", kMute,
             "recvfrom:deny:mute*2 read:deny:mute readv:deny:mute recvmsg:deny:mute recvmmsg:deny:mute"},
            {"case_same_socket", kMute, "recvfrom:deny:mute*4 read:deny:mute"},
            {"case_content", kContent, "refused:drop:content*7"},
            {"case_udp", kUdp, "refused:drop:content"},
            {"case_directories", kDirectories, "refused:drop:directories"},
            {"case_descriptors", kDescriptors, "recvmsg:deny-fds:null-device recvmsg:deny-fds:pipes"},
            {"case_deadly", kDeadly, "connect:kill:deadly"},
            {"case_many_buffers", kManyBuffers, "sendmsg:deny:many refused:drop:word"},
            {"case_spins", kSpins, "recvfrom:deny:spins*99 recvfrom:deny:spins#100 recvfrom:deny:spins*2"},
            {"case_earlier", kEarlier, "connect:deny:rest connect:allow:-"},
        };
        std::ranges::move(InstalledPolicies(), std::back_inserter(all));
        return all;
    }();
    return cases;
}

void PrintTo(const Case &one, std::ostream *out) { *out << one.actor; }

std::string Told(const std::vector<live::Json> &records) {
    std::vector<std::pair<std::string, int>> told;
    for (const live::Json &record : records) {
        const live::Json &verdict = record.at("verdict");
        const std::string rule = verdict.at("rule").is_null() ? "-" : verdict.at("rule").get<std::string>();
        std::string text = live::TextAt(record, "/event") + ":" + live::TextAt(record, "/verdict/action") + ":" + rule +
                           (verdict.at("certain") == true ? "" : "?");
        if (const long refusals = verdict.value("refusals", 0L); refusals >= 100) {
            text += "#" + std::to_string(refusals);
        }
        if (told.empty() || told.back().first != text) {
            told.emplace_back(std::move(text), 0);
        }
        ++told.back().second;
    }
    std::string all;
    for (const auto &[text, count] : told) {
        all += (all.empty() ? "" : " ") + text + (count == 1 ? "" : "*" + std::to_string(count));
    }
    return all;
}

}  // namespace enforced
