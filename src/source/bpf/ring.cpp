// SPDX-License-Identifier: Apache-2.0
// The reader's side of one BPF ring buffer; see ring.h.
#include "source/bpf/ring.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <atomic>

namespace sockwarden {
namespace {

std::uint64_t load_acquire(const std::byte *at) {
    return __atomic_load_n(reinterpret_cast<const std::uint64_t *>(at), __ATOMIC_ACQUIRE);
}

}  // namespace

Result<Ring> Ring::create(std::size_t size, int cpu) {
    (void)cpu;
    Fd fd(::bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sockwarden", 0, 0, static_cast<__u32>(size), nullptr));
    if (!fd) {
        return errno_error("cannot create a ring of " + std::to_string(size) + " bytes");
    }
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    Mapping consumer(::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0), page);
    Mapping producer(::mmap(nullptr, page + 2 * size, PROT_READ, MAP_SHARED, fd.get(), static_cast<off_t>(page)),
                     page + 2 * size);
    if (!consumer || !producer) {
        return errno_error("cannot map a ring");
    }
    return Ring(std::move(fd), std::move(consumer), std::move(producer), size);
}

Bytes Ring::front() {
    const auto page = producer_.size() - 2 * size_;
    for (;;) {
        if (at_ >= known_) {
            known_ = load_acquire(producer_.data());
            if (at_ >= known_) {
                return {};
            }
        }
        const std::byte *header = producer_.data() + page + (at_ & (size_ - 1));
        const std::uint32_t word = __atomic_load_n(reinterpret_cast<const std::uint32_t *>(header), __ATOMIC_ACQUIRE);
        if ((word & BPF_RINGBUF_BUSY_BIT) != 0) {
            return {};
        }
        const std::uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
        length_ = (std::uint64_t{length} + BPF_RINGBUF_HDR_SZ + 7) & ~std::uint64_t{7};
        if ((word & BPF_RINGBUF_DISCARD_BIT) == 0) {
            return {header + BPF_RINGBUF_HDR_SZ, length};
        }
        at_ += length_;
    }
}

void Ring::release() { at_ += length_; }

void Ring::publish() { __atomic_store_n(reinterpret_cast<std::uint64_t *>(consumer_.data()), at_, __ATOMIC_RELEASE); }

}  // namespace sockwarden
