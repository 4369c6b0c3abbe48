// SPDX-License-Identifier: Apache-2.0
// What can fail in a benchmark, and how it says so: a Result<T> holds a value or a sentence for
// people. Only main() prints sentences and chooses exit codes.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

namespace sockwarden::bench {

struct Error {
    std::string text;
};

// The value of a success that has nothing to tell.
struct Done {};

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : content_(std::move(value)) {}
    Result(Error error) : content_(std::move(error)) {}

    explicit operator bool() const { return content_.index() == 0; }
    T &operator*() { return std::get<0>(content_); }
    T *operator->() { return &std::get<0>(content_); }
    const Error &error() const { return std::get<1>(content_); }

private:
    std::variant<T, Error> content_;
};

// An Error that names what was tried and why the kernel refused it.
inline Error system_error(std::string_view what, int number = errno) {
    return Error{fmt::format("{}: {}", what, std::strerror(number))};
}

}  // namespace sockwarden::bench
