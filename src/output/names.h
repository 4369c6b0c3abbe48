// SPDX-License-Identifier: Apache-2.0
// Names of numbers, as every sink shows them: errors, flags, types of files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "decode/message.h"

namespace sockwarden {

// "EAGAIN"; the kernel's restart codes (-512 to -516, include/linux/errno.h) are "ERESTARTSYS"; unknown ones a number.
std::string errno_name(std::int64_t code);

// Calls `take` with the name of each bit that is set, in the order of the catalogue, and with unknown bits in hex last.
template <typename Take>
void each_flag(std::uint32_t flags, std::string_view set, Take take);

// The set of constants.def that `args.flags` of a message is of.
std::string_view flag_set(const Message &message);
std::string_view file_type(const PassedFd &fd);
// How a descriptor arrived: a value of enum way; empty for none.
std::string_view way_name(std::uint8_t way);
std::string_view access_mode(std::uint32_t f_mode);  // "r", "w", "rw", "-"

}  // namespace sockwarden

#include <fmt/format.h>

#include "catalog/catalog.h"

namespace sockwarden {

template <typename Take>
void each_flag(std::uint32_t flags, std::string_view set, Take take) {
    if (flags == 0) {
        return;
    }
    for (const ConstantRow &row : constants()) {
        if (row.set == set && (flags & row.value) == row.value) {
            take(row.name);
            flags &= ~static_cast<std::uint32_t>(row.value);
        }
    }
    if (flags != 0) {
        take(std::string_view(fmt::format("{:#x}", flags)));
    }
}

}  // namespace sockwarden
