// SPDX-License-Identifier: Apache-2.0
// Receives by the kernel's own threads: a network block device whose server is this test, which knows what it answered.
#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/nbd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "compare_parts.h"
#include "options.h"
#include "process.h"
#include "stream.h"

namespace live {
namespace {

constexpr const char *kDevice = "/dev/nbd0";
constexpr size_t kBlock = 4096, kBlocks = 16;

bool ReadAll(int fd, void *to, size_t size) {
    auto *at = static_cast<char *>(to);
    while (size > 0) {
        const ssize_t got = read(fd, at, size);
        if (got <= 0)
            return false;
        at += got;
        size -= static_cast<size_t>(got);
    }
    return true;
}

bool WriteAll(int fd, const std::string &bytes) {
    return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

// Answers reads until the device is told to disconnect; what it answered, byte by byte.
std::string Serve(int fd) {
    std::string said;
    for (;;) {
        nbd_request request{};
        if (!ReadAll(fd, &request, sizeof(request)) || ntohl(request.type) == NBD_CMD_DISC)
            return said;
        nbd_reply reply{};
        reply.magic = htonl(NBD_REPLY_MAGIC);
        std::memcpy(&reply.handle, &request.handle, sizeof(reply.handle));
        std::string answer(reinterpret_cast<const char *>(&reply), sizeof(reply));
        if (ntohl(request.type) == NBD_CMD_READ)
            answer.append(ntohl(request.len), 'n');
        said += answer;
        if (!WriteAll(fd, answer))
            return said;
    }
}

TEST(KernelThreads, AreSeenToReceive) {
    const int device = open(kDevice, O_RDWR | O_CLOEXEC);
    if (device < 0)
        GTEST_SKIP() << "no " << kDevice;
    if (Chosen().engine == "kprobe")
        GTEST_SKIP() << "the kprobe engine does not see kernel threads";
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ASSERT_EQ(ioctl(device, NBD_SET_BLKSIZE, kBlock), 0);
    ASSERT_EQ(ioctl(device, NBD_SET_SIZE_BLOCKS, kBlocks), 0);
    ASSERT_EQ(ioctl(device, NBD_SET_SOCK, ends[0]), 0);

    Process trace(TraceCommand(Chosen(), {"--events", "kernel", "--snaplen", "65535"}));
    ASSERT_TRUE(trace.AwaitAttached()) << trace.err();
    std::string said;
    std::thread server([&] {
        said = Serve(ends[1]);
        shutdown(ends[1], SHUT_RDWR);  // which the device waits for
    });
    std::thread attached([&] { ioctl(device, NBD_DO_IT); });  // until it is disconnected
    std::string bytes(kBlock, '\0');
    const int reader = open(kDevice, O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;
    for (int tries = 0; tries < 500 && got == 0; ++tries) {  // it is empty until it is attached
        got = pread(reader, bytes.data(), bytes.size(), 5 * kBlock);
        usleep(10'000);
    }
    EXPECT_EQ(got, static_cast<ssize_t>(kBlock));
    close(reader);
    EXPECT_EQ(bytes, std::string(kBlock, 'n'));
    ioctl(device, NBD_DISCONNECT);
    attached.join();
    server.join();
    ioctl(device, NBD_CLEAR_SOCK);
    trace.Signal(SIGTERM);
    const Stream stream = ParseStream(trace.Wait(Seconds(20)).out);
    close(device);
    close(ends[0]);
    close(ends[1]);

    EXPECT_EQ(Joined(CheckStream(stream)), "");
    std::string heard;
    for (const Json &call : stream.calls) {
        EXPECT_EQ(call["event"], "kernel");
        EXPECT_TRUE(call["process"]["exe"].is_null()) << call;
        if (call["return"] <= 0)
            continue;
        EXPECT_EQ(call["socket"]["family"], "AF_UNIX");
        EXPECT_EQ(call["payload"]["origin"], "K") << call;
        if (TextAt(stream.records.front(), "/engine") == "trampoline" && !Chosen().light) {
            EXPECT_EQ(call["senders"][0]["pid"], getpid()) << call;
            EXPECT_EQ(call["senders"][0]["guess"], false) << call;
        }
        heard += PayloadOf(call);
    }
    EXPECT_FALSE(said.empty());
    EXPECT_EQ(heard == said, true) << heard.size() << " bytes seen of " << said.size();
}

}  // namespace
}  // namespace live
