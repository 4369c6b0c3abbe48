// SPDX-License-Identifier: Apache-2.0
// Owners of what the kernel hands out: file descriptors and memory mappings. Each is moved, never copied.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <utility>

namespace sockwarden {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd &operator=(Fd &&other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    Fd(const Fd &) = delete;
    Fd &operator=(const Fd &) = delete;
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = -1;
    }

private:
    int fd_ = -1;
};

class Mapping {
public:
    Mapping() = default;
    // Takes over [address, address + size), as mmap returned it; MAP_FAILED makes an empty one.
    Mapping(void *address, std::size_t size) : address_(address == MAP_FAILED ? nullptr : address), size_(size) {}
    Mapping(Mapping &&other) noexcept : address_(std::exchange(other.address_, nullptr)), size_(other.size_) {}
    Mapping &operator=(Mapping &&other) noexcept {
        if (this != &other) {
            reset();
            address_ = std::exchange(other.address_, nullptr);
            size_ = other.size_;
        }
        return *this;
    }
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;
    ~Mapping() { reset(); }

    explicit operator bool() const { return address_ != nullptr; }
    std::byte *data() const { return static_cast<std::byte *>(address_); }
    std::size_t size() const { return size_; }

private:
    void reset() {
        if (address_ != nullptr) {
            ::munmap(address_, size_);
        }
    }
    void *address_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace sockwarden
