// SPDX-License-Identifier: Apache-2.0
// The policies that are installed, as both enforcers keep them; see cases.h. A guard takes in the files that are made
// here a moment after they are made, so what it is to refuse is tried until it does.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <thread>

#include "actor.h"
#include "cases.h"
#include "names.h"

namespace enforced {
namespace {

constexpr std::pair<const char *, const char *> kPolicies[] = {
#include "policies.inc"
};

// From the line `key:` to the next key.
std::string Section(const std::string &text, const std::string &key) {
    const std::size_t at = text.find("\n" + key + ":\n");
    if (at == std::string::npos) {
        return "";
    }
    std::size_t end = at + 1;
    do {
        end = text.find('\n', end + 1);
    } while (end != std::string::npos && (text[end + 1] == ' ' || text[end + 1] == '\n'));
    return text.substr(at + 1, end == std::string::npos ? end : end - at);
}

// A socket that is bound to a path: listening, or of datagrams.
class Service {
public:
    Service(const std::string &path, int type) : fd_(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)) {
        path.copy(name_.sun_path, sizeof(name_.sun_path) - 1);
        ::unlink(name_.sun_path);
        IS(Got(::bind(fd_, reinterpret_cast<const sockaddr *>(&name_), sizeof(name_))), 0);
        if (type != SOCK_DGRAM) {
            IS(Got(::listen(fd_, 64)), 0);
        }
    }
    Service(const Service &) = delete;
    Service &operator=(const Service &) = delete;
    ~Service() {
        ::close(fd_);
        ::unlink(name_.sun_path);
    }
    int fd() const { return fd_; }
    long Connect(int socket) const {
        return Got(::connect(socket, reinterpret_cast<const sockaddr *>(&name_), sizeof(name_)));
    }

private:
    sockaddr_un name_{AF_UNIX, {}};
    int fd_;
};

void Until(const char *what, const std::function<bool()> &condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(100);
    bool holds = condition();
    while (!holds && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        holds = condition();
    }
    Check(holds, true, what, __LINE__);
}

ACTOR(policy_docker_socket) {
    const Service docker("/tmp/enforced-docker", SOCK_STREAM);
    Until("refused", [&] {
        const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const long got = docker.Connect(client);
        ::close(client);
        return got == -EACCES;
    });
}

ACTOR(policy_no_device_fds) {
    for (const char *path : {"/dev/null", "/dev/zero"}) {
        const Pair pair = MakePair(SOCK_STREAM);
        const int device = ::open(path, O_RDWR | O_CLOEXEC);
        IS(SendFds(pair.near, "x", &device, 1), 1);
        const int got = ReceiveFd(pair.far);
        IS(got >= 0, std::strcmp(path, "/dev/zero") == 0);
        ::close(got);
    }
}

ACTOR(policy_dbus_size) {
    const Service bus("/tmp/enforced-bus", SOCK_STREAM);
    const std::string large((1 << 20) + 1, 'x');
    Until("refused", [&] {
        const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        IS(bus.Connect(client), 0);
        const long got = Send(client, large, MSG_DONTWAIT);
        IS(Send(client, "a small one", MSG_DONTWAIT) == -EMSGSIZE, false);
        ::close(client);
        return got == -EMSGSIZE;
    });
}

ACTOR(policy_syslog_content) {
    const Service log("/tmp/enforced-syslog", SOCK_DGRAM);
    const int client = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    IS(log.Connect(client), 0);
    Until("dropped", [&] {
        IS(Send(client, "<13>app: -----BEGIN RSA PRIVATE KEY-----"), 40);
        return Receive(log.fd(), MSG_DONTWAIT) == "-EAGAIN";
    });
    IS(Send(client, "<13>app: started"), 16);
    IS(Receive(log.fd(), MSG_DONTWAIT), "<13>app: started");
}

constexpr int kHanded = 3;

// By a program that may: it connects, sends, and hands the connection on.
ACTOR(known_sender) {
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const Name service = Path("/tmp/enforced-service");
    IS(Got(::connect(client, service.get(), service.size)), 0);
    IS(Send(client, "known"), 5);
    IS(SendFds(kHanded, "x", &client, 1), 1);
}

ACTOR(policy_service_allow_list) {
    constexpr const char *kClient = "/tmp/enforced-client";
    std::filesystem::copy_file("/proc/self/exe", kClient, std::filesystem::copy_options::overwrite_existing);
    const Service service("/tmp/enforced-service", SOCK_STREAM);
    Until("refused", [&] {
        const int stranger = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const long got = service.Connect(stranger);
        ::close(stranger);
        if (got == 0) {
            ::close(::accept4(service.fd(), nullptr, nullptr, SOCK_CLOEXEC));
        }
        return got == -EACCES;
    });
    const Pair pair = MakePair(SOCK_STREAM);
    const pid_t known = ::fork();
    if (known == 0) {
        ::dup2(pair.far, kHanded);
        ::execl(kClient, kClient, "--actor", "known_sender", nullptr);
        ::_exit(99);
    }
    int status = -1;
    ::waitpid(known, &status, 0);
    IS(status, 0);
    const int accepted = ::accept4(service.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    IS(Receive(accepted), "known");
    const int handed = ReceiveFd(pair.near);
    Until("a stranger's send refused", [&] {  // a guard comes into force point by point
        return Send(handed, "a stranger", MSG_DONTWAIT) == -EACCES || Receive(accepted, MSG_DONTWAIT) != "a stranger";
    });
    IS(Send(accepted, "an answer"), 9);
    Until("the answer refused", [&] { return Receive(handed, MSG_DONTWAIT | MSG_PEEK) == "-EACCES"; });
    IS(Receive(accepted, MSG_DONTWAIT), "-EAGAIN");
    std::filesystem::remove(kClient);
}

}  // namespace

Case Installed(const std::string &name, const std::string &actor, const std::string &told,
               std::initializer_list<std::pair<std::string, std::string>> names) {
    for (const auto &[known, content] : kPolicies) {
        if (known != name) {
            continue;
        }
        std::string text = content;
        for (const auto &[from, to] : names) {
            for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
                text.replace(at, from.size(), to);
            }
        }
        const std::string rules = Section(text, "rules");
        const std::string otherwise = text.find("\ndefault: deny\n") != std::string::npos ? "default: deny\n" : "";
        return {actor, rules.substr(rules.find('\n') + 1), told, otherwise + Section(text, "lists")};
    }
    return {actor, "", told, ""};
}

std::vector<Case> InstalledPolicies() {
    return {
        Installed("docker-socket", "policy_docker_socket", "connect:deny:only-clients",
                  {{"/run/docker.sock", "/tmp/enforced-docker"}}),
        Installed("no-device-fds", "policy_no_device_fds", "recvmsg:deny-fds:memory-and-kvm",
                  {{"/dev/kvm", "/dev/null"}}),
        Installed("dbus-size", "policy_dbus_size", "sendto:deny:too-large",
                  {{"/run/dbus/system_bus_socket", "/tmp/enforced-bus"}}),
        Installed("syslog-content", "policy_syslog_content", "refused:drop:private-key",
                  {{"/run/systemd/journal/dev-log", "/tmp/enforced-syslog"}}),
        Installed("service-allow-list", "policy_service_allow_list", "connect:deny:- sendto:deny:- recvfrom:deny:-",
                  {{"/run/myservice.sock", "/tmp/enforced-service"}, {"/usr/bin/myctl", "/tmp/enforced-client"}}),
    };
}

}  // namespace enforced
