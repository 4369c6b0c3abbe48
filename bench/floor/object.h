// SPDX-License-Identifier: Apache-2.0
// The compiled BPF object of the floor, which lies inside the program.
#pragma once

#include <cstddef>
#include <span>

namespace sockwarden::bench {

std::span<const std::byte> floor_object();

}  // namespace sockwarden::bench
