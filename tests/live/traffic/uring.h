// SPDX-License-Identifier: Apache-2.0
// An io_uring by the bare system calls, for one request at a time.
#pragma once

#include <linux/io_uring.h>

#include "sockets.h"

namespace traffic {

class Uring {
public:
    // Throws Skip where the kernel has none.
    Uring();
    Uring(const Uring &) = delete;
    Uring &operator=(const Uring &) = delete;
    ~Uring();

    // Queues a request and tells the kernel; what is to be done at once is done when it returns.
    void Submit(const io_uring_sqe &request);
    // Gives the ring a table of `count` files, all empty.
    void RegisterFiles(unsigned count);
    // The next completion: its result, and with IORING_CQE_F_MORE among the flags more will come.
    io_uring_cqe Await();

private:
    void *Map(size_t size, off_t what);

    Fd fd_;
    io_uring_params parameters_{};
    void *ring_ = nullptr;
    size_t ring_size_ = 0;
    io_uring_sqe *requests_ = nullptr;
};

}  // namespace traffic
