// SPDX-License-Identifier: Apache-2.0
// Files that rules name, while they are made, exchanged and made anew.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "guarding.h"

namespace guard {
namespace {

const std::string kPath = "/tmp/guard-service", kOther = "/tmp/guard-other";

sockaddr_un Named(const std::string &path) {
    sockaddr_un name{AF_UNIX, {}};
    path.copy(name.sun_path, sizeof(name.sun_path) - 1);
    return name;
}

int Serving(const std::string &path) {
    const sockaddr_un name = Named(path);
    ::unlink(path.c_str());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr *>(&name), sizeof(name)), 0);
    EXPECT_EQ(::listen(socket, 64), 0);
    return socket;
}

int Connect(const std::string &path) {
    const sockaddr_un name = Named(path);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int error = ::connect(socket, reinterpret_cast<const sockaddr *>(&name), sizeof(name)) == 0 ? 0 : errno;
    ::close(socket);
    return error;
}

// A guard looks ten times a second, and then loads and proves, which takes longer in an emulator.
bool IsRefusedSoon(const std::string &path) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < end) {
        if (Connect(path) == EACCES) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the queue of who listens is short
    }
    return false;
}

TEST(Guard, FollowsFilesThatAreMadeAnew) {
    Guarding guarding(R"(
  - name: service
    when: event == "connect" && socket.remote.path == "/tmp/guard-service"
    action: deny
)");
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    EXPECT_NE(guarding.Said().find("there is no /tmp/guard-service now"), std::string::npos) << guarding.Said();
    const int other = Serving(kOther);
    int server = Serving(kPath);
    EXPECT_TRUE(IsRefusedSoon(kPath)) << "made: " << guarding.Said();
    EXPECT_EQ(Connect(kOther), 0);
    ::close(server);
    server = Serving(kPath);
    EXPECT_TRUE(IsRefusedSoon(kPath)) << "made anew: " << guarding.Said();
    ASSERT_EQ(std::rename(kOther.c_str(), kPath.c_str()), 0);
    EXPECT_TRUE(IsRefusedSoon(kPath)) << "exchanged: " << guarding.Said();
    ::close(server);
    ::close(other);
    ::unlink(kPath.c_str());
}

}  // namespace
}  // namespace guard
