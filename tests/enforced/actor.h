// SPDX-License-Identifier: Apache-2.0
// What the command under test does: functions by name, run by the test program itself when it is started for that.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <string>

namespace enforced {

// Defines a function that RunActor runs; so does `sockwarden run -- TEST --actor NAME`.
#define ACTOR(name)                                                                          \
    void Act_##name();                                                                       \
    [[maybe_unused]] const bool registered_##name = ::enforced::AddActor(#name, Act_##name); \
    void Act_##name()

bool AddActor(const char *name, void (*act)());
// The exit code: how many checks failed. 99 where there is no such actor.
int RunActor(const std::string &name);

// Says what was got and what was wanted where they differ.
void Check(long got, long wanted, const char *what, int line);
void Check(const std::string &got, const std::string &wanted, const char *what, int line);
#define IS(got, wanted) ::enforced::Check((got), (wanted), #got, __LINE__)

// The program of tests/run/compat.c, which is a 32-bit one, by a descriptor that children inherit; empty where the
// compiler cannot make it or the kernel does not run it.
std::string CompatProgram();

// What a call came to: what it returned, or minus the errno.
long Got(long result);

struct Pair {
    int near = -1, far = -1;
};
Pair MakePair(int type, int family = AF_UNIX);  // AF_INET: connected over loopback, stream or datagram

// The bytes that recv() gives, or "-ERRNO".
std::string Receive(int socket, int flags = 0, std::size_t room = 100);
long Send(int socket, const std::string &bytes, int flags = 0);
// Sends descriptors with the bytes.
long SendFds(int socket, const std::string &bytes, const int *fds, std::size_t count);
// Receives one byte, and the descriptor beside it: -1 where there is none.
int ReceiveFd(int socket);

}  // namespace enforced
