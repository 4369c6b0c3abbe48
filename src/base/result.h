// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value, or an Error that a person can act on.
//
// Policy: what can fail for reasons outside the program (kernel, files, arguments) returns Result. Exceptions are for
// defects only and are not caught. An Error's message says what was wanted, what happened, and what to do where that is
// known; it ends without a full stop and is printed behind "sockwarden: ".
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

namespace sockwarden {

struct Error {
    std::string message;
    int exit_code = 1;  // what the process ends with when nobody handles it: 1 failure, 2 usage or missing means
};

// An error of the C library: "WHAT: strerror".
inline Error errno_error(std::string what, int code = errno) {
    return Error{std::move(what) + ": " + std::strerror(code), 1};
}

// `E` where an error says more than a message: where in a text it stands, for whoever reports it.
template <typename T, typename E = Error>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::move(value)) {}
    Result(E error) : state_(std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    T &operator*() & { return std::get<0>(state_); }
    const T &operator*() const & { return std::get<0>(state_); }
    T &&operator*() && { return std::get<0>(std::move(state_)); }
    T *operator->() { return &std::get<0>(state_); }
    const T *operator->() const { return &std::get<0>(state_); }
    const E &error() const { return std::get<1>(state_); }

private:
    std::variant<T, E> state_;
};

struct Done {};
using Status = Result<Done>;

}  // namespace sockwarden
