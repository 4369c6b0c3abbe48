// SPDX-License-Identifier: Apache-2.0
// Receives in the place of the caller; see receiving.h.
#include "source/supervisor/receiving.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace sockwarden {
namespace {

constexpr int kScmPidfd = 4;                 // include/linux/socket.h; not in the headers of Debian 12
constexpr std::size_t kControlRoom = 16384;  // 253 descriptors, and whatever else a socket can be set to tell

// Writes control messages as put_cmsg() and scm_detach_fds() do (net/core/scm.c), cut where there is no more room.
class ControlWriter {
public:
    ControlWriter(const CallerMemory &memory, std::uint64_t room) : memory_(memory), room_(room) {}

    void put(int level, int type, Bytes data) {
        const std::size_t head = memory_.cmsg_head();
        if (room_ - bytes_.size() < head) {
            is_cut_ = true;
            return;
        }
        const std::size_t whole = head + data.size();
        const std::size_t size = std::min<std::size_t>(whole, room_ - bytes_.size());
        is_cut_ = is_cut_ || size < whole;
        const std::size_t at = bytes_.size();
        bytes_.resize(std::min<std::size_t>(at + memory_.cmsg_align(whole), room_));
        const std::uint64_t length = size;
        const std::size_t width = head - 2 * sizeof(int);
        std::memcpy(bytes_.data() + at, &length, width);
        std::memcpy(bytes_.data() + at + width, &level, sizeof(level));
        std::memcpy(bytes_.data() + at + width + sizeof(level), &type, sizeof(type));
        std::memcpy(bytes_.data() + at + head, data.data(), size - head);
    }
    // How many descriptors there is room for.
    std::size_t fd_room() const {
        const std::size_t rest = room_ - bytes_.size(), head = memory_.cmsg_head();
        return rest > head ? (rest - head) / sizeof(int) : 0;
    }
    void cut() { is_cut_ = true; }
    bool is_cut() const { return is_cut_; }
    const std::vector<std::byte> &bytes() const { return bytes_; }

private:
    const CallerMemory &memory_;
    std::size_t room_;
    std::vector<std::byte> bytes_;
    bool is_cut_ = false;
};

template <typename Take>
void each_control(std::vector<std::byte> &control, Take take) {
    msghdr message{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    for (cmsghdr *one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
        take(*one, std::span(reinterpret_cast<std::byte *>(CMSG_DATA(one)), one->cmsg_len - CMSG_LEN(0)));
    }
}

bool is_rights(const cmsghdr &control) { return control.cmsg_level == SOL_SOCKET && control.cmsg_type == SCM_RIGHTS; }
bool is_pidfd(const cmsghdr &control) { return control.cmsg_level == SOL_SOCKET && control.cmsg_type == kScmPidfd; }

// Owns what the kernel installed here.
void own_files(Received &received) {
    each_control(received.control, [&](const cmsghdr &control, std::span<std::byte> data) {
        if (is_rights(control) || is_pidfd(control)) {
            for (std::size_t at = 0; at + sizeof(int) <= data.size(); at += sizeof(int)) {
                int number = -1;
                std::memcpy(&number, data.data() + at, sizeof(number));
                if (number >= 0) {
                    (is_rights(control) ? received.files : received.pidfds).emplace_back(number);
                }
            }
        }
    });
}

}  // namespace

int read_request(const Call &call, const CallerMemory &memory, std::uint32_t index, ReceiveRequest &request) {
    request = {};
    request.flags = flags_of(call);
    const auto &args = call.args;
    const auto one_buffer = [&](std::uint64_t base, std::uint64_t length) {
        request.iov = {{base, std::min(length, kMostBytes)}};
        request.iovlen = 1;
    };
    int error = 0;
    switch (call.event) {
        case EventId::recvmsg:
        case EventId::recvmmsg: {
            request.msghdr = call.event == EventId::recvmsg ? args[1] : memory.mmsghdr(args[1], index);
            const auto head = memory.read_msghdr(request.msghdr);
            if (!head) {
                return EFAULT;
            }
            if (head->namelen < 0) {
                return EINVAL;
            }
            request.name = head->name;
            request.name_room = static_cast<std::uint32_t>(head->namelen);
            request.control = head->control;
            request.control_room = head->control != 0 ? head->controllen : 0;
            request.iovlen = head->iovlen;
            error = memory.read_iovecs(head->iov, head->iovlen, request.iov);
            break;
        }
        case EventId::recvfrom:
            one_buffer(args[1], args[2]);
            request.name = args[4];
            request.namelen_at = args[5];
            break;
        case EventId::readv:
            request.iovlen = args[2];
            error = memory.read_iovecs(args[1], args[2], request.iov) == EMSGSIZE
                        ? EINVAL  // as of a file
                        : memory.read_iovecs(args[1], args[2], request.iov);
            break;
        default:
            one_buffer(args[1], args[2]);
    }
    for (const wire::user_iovec &part : request.iov) {
        request.total += part.len;
    }
    return error;
}

bool Received::is_like(const Received &other) const {
    return length == other.length && payload == other.payload && name == other.name &&
           files.size() == other.files.size() && pidfds.size() == other.pidfds.size() &&
           control.size() == other.control.size();
}

Result<Received, int> receive(int socket, std::uint32_t flags, std::size_t room) {
    // Kept, so that nothing is cleared for each message.
    thread_local std::vector<std::byte> space, control(kControlRoom);
    if (space.size() < room) {
        space.resize(room);
    }
    sockaddr_storage name{};
    iovec buffer{space.data(), room};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = sizeof(name);
    message.msg_iov = &buffer;
    message.msg_iovlen = room == 0 ? 0 : 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    Received received;
    received.length = ::recvmsg(socket, &message, static_cast<int>(flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
    if (received.length < 0) {
        return errno;
    }
    const auto copied = std::min<std::size_t>(static_cast<std::size_t>(received.length), room);
    received.payload.assign(space.begin(), space.begin() + static_cast<std::ptrdiff_t>(copied));
    received.control.assign(control.begin(), control.begin() + static_cast<std::ptrdiff_t>(message.msg_controllen));
    received.name.assign(reinterpret_cast<const char *>(&name),
                         std::min<std::size_t>(message.msg_namelen, sizeof(name)));
    received.flags = static_cast<std::uint32_t>(message.msg_flags & ~MSG_CMSG_CLOEXEC);
    own_files(received);
    return received;
}

void cut(Received &received, const ReceiveRequest &request) {
    const bool tells_whole = (request.flags & MSG_TRUNC) != 0;
    if (received.payload.size() > request.total) {
        received.flags |= MSG_TRUNC;
        received.length = static_cast<std::int64_t>(tells_whole ? received.payload.size() : request.total);
        received.payload.resize(request.total);
    }
}

Delivered deliver(const CallerMemory &memory, const ReceiveRequest &request, const Received &received,
                  const std::function<bool(std::size_t)> &is_allowed, const Install &install) {
    Delivered delivered;
    delivered.flags = received.flags | (request.flags & std::uint32_t{MSG_CMSG_CLOEXEC});
    const bool closes = (request.flags & MSG_CMSG_CLOEXEC) != 0;
    ControlWriter own(memory, request.control_room);
    const CallerMemory plain(0, false);
    ControlWriter shown(plain, kControlRoom);
    const auto put = [&](int level, int type, Bytes data) {
        own.put(level, type, data);
        shown.put(level, type, data);
    };
    Received &source = const_cast<Received &>(received);  // each_control changes nothing
    std::vector<int> numbers;
    each_control(source.control, [&](const cmsghdr &control, std::span<std::byte> data) {
        if (is_rights(control)) {
            const std::size_t room = own.fd_room();
            for (std::size_t i = 0; i < received.files.size() && delivered.error == 0; ++i) {
                if (!is_allowed(i)) {
                    continue;
                }
                const int number = numbers.size() < room ? install(received.files[i].get(), closes) : -EMFILE;
                if (number == -ENOENT) {
                    delivered.error = ENOENT;
                } else if (number < 0) {
                    own.cut();
                    break;
                } else {
                    numbers.push_back(number);
                    delivered.files.push_back(i);
                }
            }
            own.fd_room() == 0 && !received.files.empty() ? own.cut() : void();
            if (!numbers.empty()) {
                put(SOL_SOCKET, SCM_RIGHTS, std::as_bytes(std::span(numbers)));
            }
        } else if (is_pidfd(control) && !received.pidfds.empty()) {
            const int number = own.fd_room() > 0 ? install(received.pidfds.front().get(), true) : -EMFILE;
            delivered.error = number == -ENOENT ? ENOENT : delivered.error;
            number >= 0 ? put(SOL_SOCKET, kScmPidfd, std::as_bytes(std::span(&number, 1))) : own.cut();
        } else {
            put(control.cmsg_level, control.cmsg_type, data);
        }
    });
    delivered.control = shown.bytes();
    delivered.flags |= own.is_cut() ? std::uint32_t{MSG_CTRUNC} : 0;
    if (delivered.error != 0) {
        return delivered;
    }
    const auto fault = [&] {
        delivered.error = EFAULT;
        return delivered;
    };
    if (memory.scatter(request.iov, received.payload) < received.payload.size()) {
        return fault();
    }
    const auto name_length = static_cast<std::uint32_t>(received.name.size());
    if (request.name != 0) {
        std::uint32_t room = request.name_room;
        if (request.msghdr == 0 && !memory.read(request.namelen_at, &room, sizeof(room))) {
            return fault();
        }
        if (!memory.write(request.name, received.name.data(), std::min(room, name_length)) ||
            (request.msghdr == 0 && !memory.write(request.namelen_at, &name_length, sizeof(name_length)))) {
            return fault();
        }
    }
    if (request.msghdr != 0) {
        const auto named = request.name != 0 ? std::optional(name_length) : std::nullopt;
        if (!memory.write(request.control, own.bytes().data(), own.bytes().size()) ||
            !memory.write_msghdr(request.msghdr, named, own.bytes().size(), delivered.flags)) {
            return fault();
        }
    }
    return delivered;
}

}  // namespace sockwarden
