// SPDX-License-Identifier: Apache-2.0
// What the program sees of itself, asked of the kernel through ordinary system calls and /proc.
#include "describe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <utility>

#include "encoding.h"

namespace traffic {
namespace {

struct Name {
    unsigned value;
    const char *name;
};

constexpr Name kMessageFlags[] = {
    {0x1, "MSG_OOB"},
    {0x2, "MSG_PEEK"},
    {0x4, "MSG_DONTROUTE"},
    {0x8, "MSG_CTRUNC"},
    {0x10, "MSG_PROXY"},
    {0x20, "MSG_TRUNC"},
    {0x40, "MSG_DONTWAIT"},
    {0x80, "MSG_EOR"},
    {0x100, "MSG_WAITALL"},
    {0x200, "MSG_FIN"},
    {0x400, "MSG_SYN"},
    {0x800, "MSG_CONFIRM"},
    {0x1000, "MSG_RST"},
    {0x2000, "MSG_ERRQUEUE"},
    {0x4000, "MSG_NOSIGNAL"},
    {0x8000, "MSG_MORE"},
    {0x10000, "MSG_WAITFORONE"},
    {0x40000, "MSG_BATCH"},
    {0x4000000, "MSG_ZEROCOPY"},
    {0x20000000, "MSG_FASTOPEN"},
    {0x40000000, "MSG_CMSG_CLOEXEC"},
};

constexpr Name kFamilies[] = {
    {AF_UNSPEC, "AF_UNSPEC"},   {AF_UNIX, "AF_UNIX"},     {AF_INET, "AF_INET"},   {AF_INET6, "AF_INET6"},
    {AF_NETLINK, "AF_NETLINK"}, {AF_PACKET, "AF_PACKET"}, {AF_VSOCK, "AF_VSOCK"},
};

constexpr Name kTypes[] = {
    {SOCK_STREAM, "SOCK_STREAM"},
    {SOCK_DGRAM, "SOCK_DGRAM"},
    {SOCK_RAW, "SOCK_RAW"},
    {SOCK_SEQPACKET, "SOCK_SEQPACKET"},
};

template <size_t N>
std::string NameOf(const Name (&table)[N], unsigned value) {
    for (const Name &row : table) {
        if (row.value == value)
            return row.name;
    }
    return std::to_string(value);
}

int SocketNumber(int fd, int option) {
    int value = -1;
    socklen_t size = sizeof(value);
    getsockopt(fd, SOL_SOCKET, option, &value, &size);
    return value;
}

std::string LinkTarget(const std::string &path) {
    std::array<char, 4096> target{};
    const ssize_t size = readlink(path.c_str(), target.data(), target.size());
    return size < 0 ? std::string() : std::string(target.data(), static_cast<size_t>(size));
}

std::string UnifiedCgroup() {
    std::ifstream file("/proc/thread-self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("0::", 0) == 0)
            return line.substr(3);
    }
    return {};
}

std::string FileType(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFREG:
            return "regular";
        case S_IFDIR:
            return "directory";
        case S_IFIFO:
            return "pipe";
        case S_IFSOCK:
            return "socket";
        case S_IFCHR:
            return "character";
        case S_IFBLK:
            return "block";
        default:
            return "anon_inode";  // epoll, eventfd …: no type bits
    }
}

Json UnixAddress(const sockaddr_un &address, socklen_t size) {
    Json shown = {{"family", "AF_UNIX"}};
    constexpr socklen_t kPath = offsetof(sockaddr_un, sun_path);
    if (size <= kPath)
        return shown;
    if (address.sun_path[0] == '\0') {
        shown["abstract"] = std::string(address.sun_path + 1, size - kPath - 1);
    } else {
        shown["path"] = std::string(address.sun_path, strnlen(address.sun_path, size - kPath));
    }
    return shown;
}

std::string AddressText(int family, const void *bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, bytes, text.data(), text.size());
    return text.data();
}

template <typename T>
T Copy(const void *bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof(value));
    return value;
}

}  // namespace

std::string Hex(const void *address) {
    std::array<char, 24> text{};
    snprintf(text.data(), text.size(), "0x%lx", reinterpret_cast<unsigned long>(address));
    return text.data();
}

std::string HexBytes(const void *bytes, size_t size) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (size_t i = 0; i < size; ++i) {
        const unsigned char byte = static_cast<const unsigned char *>(bytes)[i];
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::string FamilyName(int family) { return NameOf(kFamilies, static_cast<unsigned>(family)); }

std::string ErrnoName(int error) {
    const char *name = strerrorname_np(error);
    return name != nullptr ? name : std::to_string(error);
}

Json MessageFlags(unsigned flags) {
    Json names = Json::array();
    for (const Name &row : kMessageFlags) {
        if ((flags & row.value) != 0)
            names.push_back(row.name);
        flags &= ~row.value;
    }
    for (unsigned bit = 1; bit != 0; bit <<= 1) {
        if ((flags & bit) == 0)
            continue;
        std::array<char, 16> text{};
        snprintf(text.data(), text.size(), "0x%x", bit);
        names.push_back(text.data());
    }
    return names;
}

Json Address(const sockaddr *address, socklen_t size) {
    if (size < sizeof(sa_family_t))
        return nullptr;
    const std::string family = FamilyName(address->sa_family);
    switch (address->sa_family) {
        case AF_UNIX: {
            sockaddr_un un{};
            std::memcpy(&un, address, std::min<size_t>(size, sizeof(un)));
            return UnixAddress(un, size);
        }
        case AF_INET: {
            const auto in = Copy<sockaddr_in>(address);
            return {{"family", family}, {"address", AddressText(AF_INET, &in.sin_addr)}, {"port", ntohs(in.sin_port)}};
        }
        case AF_INET6: {
            const auto in = Copy<sockaddr_in6>(address);
            return {{"family", family},
                    {"address", AddressText(AF_INET6, &in.sin6_addr)},
                    {"port", ntohs(in.sin6_port)},
                    {"scope", in.sin6_scope_id}};
        }
        case AF_NETLINK: {
            const auto netlink = Copy<sockaddr_nl>(address);
            return {{"family", family}, {"portid", netlink.nl_pid}, {"groups", netlink.nl_groups}};
        }
        case AF_VSOCK: {
            const auto vsock = Copy<sockaddr_vm>(address);
            return {{"family", family}, {"cid", vsock.svm_cid}, {"port", vsock.svm_port}};
        }
        default:
            return {{"family", family}};
    }
}

Json Socket(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode))
        return nullptr;
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
    Json shown = {{"family", FamilyName(SocketNumber(fd, SO_DOMAIN))},
                  {"type", NameOf(kTypes, static_cast<unsigned>(SocketNumber(fd, SO_TYPE)))},
                  {"protocol", SocketNumber(fd, SO_PROTOCOL)},
                  {"cookie", std::to_string(cookie)},
                  {"inode", std::to_string(status.st_ino)}};
    struct stat netns {};
    if (stat("/proc/thread-self/ns/net", &netns) == 0) {
        shown["netns"] = std::to_string(netns.st_ino);
    }
    sockaddr_storage address{};
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    size = sizeof(address);
    if (getsockname(fd, generic, &size) == 0)
        shown["local"] = Address(generic, size);
    size = sizeof(address);
    const bool connected = getpeername(fd, generic, &size) == 0;
    shown["remote"] = connected ? Address(generic, size) : Json(nullptr);
    return shown;
}

Json Process() {
    std::array<char, 16> comm{};
    prctl(PR_GET_NAME, comm.data());
    Json shown = {{"pid", getpid()}, {"tid", gettid()},     {"ppid", getppid()}, {"uid", getuid()},
                  {"gid", getgid()}, {"comm", comm.data()}, {"compat", nullptr}, {"exe_deleted", false}};
    const std::string exe = LinkTarget("/proc/self/exe");
    if (!exe.empty())
        shown["exe"] = exe;
    const std::string cgroup = UnifiedCgroup();
    if (!cgroup.empty())
        shown["cgroup"] = cgroup;
    return shown;
}

Json PassedDescriptor(int fd) {
    struct stat status {};
    fstat(fd, &status);
    const int mode = fcntl(fd, F_GETFL);
    constexpr const char *kAccess[] = {"r", "w", "rw"};
    Json shown = {{"fd", fd},
                  {"type", FileType(status.st_mode)},
                  {"inode", std::to_string(status.st_ino)},
                  {"device", std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev))},
                  {"access", kAccess[mode & O_ACCMODE]},
                  {"status", "delivered"}};
    const std::string path = LinkTarget("/proc/self/fd/" + std::to_string(fd));
    if (path.rfind('/', 0) == 0 && status.st_nlink != 0)
        shown["path"] = path;
    return shown;
}

Json PayloadBytes(const std::string &bytes) {
    if (IsText(bytes))
        return {{"text", bytes}};
    return {{"base64", Base64(bytes)}};
}

}  // namespace traffic
