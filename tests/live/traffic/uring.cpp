// SPDX-License-Identifier: Apache-2.0
// Scenarios over io_uring, which receives without any system call of receiving.
#include "uring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <vector>

#include "receive.h"

namespace traffic {

Uring::Uring() {
    fd_ = Fd(static_cast<int>(syscall(SYS_io_uring_setup, 8, &parameters_)));
    if (fd_.get() < 0)
        throw Skip("no io_uring");
    ring_size_ = parameters_.cq_off.cqes + parameters_.cq_entries * sizeof(io_uring_cqe);
    ring_ = Map(ring_size_, IORING_OFF_SQ_RING);  // both rings (IORING_FEAT_SINGLE_MMAP)
    requests_ = static_cast<io_uring_sqe *>(Map(parameters_.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
}

Uring::~Uring() {
    munmap(requests_, parameters_.sq_entries * sizeof(io_uring_sqe));
    munmap(ring_, ring_size_);
}

void *Uring::Map(size_t size, off_t what) {
    void *place = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_.get(), what);
    Check(place != MAP_FAILED, "mmap");
    return place;
}

void Uring::Submit(const io_uring_sqe &request) {
    auto *const bytes = static_cast<char *>(ring_);
    const std::atomic_ref<unsigned> tail(*reinterpret_cast<unsigned *>(bytes + parameters_.sq_off.tail));
    const unsigned at = tail.load() & *reinterpret_cast<unsigned *>(bytes + parameters_.sq_off.ring_mask);
    requests_[at] = request;
    reinterpret_cast<unsigned *>(bytes + parameters_.sq_off.array)[at] = at;
    tail.store(tail.load() + 1);
    Check(syscall(SYS_io_uring_enter, fd_.get(), 1, 0, 0, nullptr, 0) == 1, "io_uring_enter");
}

void Uring::RegisterFiles(unsigned count) {
    const std::vector<int> none(count, -1);
    Check(syscall(SYS_io_uring_register, fd_.get(), IORING_REGISTER_FILES, none.data(), count) == 0,
          "io_uring_register");
}

io_uring_cqe Uring::Await() {
    auto *const bytes = static_cast<char *>(ring_);
    const std::atomic_ref<unsigned> head(*reinterpret_cast<unsigned *>(bytes + parameters_.cq_off.head));
    const std::atomic_ref<unsigned> tail(*reinterpret_cast<unsigned *>(bytes + parameters_.cq_off.tail));
    while (head.load() == tail.load())
        Check(syscall(SYS_io_uring_enter, fd_.get(), 0, 1, IORING_ENTER_GETEVENTS, nullptr, 0) >= 0, "io_uring_enter");
    const unsigned at = head.load() & *reinterpret_cast<unsigned *>(bytes + parameters_.cq_off.ring_mask);
    const io_uring_cqe done = reinterpret_cast<io_uring_cqe *>(bytes + parameters_.cq_off.cqes)[at];
    head.store(head.load() + 1);
    return done;
}

namespace {

// Waits, and is done on the way out of another call.
void Every(Context &context, Operation operation) {
    for (const Pair &pair : {UnixPair(SOCK_STREAM), UnixPair(SOCK_DGRAM), UdpPair(AF_INET), TcpPair(AF_INET)}) {
        Receive waits(context, pair.near);
        waits.By(operation).Between([&] { Send(pair.far, "waited for"); }).Gets("waited for");
    }
}

void Recv(Context &context) { Every(context, Operation::uring_recv); }
void RecvMsg(Context &context) { Every(context, Operation::uring_recvmsg); }
void Read(Context &context) { Every(context, Operation::uring_read); }

void Descriptors(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    SendDescriptors(pair.far, "with fds", {pair.near.get(), pair.far.get()});
    const Outcome outcome =
        Receive(context, pair.near).By(Operation::uring_recvmsg).Control(64).Sent(2).Gets("with fds");
    if (outcome.descriptors.size() != 2)
        throw Failure("two descriptors were to arrive");
    CloseAll(outcome.descriptors);
    SendDescriptors(pair.far, "lost", {pair.near.get()});
    Receive(context, pair.near).By(Operation::uring_recv).Sent(1).Gets("lost");
}

void Name(Context &context) {
    const Pair pair = UdpPair(AF_INET);
    Send(pair.far, "from where");
    Receive(context, pair.near).By(Operation::uring_recvmsg).Name().Buffers({4, 40}).Gets("from where");
}

// Nothing is there and nobody waits: an event of its own, and not the try before a wait.
void Empty(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Receive(context, pair.near).By(Operation::uring_recv).Flags(MSG_DONTWAIT).Fails(EAGAIN);
    Receive(context, pair.near).By(Operation::uring_recvmsg).Flags(MSG_DONTWAIT).Fails(EAGAIN);
}

// The request is made by a worker thread of the kernel's.
void Worker(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "by a worker");
    Receive(context, pair.near).By(Operation::uring_recv).Async().Gets("by a worker");
}

void NoSocket(Context &context) {
    const Fd file(open("/dev/null", O_RDWR | O_CLOEXEC));
    Receive(context, file).By(Operation::uring_recv).BeforeSocket().Fails(ENOTSOCK);
}

constexpr Scenario kScenarios[] = {
    {"uring-recv", Recv, "io_uring"},     {"uring-recvmsg", RecvMsg, "io_uring"},
    {"uring-read", Read, "io_uring"},     {"uring-fds", Descriptors, "io_uring"},
    {"uring-name", Name, "io_uring"},     {"uring-empty", Empty, "io_uring"},
    {"uring-worker", Worker, "io_uring"}, {"uring-no-socket", NoSocket, "io_uring"},
};

}  // namespace

std::span<const Scenario> UringScenarios() { return kScenarios; }

}  // namespace traffic
