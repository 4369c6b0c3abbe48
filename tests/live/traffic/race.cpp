// SPDX-License-Identifier: Apache-2.0
// Receives while a second thread writes over all that the call is given and fills: the msghdr, the buffers' array, the
// buffers, the name and the ancillary data. What the kernel did is known all the same: the sender knows the bytes, and
// the length of a datagram that was cut tells which buffer the kernel took.
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "describe.h"
#include "race.h"
#include "receive.h"

namespace traffic {
namespace {

constexpr size_t kSent = 96;  // longer than any buffer
constexpr std::array<size_t, 3> kLengths{64, 56, 48};
constexpr unsigned kNonsense = 0x10000;  // no flag of the kernel's

// What both threads write to.
struct Shared {
    std::array<char, kSent> first{}, second{};
    iovec first_vector{first.data(), kLengths[0]};
    iovec second_vector{second.data(), kLengths[2]};
    sockaddr_storage name{};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr header{};
    std::atomic<bool> done{false};

    void Prepare() {
        header.msg_name = &name;
        header.msg_namelen = sizeof(name);
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        header.msg_iovlen = 1;
    }

    void Disturb() {
        for (unsigned round = 0; !done; ++round) {
            Store(header.msg_iov, round % 2 == 0 ? &first_vector : &second_vector);
            Store(first_vector.iov_len, kLengths[round / 2 % 2]);
            Store(header.msg_flags, static_cast<int>(kNonsense));
            Store(first[0], 'Z');
            Store(second[0], 'Z');
            Store(reinterpret_cast<sockaddr_un &>(name).sun_path[1], 'Z');
            Store(control[CMSG_LEN(0)], 'Z');  // the first byte of the writer's process id
        }
    }
};

// How often the caller's memory no longer said what the kernel had done when the call was back.
struct Differed {
    int payload = 0, iov = 0, flags = 0, name = 0, control = 0;
    int Least() const { return std::min({payload, iov, flags, name, control}); }
};

void Compare(const Shared &shared, size_t length, const std::string &sent, const sockaddr_un &from,
             Differed &differed) {
    const bool first = length != kLengths[2];
    const iovec vector = *shared.header.msg_iov;
    const char *buffer = first ? shared.first.data() : shared.second.data();
    ucred writer{};
    std::memcpy(&writer, shared.control.data() + CMSG_LEN(0), sizeof(writer));
    differed.payload += std::memcmp(buffer, sent.data(), length) != 0;
    differed.iov += vector.iov_base != buffer || vector.iov_len != length;
    differed.flags += shared.header.msg_flags != MSG_TRUNC;
    differed.name += std::strcmp(reinterpret_cast<const sockaddr_un &>(shared.name).sun_path, from.sun_path) != 0;
    differed.control += writer.pid != getpid();
}

Json Record(const Shared &shared, const Fd &socket, size_t length, const std::string &sent, SocketAddress &from) {
    const char *buffer = length != kLengths[2] ? shared.first.data() : shared.second.data();
    return {{"return", length},
            {"args",
             {{"sockfd", socket.get()},
              {"flags", Json::array()},
              {"msg",
               {{"address", Hex(&shared.header)},
                {"name", Address(from.get(), from.size)},
                {"iov", {{{"base", Hex(buffer)}, {"len", length}}}},
                {"iovlen", 1},
                {"control",
                 {{{"level", "SOL_SOCKET"},
                   {"type", "SCM_CREDENTIALS"},
                   {"pid", getpid()},
                   {"uid", getuid()},
                   {"gid", getgid()}}}},
                {"flags", {"MSG_TRUNC"}}}}}},
            {"payload", {{"text", sent.substr(0, length)}}}};
}

void Race(Context &context) {
    Scratch scratch;
    const Fd near = Open(AF_UNIX, SOCK_DGRAM);
    const Fd far = Open(AF_UNIX, SOCK_DGRAM);
    Bind(near, UnixPath(scratch.Path("near")));
    Bind(far, UnixPath(scratch.Path("far")));
    Connect(far, NameOf(near));
    Option(near, SOL_SOCKET, SO_PASSCRED);
    SocketAddress from = NameOf(far);
    Shared shared;
    shared.header.msg_iov = &shared.first_vector;
    Differed differed;
    const Disturber disturber([&] { shared.Disturb(); }, shared.done);
    for (int i = 0; GoesOn(i, differed.Least()); ++i) {
        std::string sent = std::to_string(i);
        sent += std::string(kSent - sent.size(), 'a');
        Send(far, sent);
        shared.Prepare();
        context.truth.CountOperation();
        const long result = syscall(SYS_recvmsg, near.get(), &shared.header, 0);
        if (std::ranges::find(kLengths, static_cast<size_t>(result)) == kLengths.end())
            throw Failure("a call did not return the length of a buffer");
        const auto length = static_cast<size_t>(result);
        Compare(shared, length, sent, reinterpret_cast<const sockaddr_un &>(from.storage), differed);
        context.truth.Append({{"record", Record(shared, near, length, sent, from)}, {"before_socket", false}});
    }
    context.truth.Append({{"differed",
                           {{"payload", differed.payload},
                            {"args.msg.iov", differed.iov},
                            {"args.msg.flags", differed.flags},
                            {"args.msg.name", differed.name},
                            {"args.msg.control", differed.control}}}});
}

constexpr Scenario kScenarios[] = {{"race", Race, "two CPUs"}};

}  // namespace

std::span<const Scenario> RaceScenarios() { return kScenarios; }

}  // namespace traffic
