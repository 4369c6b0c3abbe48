// SPDX-License-Identifier: Apache-2.0
// A file descriptor with one owner, pipes made of two of them, and whole objects sent through
// pipes. Pipes and never sockets: the traffic of the benchmarks themselves must not be traced.
#pragma once

#include <unistd.h>

#include <optional>
#include <type_traits>
#include <utility>

#include "common/result.h"

namespace sockwarden::bench {

class Fd {
public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    Fd(Fd &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd &operator=(Fd &&other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Fd() { close(); }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    void close() {
        if (number_ >= 0)
            ::close(std::exchange(number_, -1));
    }

private:
    int number_ = -1;
};

struct Pipe {
    Fd read;
    Fd write;
};

// Both ends are closed on exec.
Result<Pipe> make_pipe();

Result<Fd> open_null();

// Sends all of the bytes, or fails.
bool write_all(int fd, const void *data, std::size_t size);

// Receives exactly that many bytes; false at end of file.
bool read_all(int fd, void *data, std::size_t size);

template <class T>
bool send_object(const Fd &fd, const T &object) {
    static_assert(std::is_trivially_copyable_v<T>);
    return write_all(fd.get(), &object, sizeof(object));
}

template <class T>
std::optional<T> receive_object(const Fd &fd) {
    static_assert(std::is_trivially_copyable_v<T>);
    T object;
    if (!read_all(fd.get(), &object, sizeof(object)))
        return std::nullopt;
    return object;
}

}  // namespace sockwarden::bench
