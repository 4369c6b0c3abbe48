// SPDX-License-Identifier: Apache-2.0
// sockwarden-traffic32: receives as an i386 program, by both system calls that lead to recvmsg, and
// tells the truth.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/net.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static FILE *truth;
static int operations;

typedef long (*receive_function)(int fd, struct msghdr *message, int flags);

static long direct(int fd, struct msghdr *message, int flags) { return syscall(SYS_recvmsg, fd, message, flags); }

// glibc would unpack nothing here: the arguments stay in memory, the registers hold their address.
static long multiplexed(int fd, struct msghdr *message, int flags) {
    unsigned long arguments[3] = {(unsigned long)fd, (unsigned long)message, (unsigned long)flags};
    return syscall(SYS_socketcall, SYS_RECVMSG, arguments);
}

static void tell_socket(int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0) {
        fprintf(truth, "\"socket\":null,");
        return;
    }
    unsigned long long cookie = 0;
    socklen_t size = sizeof(cookie);
    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
    fprintf(truth,
            "\"socket\":{\"family\":\"AF_UNIX\",\"type\":\"SOCK_DGRAM\",\"protocol\":0,"
            "\"cookie\":\"%llu\",\"inode\":\"%llu\",\"local\":{\"family\":\"AF_UNIX\"},"
            "\"remote\":{\"family\":\"AF_UNIX\"}},",
            cookie, (unsigned long long)status.st_ino);
}

static void tell_process(void) {
    char comm[16];
    prctl(PR_GET_NAME, comm);
    fprintf(truth,
            "\"process\":{\"pid\":%d,\"tid\":%ld,\"ppid\":%d,\"uid\":%u,\"gid\":%u,"
            "\"comm\":\"%s\",\"compat\":\"i386\"},",
            getpid(), syscall(SYS_gettid), getppid(), getuid(), getgid(), comm);
}

// `text` is what it must get; NULL where the call must fail with `error`.
static int receive(receive_function call, int fd, int flags, const char *text, int error) {
    char buffer[64];
    struct iovec iov = {buffer, sizeof(buffer)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    ++operations;
    errno = 0;
    const long result = call(fd, &message, flags);
    const int failed = errno;
    fprintf(truth, "{\"before_socket\":%s,\"record\":{\"event\":\"recvmsg\",\"return\":%ld,",
            error == EBADF ? "true" : "false", result);
    if (result < 0) {
        fprintf(truth, "\"errno\":\"%s\",", strerrorname_np(failed));
        fprintf(truth, "\"payload\":{\"length\":0,\"captured\":0},");
    } else {
        fprintf(truth, "\"errno\":null,\"senders\":[{\"pid\":%d}],", getpid());
        fprintf(truth, "\"payload\":{\"length\":%ld,\"captured\":%ld,\"text\":\"%.*s\"},", result, result, (int)result,
                buffer);
    }
    tell_process();
    tell_socket(fd);
    fprintf(truth,
            "\"args\":{\"sockfd\":%d,\"flags\":[%s],\"msg\":{\"address\":\"%p\",\"iovlen\":1,"
            "\"iov\":[{\"base\":\"%p\",\"len\":64}]}}}}\n",
            fd, flags == MSG_DONTWAIT ? "\"MSG_DONTWAIT\"" : "", (void *)&message, (void *)buffer);
    if (text == NULL)
        return result == -1 && failed == error;
    return result == (long)strlen(text) && memcmp(buffer, text, strlen(text)) == 0;
}

static int both(receive_function call) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0)
        return 0;
    if (send(pair[1], "thirty-two", 10, 0) != 10)
        return 0;
    return receive(call, pair[0], 0, "thirty-two", 0) && receive(call, pair[0], MSG_DONTWAIT, NULL, EAGAIN);
}

static int bad_descriptor(receive_function call) { return receive(call, 9999, 0, NULL, EBADF); }

static const struct {
    const char *name;
    int (*run)(receive_function);
    receive_function call;
} scenarios[] = {
    {"i386-direct", both, direct},
    {"i386-socketcall", both, multiplexed},
    {"i386-ebadf", bad_descriptor, direct},
    {"i386-socketcall-ebadf", bad_descriptor, multiplexed},
};

int main(int argc, char **argv) {
    const size_t count = sizeof(scenarios) / sizeof(scenarios[0]);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < count; ++i)
            printf("%s\ti386\n", scenarios[i].name);
        return 0;
    }
    if (argc != 4 || strcmp(argv[1], "--truth") != 0) {
        fprintf(stderr, "usage: sockwarden-traffic32 --list | --truth FILE SCENARIO\n");
        return 2;
    }
    truth = fopen(argv[2], "w");
    if (truth == NULL)
        return 1;
    int fine = 0;
    for (size_t i = 0; i < count; ++i) {
        if (strcmp(argv[3], scenarios[i].name) == 0)
            fine = scenarios[i].run(scenarios[i].call);
    }
    fprintf(truth, "{\"operations\":%d}\n", operations);
    return fclose(truth) == 0 && fine ? 0 : 1;
}
