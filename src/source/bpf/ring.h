// SPDX-License-Identifier: Apache-2.0
// The reader's side of one BPF ring buffer (include/uapi/linux/bpf.h, kernel/bpf/ringbuf.c): records are looked at in
// place and given back when they have been used.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"
#include "base/text.h"

namespace sockwarden {

class Ring {
public:
    // Creates a ring of `size` bytes, a power of two of at least a page.
    static Result<Ring> create(std::size_t size, int cpu);

    int fd() const { return fd_.get(); }
    std::size_t size() const { return size_; }

    // The oldest record that is complete, or an empty span. Valid until release().
    Bytes front();
    // Gives the record of front() back.
    void release();
    // Makes what was given back visible to the kernel. Cheap enough for every few records, too dear for each.
    void publish();

private:
    Ring(Fd fd, Mapping consumer, Mapping producer, std::size_t size)
        : fd_(std::move(fd)), consumer_(std::move(consumer)), producer_(std::move(producer)), size_(size) {}

    Fd fd_;
    Mapping consumer_;  // one page: our position
    Mapping producer_;  // one page: the kernel's position; then the data twice, so that records never wrap
    std::size_t size_;
    std::uint64_t at_ = 0;      // our position, before publishing
    std::uint64_t known_ = 0;   // the kernel's position when last read
    std::uint64_t length_ = 0;  // of front(), with its header
};

}  // namespace sockwarden
