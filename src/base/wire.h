// SPDX-License-Identifier: Apache-2.0
// The wire records of src/bpf/wire.h as C++ sees them, with the proofs that the layout has no holes.
#pragma once

#include <cstdint>
#include <type_traits>

namespace sockwarden::wire {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

#include "../bpf/image.h"
#include "../bpf/wire.h"

static_assert(std::has_unique_object_representations_v<process_record>, "a hole in process_record");
static_assert(std::has_unique_object_representations_v<socket_record>, "a hole in socket_record");
static_assert(std::has_unique_object_representations_v<message_record>, "a hole in message_record");
static_assert(std::has_unique_object_representations_v<piece_record>, "a hole in piece_record");
static_assert(std::has_unique_object_representations_v<sender_part>, "a hole in sender_part");
static_assert(std::has_unique_object_representations_v<fd_part>, "a hole in fd_part");
static_assert(std::has_unique_object_representations_v<capture_config>, "a hole in capture_config");

}  // namespace sockwarden::wire
