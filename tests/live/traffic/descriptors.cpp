// SPDX-License-Identifier: Apache-2.0
// Scenarios about descriptors passed over UNIX sockets.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "receive.h"

namespace traffic {
namespace {

constexpr size_t RoomFor(size_t fds) { return CMSG_LEN(fds * sizeof(int)); }

Fd MakeFile(Scratch &scratch, const std::string &name, int mode = O_RDWR) {
    Fd fd(open(scratch.Path(name).c_str(), mode | O_CREAT, 0644));
    Check(fd.get() >= 0, "open");
    return fd;
}

void CheckCount(const Outcome &outcome, size_t fds) {
    if (outcome.descriptors.size() != fds)
        throw Failure("another number of descriptors arrived");
}

void OneOver(Context &context, int type) {
    Scratch scratch;
    const Pair pair = UnixPair(type);
    const Fd file = MakeFile(scratch, "passed", O_RDONLY);
    SendDescriptors(pair.far, "one fd", {file.get()});
    const Outcome outcome = Receive(context, pair.near).Control(64).Sent(1).Gets("one fd");
    CheckCount(outcome, 1);
    CloseAll(outcome.descriptors);
}

void OneStream(Context &context) { OneOver(context, SOCK_STREAM); }
void OneDatagram(Context &context) { OneOver(context, SOCK_DGRAM); }
void OneSeqPacket(Context &context) { OneOver(context, SOCK_SEQPACKET); }

void Most(Context &context) {
    Scratch scratch;
    const Pair pair = UnixPair(SOCK_STREAM);
    const Fd file = MakeFile(scratch, "passed");
    SendDescriptors(pair.far, "253 fds", std::vector<int>(253, file.get()));
    const Outcome outcome = Receive(context, pair.near).Control(RoomFor(253)).Sent(253).Gets("253 fds");
    CheckCount(outcome, 253);
    CloseAll(outcome.descriptors);
}

void SixteenFiles(Context &context) {
    Scratch scratch;
    const Pair pair = UnixPair(SOCK_DGRAM);
    std::vector<Fd> files;
    std::vector<int> fds;
    for (int i = 0; i < 16; ++i) {
        files.push_back(MakeFile(scratch, "file-" + std::to_string(i)));
        fds.push_back(files.back().get());
    }
    SendDescriptors(pair.far, "16 files", fds);
    const Outcome outcome = Receive(context, pair.near).Control(RoomFor(16)).Sent(16).Gets("16 files");
    CheckCount(outcome, 16);
    CloseAll(outcome.descriptors);
}

// Three travel, the control buffer has room for `arrive`.
void TooSmall(Context &context, size_t room, size_t arrive) {
    Scratch scratch;
    const Pair pair = UnixPair(SOCK_STREAM);
    const Fd file = MakeFile(scratch, "passed");
    SendDescriptors(pair.far, "three", {file.get(), file.get(), file.get()});
    const Outcome outcome = Receive(context, pair.near).Control(room).Sent(3).Gets("three");
    CheckCount(outcome, arrive);
    if ((outcome.flags & MSG_CTRUNC) == 0)
        throw Failure("MSG_CTRUNC is not set");
    CloseAll(outcome.descriptors);
}

void RoomForOne(Context &context) { TooSmall(context, RoomFor(1), 1); }
void RoomForNone(Context &context) { TooSmall(context, 0, 0); }

void NoControlBuffer(Context &context) {
    Scratch scratch;
    const Pair pair = UnixPair(SOCK_DGRAM);
    const Fd file = MakeFile(scratch, "passed");
    SendDescriptors(pair.far, "lost", {file.get()});
    CheckCount(Receive(context, pair.near).Sent(1).Gets("lost"), 0);
}

void CloseOnExec(Context &context) {
    Scratch scratch;
    const Pair pair = UnixPair(SOCK_STREAM);
    const Fd file = MakeFile(scratch, "passed");
    SendDescriptors(pair.far, "cloexec", {file.get()});
    const Outcome outcome = Receive(context, pair.near).Control(64).Sent(1).Flags(MSG_CMSG_CLOEXEC).Gets("cloexec");
    CheckCount(outcome, 1);
    if (fcntl(outcome.descriptors[0], F_GETFD) != FD_CLOEXEC)
        throw Failure("no FD_CLOEXEC");
    CloseAll(outcome.descriptors);
}

void ManyTypes(Context &context) {
    Scratch scratch;
    const Pair pair = UnixPair(SOCK_STREAM);
    const Fd regular = MakeFile(scratch, "regular");
    const Fd write_only = MakeFile(scratch, "write-only", O_WRONLY);
    const Fd deleted = MakeFile(scratch, "deleted");
    unlink(scratch.Path("deleted").c_str());
    const Fd directory(open(scratch.Path("").c_str(), O_RDONLY | O_DIRECTORY));
    int ends[2];
    Check(pipe(ends) == 0, "pipe");
    const Fd pipe_read(ends[0]);
    const Fd pipe_write(ends[1]);
    const Fd socket = Open(AF_INET, SOCK_DGRAM);
    const Fd memory(memfd_create("passed-memory", 0));
    const Fd epoll(epoll_create1(0));
    const Fd event(eventfd(0, 0));
    const Fd null(open("/dev/null", O_RDWR));
    const std::vector<int> fds = {regular.get(),   write_only.get(), deleted.get(), directory.get(),
                                  pipe_read.get(), pipe_write.get(), socket.get(),  memory.get(),
                                  epoll.get(),     event.get(),      null.get()};
    SendDescriptors(pair.far, "types", fds);
    const Outcome outcome = Receive(context, pair.near).Control(RoomFor(fds.size())).Sent(fds.size()).Gets("types");
    CheckCount(outcome, fds.size());
    CloseAll(outcome.descriptors);
}

void Peeked(Context &context) {
    Scratch scratch;
    const Pair pair = UnixPair(SOCK_DGRAM);
    const Fd file = MakeFile(scratch, "passed");
    SendDescriptors(pair.far, "twice", {file.get()});
    const Outcome peeked = Receive(context, pair.near).Control(64).Sent(1).Flags(MSG_PEEK).Gets("twice");
    const Outcome taken = Receive(context, pair.near).Control(64).Sent(1).Gets("twice");
    CheckCount(peeked, 1);
    CheckCount(taken, 1);
    CloseAll(peeked.descriptors);
    CloseAll(taken.descriptors);
}

void OneByOne(Context &context) {
    Scratch scratch;
    const Pair pair = UnixPair(SOCK_STREAM);
    const Fd first = MakeFile(scratch, "first");
    const Fd second = MakeFile(scratch, "second");
    SendDescriptors(pair.far, "a", {first.get()});
    SendDescriptors(pair.far, "b", {second.get()});
    Send(pair.far, "c");
    for (const char *bytes : {"a", "b"}) {  // a stream stops where descriptors change
        const Outcome outcome = Receive(context, pair.near).Control(64).Sent(1).Gets(bytes);
        CheckCount(outcome, 1);
        CloseAll(outcome.descriptors);
    }
    CheckCount(Receive(context, pair.near).Control(64).Gets("c"), 0);
}

constexpr Scenario kScenarios[] = {
    {"fds-stream", OneStream, ""},
    {"fds-datagram", OneDatagram, ""},
    {"fds-seqpacket", OneSeqPacket, ""},
    {"fds-253", Most, ""},
    {"fds-16-files", SixteenFiles, ""},
    {"fds-room-for-one", RoomForOne, ""},
    {"fds-room-for-none", RoomForNone, ""},
    {"fds-no-control", NoControlBuffer, ""},
    {"fds-cloexec", CloseOnExec, ""},
    {"fds-types", ManyTypes, ""},
    {"fds-peek", Peeked, ""},
    {"fds-one-by-one", OneByOne, ""},
};

}  // namespace

std::span<const Scenario> DescriptorScenarios() { return kScenarios; }

}  // namespace traffic
