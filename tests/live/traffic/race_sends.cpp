// SPDX-License-Identifier: Apache-2.0
// Sends and connects while a second thread writes over all that the call is given: the msghdr, the buffers' array, the
// buffers and the destination. What the kernel did is known from who received what.
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "describe.h"
#include "race.h"
#include "receive.h"

namespace traffic {
namespace {

constexpr std::array<size_t, 3> kLengths{64, 56, 48};

// Two sockets whose names differ in the last letter, and an address that is now the one's and now the other's.
struct Destinations {
    Scratch scratch;
    std::array<Fd, 2> sockets{Open(AF_UNIX, SOCK_DGRAM), Open(AF_UNIX, SOCK_DGRAM)};
    std::array<SocketAddress, 2> names{UnixPath(scratch.Path("to-a")), UnixPath(scratch.Path("to-b"))};
    SocketAddress shared = names[0];
    char &letter = reinterpret_cast<sockaddr_un &>(shared.storage).sun_path[shared.size - sizeof(sa_family_t) - 2];

    Destinations() {
        for (size_t i = 0; i < 2; ++i)
            Bind(sockets[i], names[i]);
        if (letter != 'a')
            throw Failure("a path does not end where its address does");
    }
    size_t Shown() const { return letter == 'a' ? 0 : 1; }
};

struct Given {
    std::array<char, 64> first{}, second{};
    iovec first_vector{first.data(), kLengths[0]};
    iovec second_vector{second.data(), kLengths[2]};
    msghdr header{};
    std::atomic<bool> done{false};

    void Disturb(char &letter) {
        for (unsigned round = 0; !done; ++round) {
            Store(header.msg_iov, round % 2 == 0 ? &first_vector : &second_vector);
            Store(first_vector.iov_len, kLengths[round / 2 % 2]);
            Store(letter, round / 4 % 2 == 0 ? 'a' : 'b');
            Store(first[0], 'Z');
            Store(second[0], 'Z');
        }
    }
};

// Who got the message, and what came.
std::pair<size_t, std::string> Arrived(const Destinations &to) {
    std::array<char, 128> bytes{};
    for (size_t i = 0; i < 2; ++i) {
        const ssize_t got = recv(to.sockets[i].get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got >= 0)
            return {i, std::string(bytes.data(), static_cast<size_t>(got))};
    }
    throw Failure("what was sent did not arrive");
}

void RaceSend(Context &context) {
    Destinations to;
    const Fd from = Open(AF_UNIX, SOCK_DGRAM);
    Given given;
    given.header.msg_name = &to.shared.storage;
    given.header.msg_namelen = to.shared.size;
    given.header.msg_iov = &given.first_vector;
    given.header.msg_iovlen = 1;
    int payload = 0, iov = 0, name = 0;
    const Disturber disturber([&] { given.Disturb(to.letter); }, given.done);
    for (int i = 0; GoesOn(i, std::min({payload, iov, name})); ++i) {
        for (std::array<char, 64> *buffer : {&given.first, &given.second}) {
            std::string text = std::to_string(i);
            text.resize(buffer->size(), 'a');
            std::memcpy(buffer->data(), text.data(), text.size());
        }
        context.truth.CountOperation();
        const long result = syscall(SYS_sendmsg, from.get(), &given.header, 0);
        const auto [place, bytes] = Arrived(to);
        Check(result == static_cast<long>(bytes.size()), "sendmsg");
        const char *base = bytes.size() != kLengths[2] ? given.first.data() : given.second.data();
        const iovec now = *given.header.msg_iov;
        payload += std::memcmp(base, bytes.data(), bytes.size()) != 0;
        iov += now.iov_base != base || now.iov_len != bytes.size();
        name += to.Shown() != place;
        SocketAddress taken = to.names[place];
        const Json message = {{"address", Hex(&given.header)},
                              {"name", Address(taken.get(), taken.size)},
                              {"iov", {{{"base", Hex(base)}, {"len", bytes.size()}}}},
                              {"iovlen", 1}};
        const Json record = {{"return", result},
                             {"args", {{"sockfd", from.get()}, {"flags", Json::array()}, {"msg", message}}},
                             {"payload", {{"text", bytes}}}};
        context.truth.Append({{"record", record}, {"before_socket", false}});
    }
    context.truth.Append({{"differed", {{"payload", payload}, {"args.msg.iov", iov}, {"args.msg.name", name}}}});
}

void RaceConnect(Context &context) {
    Destinations to;
    const Fd from = Open(AF_UNIX, SOCK_DGRAM);
    std::atomic<bool> done{false};
    int differed = 0;
    const Disturber disturber(
        [&] {
            for (unsigned round = 0; !done; ++round)
                Store(to.letter, round % 2 == 0 ? 'a' : 'b');
        },
        done);
    for (int i = 0; GoesOn(i, differed); ++i) {
        context.truth.CountOperation();
        const int result = connect(from.get(), to.shared.get(), to.shared.size);
        SocketAddress peer;
        Check(result == 0 && getpeername(from.get(), peer.get(), &peer.size) == 0, "connect");
        const size_t place = std::memcmp(&peer.storage, &to.names[0].storage, peer.size) == 0 ? 0 : 1;
        differed += to.Shown() != place;
        const Json record = {{"return", 0},
                             {"args", {{"sockfd", from.get()}, {"addr", Address(peer.get(), peer.size)}}}};
        context.truth.Append({{"record", record}, {"before_socket", false}});
    }
    context.truth.Append({{"differed", {{"args.addr", differed}}}});
}

constexpr Scenario kScenarios[] = {{"race-send", RaceSend, "two CPUs"}, {"race-connect", RaceConnect, "two CPUs"}};

}  // namespace

std::span<const Scenario> SendRaceScenarios() { return kScenarios; }

}  // namespace traffic
