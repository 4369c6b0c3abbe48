// SPDX-License-Identifier: Apache-2.0
// Where the kernel's functions of io_uring's requests are, by which the guard names the request that asks, and those
// that hand out the files of a message.
#pragma once

#include <istream>
#include <string>
#include <utility>
#include <vector>

#include "base/wire.h"

namespace sockwarden {

// The functions that the catalogue's hooks are at, each with the event that it is, and those of messages. Of a kernel
// that shows no addresses (kernel.kptr_restrict), or of a function that it lacks, there are none.
std::vector<wire::request_function> request_functions();

// From the text of /proc/kallsyms: where each of the functions begins, and what follows it. One that the compiler has
// made another of (".isra.0", ".constprop.0") counts; its unlikely part (".cold") does not, and what is inside that is
// in doubt.
std::vector<wire::request_function> request_functions(std::istream &symbols,
                                                      const std::vector<std::pair<std::string, std::uint32_t>> &wanted);

}  // namespace sockwarden
