// SPDX-License-Identifier: Apache-2.0
// Control buffers and addresses, with lengths that lie.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <random>

#include "decode/address.h"
#include "decode/control.h"
#include "records.h"

namespace sockwarden {
namespace {

using namespace std::string_view_literals;
using test::bytes_of;

std::string cmsg(std::size_t length, int level, int type, std::string_view data) {
    cmsghdr header{};
    header.cmsg_len = length;
    header.cmsg_level = level;
    header.cmsg_type = type;
    std::string bytes = bytes_of(header) + std::string(data);
    bytes.resize((bytes.size() + 7) & ~std::size_t{7});
    return bytes;
}

std::vector<ControlMessage> split(const std::string &buffer) { return split_control(as_bytes_of(buffer)); }

TEST(SplitControl, TakesSeveral) {
    const std::string buffer = cmsg(20, SOL_SOCKET, SCM_RIGHTS, "\5\0\0\0"sv) + cmsg(17, IPPROTO_IP, 8, "x");
    const auto messages = split(buffer);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(rights_of(messages[0]), std::vector{5});
    EXPECT_EQ(messages[1].level, IPPROTO_IP);
    EXPECT_EQ(as_text(messages[1].data), "x");
    EXPECT_FALSE(messages[1].cut);
}

TEST(SplitControl, StopsAtALengthThatIsTooShort) {
    for (const std::size_t length : {0, 1, 15}) {
        EXPECT_TRUE(split(cmsg(length, 1, 1, "abcd")).empty()) << length;
    }
}

TEST(SplitControl, CutsALengthThatIsTooLong) {
    for (const std::size_t length : {std::size_t{25}, std::size_t{1} << 20, SIZE_MAX, SIZE_MAX - 7, SIZE_MAX - 8}) {
        const std::string buffer = cmsg(length, 1, 1, "abcdefgh");
        const auto messages = split(buffer);
        ASSERT_EQ(messages.size(), 1U) << length;
        EXPECT_EQ(as_text(messages[0].data), "abcdefgh");
        EXPECT_TRUE(messages[0].cut);
    }
}

TEST(SplitControl, TakesLengthsThatAreNotAligned) {
    for (std::size_t length = 16; length <= 24; ++length) {
        const std::string buffer = cmsg(length, 1, 2, "abcdefgh") + (length == 16 ? "" : cmsg(16, 3, 4, ""));
        const auto messages = split(buffer);
        ASSERT_FALSE(messages.empty());
        EXPECT_EQ(messages[0].data.size(), length - 16);
        if (length > 16) {
            ASSERT_EQ(messages.size(), 2U) << length;
            EXPECT_EQ(messages[1].level, 3);
        }
    }
}

TEST(SplitControl, TakesAnyBeginningOfABuffer) {
    const std::string buffer = cmsg(20, 1, 1, "\5\0\0\0"sv) + cmsg(24, 1, 2, "abcdefgh");
    for (std::size_t size = 0; size <= buffer.size(); ++size) {
        const std::vector<char> exact(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
        for (const ControlMessage &message : split_control(as_bytes_of({exact.data(), exact.size()}))) {
            EXPECT_LE(message.data.size(), size);
            rights_of(message);
        }
    }
}

TEST(SplitControl, TakesRandomBytes) {
    std::mt19937 random(2);
    for (int round = 0; round < 20000; ++round) {
        std::vector<char> bytes(random() % 96);
        for (char &c : bytes) {
            c = static_cast<char>(random() % 4 == 0 ? random() : random() % 32);
        }
        std::size_t sum = 0;
        for (const ControlMessage &message : split_control(as_bytes_of({bytes.data(), bytes.size()}))) {
            sum += message.data.size() + sizeof(cmsghdr);
        }
        EXPECT_LE(sum, bytes.size());
    }
}

// A sockaddr of each family as its bytes.
std::string address_bytes(int family) {
    switch (family) {
        case AF_UNIX: {
            sockaddr_un address{AF_UNIX, "/run/x"};
            return bytes_of(address);
        }
        case AF_INET: {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(53);
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            return bytes_of(address);
        }
        case AF_INET6: {
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_port = htons(80);
            address.sin6_addr = in6addr_loopback;
            address.sin6_scope_id = 3;
            return bytes_of(address);
        }
        case AF_NETLINK: {
            sockaddr_nl address{};
            address.nl_family = AF_NETLINK;
            address.nl_pid = 4711;
            address.nl_groups = 1;
            return bytes_of(address);
        }
        case AF_VSOCK: {
            sockaddr_vm address{};
            address.svm_family = AF_VSOCK;
            address.svm_cid = 2;
            address.svm_port = 1024;
            return bytes_of(address);
        }
        default: {
            std::string bytes = "??data";
            bytes[0] = static_cast<char>(family);
            bytes[1] = 0;
            return bytes;
        }
    }
}

std::string text_of(std::string_view bytes, std::uint16_t family) {
    return address_text(decode_address(as_bytes_of(bytes), family));
}

TEST(Address, EachFamily) {
    EXPECT_EQ(text_of(address_bytes(AF_UNIX), AF_UNIX), "/run/x");
    EXPECT_EQ(text_of(address_bytes(AF_INET), AF_INET), "127.0.0.1:53");
    EXPECT_EQ(text_of(address_bytes(AF_INET6), AF_INET6), "[::1]:80");
    EXPECT_EQ(text_of(address_bytes(AF_NETLINK), AF_NETLINK), "netlink:4711");
    EXPECT_EQ(text_of(address_bytes(AF_VSOCK), AF_VSOCK), "vsock:2:1024");
    EXPECT_EQ(text_of(address_bytes(AF_PACKET), AF_PACKET), "64617461");
}

TEST(Address, UnixForms) {
    EXPECT_EQ(decode_address({}, AF_UNIX).form, Address::Form::unix_unnamed);
    EXPECT_EQ(decode_address(as_bytes_of("\1\0"sv), AF_UNIX).form, Address::Form::unix_unnamed);
    const std::string abstract("\1\0\0na\0me", 8);
    const Address address = decode_address(as_bytes_of(abstract), AF_UNIX);
    EXPECT_EQ(address.form, Address::Form::unix_abstract);
    EXPECT_EQ(address.name, "na\0me"sv);
    EXPECT_EQ(address_text(address), "@na\\x00me");
    EXPECT_EQ(text_of(std::string(2, '\1') + "x", AF_UNIX), "78") << "a family that is none";
}

std::string inet(const char *address) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    inet_pton(AF_INET, address, &in.sin_addr);
    return bytes_of(in);
}

std::string inet6(const char *address) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    inet_pton(AF_INET6, address, &in.sin6_addr);
    return bytes_of(in);
}

TEST(Address, IsElsewhereUnlessItCanBeThisMachine) {
    const auto elsewhere = [](const std::string &address, const std::string &own) {
        return is_elsewhere(as_bytes_of(address), as_bytes_of(own));
    };
    EXPECT_TRUE(elsewhere(inet("192.0.2.1"), inet("192.0.2.2")));
    EXPECT_FALSE(elsewhere(inet("192.0.2.1"), inet("192.0.2.1")));
    EXPECT_FALSE(elsewhere(inet("127.3.2.1"), inet("192.0.2.2")));
    EXPECT_TRUE(elsewhere(inet6("2001:db8::1"), inet6("2001:db8::2")));
    EXPECT_FALSE(elsewhere(inet6("2001:db8::1"), inet6("2001:db8::1")));
    EXPECT_FALSE(elsewhere(inet6("::1"), inet6("2001:db8::2")));
    EXPECT_FALSE(elsewhere(inet6("::ffff:127.0.0.1"), inet6("::")));
    EXPECT_FALSE(elsewhere("", inet("192.0.2.2")));
    EXPECT_FALSE(elsewhere(std::string("\1\0/run/x", 8), ""));
    for (std::size_t size = 0; size < sizeof(sockaddr_in6); ++size) {
        elsewhere(inet6("2001:db8::1").substr(0, size), inet6("::1").substr(0, size));
    }
}

TEST(Address, EveryTruncatedLength) {
    for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_VSOCK, AF_PACKET, AF_UNSPEC}) {
        const std::string whole = address_bytes(family);
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            const std::vector<char> exact(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            const Address address =
                decode_address(as_bytes_of({exact.data(), size}), static_cast<std::uint16_t>(family));
            EXPECT_EQ(address.family, family);
            EXPECT_LE(address.name.size() + address.data.size(), size);
            address_text(address);
        }
    }
    // What the kernel writes into a buffer that is too short is told raw, not guessed.
    EXPECT_EQ(decode_address(as_bytes_of(address_bytes(AF_INET)).first(7), AF_INET).form, Address::Form::other);
    EXPECT_EQ(decode_address(as_bytes_of(address_bytes(AF_INET)).first(8), AF_INET).form, Address::Form::inet);
    EXPECT_EQ(decode_address(as_bytes_of(address_bytes(AF_INET6)).first(24), AF_INET6).scope, 0U);
}

}  // namespace
}  // namespace sockwarden
