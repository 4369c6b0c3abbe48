// SPDX-License-Identifier: Apache-2.0
// Messages that are delivered to processes of a test; see delivered.h.
#include "delivered.h"

#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdint>
#include <thread>

#include "traffic/uring.h"

namespace guard {

using enforced::Pair;

namespace {

constexpr const char *kReceives =
    R"(event in ["recvmsg", "recvmmsg", "recvfrom", "read", "readv", "io_uring_recv", "io_uring"] && )";

ssize_t ReceiveMessage(int socket, void *room, std::size_t size) {
    iovec parts[2] = {{room, size / 2}, {static_cast<char *>(room) + size / 2, size - size / 2}};
    msghdr header{};
    header.msg_iov = parts;
    header.msg_iovlen = 2;
    return ::recvmsg(socket, &header, 0);
}

ssize_t ReceiveMessages(int socket, void *room, std::size_t size) {
    iovec part{room, size};
    mmsghdr header{};
    header.msg_hdr.msg_iov = &part;
    header.msg_hdr.msg_iovlen = 1;
    return ::recvmmsg(socket, &header, 1, 0, nullptr);
}

ssize_t ReceiveByUring(int socket, void *room, std::size_t size) {
    traffic::Uring ring;
    io_uring_sqe request{};
    request.opcode = IORING_OP_RECV;
    request.fd = socket;
    request.addr = reinterpret_cast<std::uintptr_t>(room);
    request.len = static_cast<unsigned>(size);
    ring.Submit(request);
    return ring.Await().res;
}

}  // namespace

std::string Rule(const std::string &name, const std::string &when, const std::string &action) {
    return "  - {name: " + name + ", when: '" + kReceives + when + "', action: " + action + "}\n";
}

std::string KillsFor(const std::string &word) { return Rule("word", "payload.contains(\"" + word + "\")", "kill"); }

std::vector<Way> Ways() {
    return {
        {"recv", [](int socket, void *room, std::size_t size) { return ::recv(socket, room, size, 0); }},
        {"peek", [](int socket, void *room, std::size_t size) { return ::recv(socket, room, size, MSG_PEEK); }},
        {"read", [](int socket, void *room, std::size_t size) { return ::read(socket, room, size); }},
        {"readv",
         [](int socket, void *room, std::size_t size) {
             const iovec part{room, size};
             return ::readv(socket, &part, 1);
         }},
        {"recvmsg", ReceiveMessage},
        {"recvmmsg", ReceiveMessages},
        {"a duplicate", [](int socket, void *room, std::size_t size) { return ::recv(::dup(socket), room, size, 0); }},
        {"a second thread",
         [](int socket, void *room, std::size_t size) {
             ssize_t got = -1;
             std::thread([&] { got = ::recv(socket, room, size, 0); }).join();
             return got;
         }},
        {"io_uring", ReceiveByUring},
    };
}

Flag::Flag()
    : value_(static_cast<std::atomic<bool> *>(
          ::mmap(nullptr, sizeof(*value_), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}

Flag::~Flag() { ::munmap(value_, sizeof(*value_)); }

Outcome InChild(const Pair &pair, const Way &way, unsigned stays, const std::function<void()> &first) {
    const Flag returned;
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        if (first) {
            first();
        }
        std::string room(70000, '\0');
        const ssize_t got = way.receive(pair.far, room.data(), room.size());
        *returned = true;
        ::sleep(stays);
        ::_exit(got > 0 ? 0 : 1);
    }
    Outcome outcome;
    ::waitpid(child, &outcome.status, 0);
    outcome.returned = *returned;
    return outcome;
}

Pair Sent(const Kind &kind, const std::string &bytes) {
    const Pair pair = enforced::MakePair(kind.type, kind.family);
    EXPECT_EQ(enforced::Send(pair.near, bytes), static_cast<long>(bytes.size())) << kind.name;
    return pair;
}

void Close(const Pair &pair) {
    ::close(pair.near);
    ::close(pair.far);
}

}  // namespace guard
