// SPDX-License-Identifier: Apache-2.0
// What sockwarden says to people beside the records: always on standard error, always behind its name.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace sockwarden {

inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitOwnFailure = 125;  // env(1), timeout(1): the tool failed, not the command

template <typename... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments &&...arguments) {
    const std::string text = fmt::format(format, std::forward<Arguments>(arguments)...);
    std::fprintf(stderr, "sockwarden: %s\n", text.c_str());
}

// Says an error and returns its exit code.
inline int fail(const Error &error) {
    say("{}", error.message);
    return error.exit_code;
}

}  // namespace sockwarden
