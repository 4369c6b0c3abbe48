/* SPDX-License-Identifier: Apache-2.0 */
/* The command under test as an i386 program: its own calls, and socketcall, whose arguments lie in memory. Exit code:
 * how many checks failed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static int failed;

static long got(long result) { return result < 0 ? -errno : result; }

static void is(long value, long wanted, int line) {
    if (value != wanted) {
        ++failed;
        fprintf(stderr, "compat.c line %d: %ld, not %ld\n", line, value, wanted);
    }
}
#define IS(value, wanted) is(value, wanted, __LINE__)

/* Numbers of include/uapi/linux/net.h. */
enum { CALL_CONNECT = 3, CALL_RECV = 10, CALL_RECVFROM = 12, CALL_RECVMSG = 17, CALL_RECVMMSG = 19 };

static long by_socketcall(int call, const unsigned long *args) { return got(syscall(SYS_socketcall, call, args)); }

static void refused(int fd) {
    char bytes[16];
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};
    const unsigned long plain[] = {(unsigned long)fd, (unsigned long)bytes, sizeof(bytes), 0, 0, 0};
    const unsigned long whole[] = {(unsigned long)fd, (unsigned long)&message, 0};
    const unsigned long batch[] = {(unsigned long)fd, (unsigned long)&messages, 1, 0, 0};

    IS(got(recv(fd, bytes, sizeof(bytes), 0)), -EPERM);
    IS(got(recvmsg(fd, &message, 0)), -EPERM);
    IS(got(recvmmsg(fd, &messages, 1, 0, NULL)), -EPERM);
    IS(got(read(fd, bytes, sizeof(bytes))), -EPERM);
    IS(got(readv(fd, &part, 1)), -EPERM);
    IS(by_socketcall(CALL_RECV, plain), -EPERM);
    IS(by_socketcall(CALL_RECVFROM, plain), -EPERM);
    IS(by_socketcall(CALL_RECVMSG, whole), -EPERM);
    IS(by_socketcall(CALL_RECVMMSG, batch), -EPERM);
}

static void passed(int near, int far) {
    char bytes[2][16], control[128];
    struct iovec parts[2] = {{bytes[0], 3}, {bytes[1], 16}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = control, .msg_controllen = 128};
    const unsigned long whole[] = {(unsigned long)far, (unsigned long)&message, 0};
    int null = open("/dev/null", O_RDONLY), on = 1, number = -1, way;
    struct cmsghdr *head;
    struct ucred from;

    setsockopt(far, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    for (way = 0; way < 2; ++way) {
        char out[CMSG_SPACE(sizeof(int))] = {0};
        struct iovec word = {"abcdef", 6};
        struct msghdr sent = {.msg_iov = &word, .msg_iovlen = 1, .msg_control = out, .msg_controllen = sizeof(out)};

        head = CMSG_FIRSTHDR(&sent);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &null, sizeof(int));
        IS(got(syscall(SYS_sendmsg, near, &sent, 0)), 6); /* not by socketcall: it says who sent it */
        message.msg_controllen = sizeof(control);
        IS(way == 0 ? got(recvmsg(far, &message, 0)) : by_socketcall(CALL_RECVMSG, whole), 6);
        IS(memcmp(bytes[0], "abc", 3), 0);
        IS(memcmp(bytes[1], "def", 3), 0);
        head = CMSG_FIRSTHDR(&message);
        IS(head != NULL && head->cmsg_type == SCM_CREDENTIALS && head->cmsg_len == CMSG_LEN(sizeof(from)), 1);
        memcpy(&from, CMSG_DATA(head), sizeof(from));
        IS(from.pid, getpid());
        head = CMSG_NXTHDR(&message, head);
        IS(head != NULL && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)), 1);
        memcpy(&number, CMSG_DATA(head), sizeof(number));
        IS(fcntl(number, F_GETFD), 0);
        close(number);
    }
}

static void connecting(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0sockwarden-run-secret"};
    const socklen_t size = offsetof(struct sockaddr_un, sun_path) + 22;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const unsigned long args[] = {(unsigned long)fd, (unsigned long)&name, size};

    IS(got(connect(fd, (struct sockaddr *)&name, size)), -EACCES);
    IS(by_socketcall(CALL_CONNECT, args), -EACCES);
    name.sun_path[1] = 'S';
    IS(by_socketcall(CALL_CONNECT, args), -ECONNREFUSED);
}

/* What whoever receives it is to be killed for. */
static void receiving(const char *way) {
    char bytes[64];
    int pair[2];

    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    IS(got(send(pair[0], "delivery-secret", 15, 0)), 15);
    if (strcmp(way, "recv") == 0) {
        IS(got(recv(pair[1], bytes, sizeof(bytes), 0)), 15);
    } else if (strcmp(way, "read") == 0) {
        IS(got(read(pair[1], bytes, sizeof(bytes))), 15);
    } else {
        const unsigned long plain[] = {(unsigned long)pair[1], (unsigned long)bytes, sizeof(bytes), 0, 0, 0};

        IS(by_socketcall(CALL_RECV, plain), 15);
    }
}

int main(int argc, char **argv) {
    int bad[2], good[2];

    if (argc > 2)
        receiving(argv[2]);
    else if (argc > 1 && strcmp(argv[1], "connect") == 0)
        connecting();
    if (argc > 1)
        return failed; /* it can be run */

    socketpair(AF_UNIX, SOCK_DGRAM, 0, bad);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, good);
    IS(got(send(bad[0], "bad", 3, 0)), 3);
    refused(bad[1]);
    passed(good[0], good[1]);
    connecting();
    return failed;
}
