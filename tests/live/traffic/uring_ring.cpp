// SPDX-License-Identifier: Apache-2.0
// An io_uring; see uring.h.
#include "uring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "scenario.h"

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

}  // namespace traffic
