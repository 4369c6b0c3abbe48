// SPDX-License-Identifier: Apache-2.0
// Records of what a supervisor sees; see records.h.
#include "source/supervisor/records.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "identity/file.h"

namespace sockwarden {
namespace {

constexpr int kSoNetnsCookie = 71;  // include/uapi/asm-generic/socket.h, Linux 5.14
constexpr std::size_t kMostKnown = 4096;
constexpr std::uint32_t kReadable = 1, kWritable = 2;  // FMODE_READ, FMODE_WRITE

// A path from the root as the kernel side writes it: leaf first, each name NUL-terminated.
std::string leaf_first(std::string_view path, std::size_t room) {
    std::string names;
    while (!path.empty()) {
        const std::size_t slash = path.rfind('/');
        const std::string_view name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
        if (!name.empty() && names.size() + name.size() < room) {
            names.append(name).push_back('\0');
        }
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
    }
    return names;
}

template <typename T>
T option(int socket, int name) {
    T value{};
    socklen_t size = sizeof(value);
    return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : T{};
}

template <typename Ask>
std::string address_of(int socket, Ask ask) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    if (ask(socket, reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        return {};
    }
    return {reinterpret_cast<const char *>(&address), std::min<std::size_t>(size, sizeof(address))};
}

bool has_path(const std::string &address) {
    return address.size() > offsetof(sockaddr_un, sun_path) && address[offsetof(sockaddr_un, sun_path)] != '\0';
}

}  // namespace

void Records::put(const void *data, std::size_t size) {
    const auto *bytes = static_cast<const std::byte *>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
}

void Records::add_process(wire::process_record record, std::string exe, std::string cgroup) {
    exe = leaf_first(exe, wire::PATH_ROOM);
    cgroup = leaf_first(cgroup, wire::PATH_ROOM);
    record.exe_size = static_cast<wire::u16>(exe.size());
    record.cgroup_size = static_cast<wire::u16>(cgroup.size());
    record.head.kind = wire::RECORD_PROCESS;
    record.head.size = static_cast<wire::u32>(sizeof(record) + exe.size() + cgroup.size());
    put(&record, sizeof(record));
    put(exe.data(), exe.size());
    put(cgroup.data(), cgroup.size());
}

void Records::add_socket(wire::socket_record record, Bytes local, Bytes remote) {
    std::array<std::byte, 2 * wire::ADDRESS_ROOM> addresses{};
    local = local.first(std::min<std::size_t>(local.size(), wire::ADDRESS_ROOM));
    remote = remote.first(std::min<std::size_t>(remote.size(), wire::ADDRESS_ROOM));
    std::ranges::copy(local, addresses.begin());
    std::ranges::copy(remote, addresses.begin() + wire::ADDRESS_ROOM);
    record.local_size = static_cast<wire::u16>(local.size());
    record.remote_size = static_cast<wire::u16>(remote.size());
    record.head.kind = wire::RECORD_SOCKET;
    record.head.size = sizeof(record) + sizeof(addresses);
    put(&record, sizeof(record));
    put(addresses.data(), addresses.size());
}

void Records::add_piece(wire::piece_kind kind, const wire::message_record &message, Bytes data, std::uint32_t offset) {
    wire::piece_record piece{};
    piece.head.time = message.head.time;
    piece.head.kind = wire::RECORD_PIECE;
    piece.head.event = static_cast<wire::u16>(kind);
    piece.head.size = static_cast<wire::u32>(sizeof(piece) + data.size());
    piece.writer = message.writer;
    piece.call = message.call;
    piece.offset = offset;
    piece.size = static_cast<wire::u32>(data.size());
    put(&piece, sizeof(piece));
    put(data.data(), data.size());
    ++pieces_;
}

void Records::add_message(wire::message_record message, Bytes payload) {
    const Bytes inside = payload.first(std::min<std::size_t>(payload.size(), wire::INLINE_PAYLOAD));
    for (std::size_t at = inside.size(); at < payload.size(); at += wire::PIECE_DATA) {
        const std::size_t size = std::min<std::size_t>(payload.size() - at, wire::PIECE_DATA);
        add_piece(wire::PIECE_PAYLOAD, message, payload.subspan(at, size), static_cast<std::uint32_t>(at));
    }
    message.pieces = std::exchange(pieces_, 0);
    message.inline_payload = static_cast<wire::u16>(inside.size());
    message.head.kind = wire::RECORD_MESSAGE;
    message.head.size = static_cast<wire::u32>(sizeof(message) + inside.size());
    put(&message, sizeof(message));
    put(inside.data(), inside.size());
}

void Records::add_files(const std::vector<Fd> &files, const wire::message_record &message) {
    std::vector<wire::fd_part> parts;
    parts.reserve(files.size());
    for (const Fd &file : files) {
        parts.push_back(describe_fd(file.get()));
    }
    add_piece(wire::PIECE_FDS, message, std::as_bytes(std::span(parts)));
    for (std::size_t i = 0; i < std::min<std::size_t>(files.size(), wire::MAX_FD_PATHS); ++i) {
        std::array<char, 4096> target{};
        const std::string link = fmt::format("/proc/self/fd/{}", files[i].get());
        const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
        std::string_view path(target.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        constexpr std::string_view kDeleted = " (deleted)", kAnonymous = "anon_inode:";
        if (parts[i].links == 0 && path.ends_with(kDeleted)) {
            path.remove_suffix(kDeleted.size());  // the reader says so again
        }
        path.remove_prefix(path.starts_with(kAnonymous) ? kAnonymous.size() : 0);
        add_piece(wire::PIECE_FD_PATH, message, as_bytes_of(leaf_first(path, wire::PATH_ROOM)),
                  static_cast<std::uint32_t>(i));
    }
}

wire::fd_part describe_fd(int fd) {
    wire::fd_part part{};
    struct stat status {};
    struct statfs system {};
    if (::fstat(fd, &status) == 0) {
        part.inode = status.st_ino;
        part.mode = status.st_mode;
        part.links = static_cast<wire::u32>(status.st_nlink);
        const auto file = find_file(fmt::format("/proc/self/fd/{}", fd));
        part.device = file ? file->device : 0;
    }
    if (::fstatfs(fd, &system) == 0) {
        part.magic = static_cast<wire::u64>(system.f_type);
    }
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_PATH) == 0) {
        const int mode = flags & O_ACCMODE;
        part.access = (mode != O_WRONLY ? kReadable : 0) | (mode != O_RDONLY ? kWritable : 0);
    }
    return part;
}

bool DescribedSocket::operator==(const DescribedSocket &other) const {
    return std::memcmp(&record, &other.record, sizeof(record)) == 0 && local == other.local && remote == other.remote;
}

SocketDescriber::SocketDescriber() {
    const Fd own(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    own_netns_cookie_ = option<std::uint64_t>(own.get(), kSoNetnsCookie);
    struct stat status {};
    own_netns_ = ::stat("/proc/self/ns/net", &status) == 0 ? status.st_ino : 0;
}

std::optional<DescribedSocket> SocketDescriber::describe(int socket) {
    struct stat status {};
    if (::fstat(socket, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return std::nullopt;
    }
    DescribedSocket described;
    wire::socket_record &record = described.record;
    record.cookie = option<std::uint64_t>(socket, SO_COOKIE);
    record.key = record.cookie;
    record.inode = status.st_ino;
    record.family = static_cast<wire::u16>(option<int>(socket, SO_DOMAIN));
    record.type = static_cast<wire::u16>(option<int>(socket, SO_TYPE));
    record.protocol = static_cast<wire::u16>(option<int>(socket, SO_PROTOCOL));
    const std::uint64_t netns = option<std::uint64_t>(socket, kSoNetnsCookie);
    record.netns = netns != 0 && netns == own_netns_cookie_ ? own_netns_ : 0;
    described.local = address_of(socket, ::getsockname);
    described.remote = address_of(socket, ::getpeername);
    if (record.family != AF_UNIX || (!has_path(described.local) && !has_path(described.remote))) {
        return described;
    }
    const auto known = record.type == SOCK_DGRAM ? known_.end() : known_.find(record.cookie);
    if (known != known_.end() && known->second.local == described.local && known->second.remote == described.remote) {
        return known->second;
    }
    has_met_files_ = true;
    const UnixDiag::Files files = diag_.files_of(record.inode, has_path(described.remote));
    record.local_inode = files.local.inode;
    record.local_device = files.local.device;
    record.remote_inode = files.remote.inode;
    record.remote_device = files.remote.device;
    if (has_path(described.remote) && record.remote_inode == 0) {
        return described;  // which may be told the next time
    }
    if (known_.size() >= kMostKnown) {
        known_.clear();
    }
    known_[record.cookie] = described;
    return described;
}

}  // namespace sockwarden
