// SPDX-License-Identifier: Apache-2.0
// The control socket of the guard; see control.h.
#include "control/control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "control/lock.h"

namespace sockwarden {
namespace {

constexpr std::size_t kLongestRequest = 64;
constexpr std::size_t kLongestAnswer = std::size_t{1} << 20;
constexpr timeval kPatience{0, 100'000};     // of the guard with who asks
constexpr timeval kPatienceOfAsker{120, 0};  // a reload verifies programs anew, and waits until no task runs old ones

std::string path() { return std::string(kRunFolder) + "/control"; }

sockaddr_un address() {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string text = path();
    std::memcpy(name.sun_path, text.data(), text.size());
    return name;
}

// What comes until `end`, or until the other side has said all.
std::string read_until(int fd, char end, std::size_t most) {
    std::string text;
    char byte = 0;
    while (text.size() < most && ::recv(fd, &byte, 1, 0) == 1 && byte != end) {
        text += byte;
    }
    return text;
}

void send_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

}  // namespace

Result<Control> Control::open() {
    Control control;
    control.listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un name = address();
    ::unlink(name.sun_path);
    const mode_t before = ::umask(0177);
    const int bound = ::bind(control.listener_.get(), reinterpret_cast<const sockaddr *>(&name), sizeof(name));
    ::umask(before);
    if (bound != 0 || ::listen(control.listener_.get(), 4) != 0) {
        return errno_error("cannot listen on " + path());
    }
    control.file_ = find_file(path()).value_or(FileIdentity{});
    return control;
}

void Control::serve(const std::function<Answer(std::string_view request)> &answer) const {
    const Fd asker(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ucred who{};
    socklen_t size = sizeof(who);
    if (!asker || ::getsockopt(asker.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || who.uid != ::geteuid()) {
        return;
    }
    ::setsockopt(asker.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
    ::setsockopt(asker.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
    const Answer given = answer(read_until(asker.get(), '\n', kLongestRequest));
    send_all(asker.get(), (given.is_ok ? "ok\n" : "error\n") + given.text);
    // Who asks is known by the socket at this end, so this end goes last.
    ::shutdown(asker.get(), SHUT_WR);
    read_until(asker.get(), '\n', 1);
}

Result<std::optional<std::string>> ask_guard(std::string_view request) {
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un name = address();
    if (::connect(socket.get(), reinterpret_cast<const sockaddr *>(&name), sizeof(name)) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED) {
            return std::optional<std::string>{};
        }
        return errno_error("cannot talk to the guard");
    }
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatienceOfAsker, sizeof(kPatienceOfAsker));
    send_all(socket.get(), std::string(request) + "\n");
    const std::string kind = read_until(socket.get(), '\n', kLongestRequest);
    const std::string text = read_until(socket.get(), '\0', kLongestAnswer);
    if (kind == "ok") {
        return std::optional(text);
    }
    return Error{kind == "error" ? text : "the guard does not answer", 2};
}

}  // namespace sockwarden
