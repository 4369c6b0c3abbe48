// SPDX-License-Identifier: Apache-2.0
// Takes the object in from the build folder.
#include "floor/object.h"

// ELF readers want it aligned.
asm(R"(
    .pushsection .rodata
    .balign 16
    bench_floor_begin: .incbin ")" BENCH_FLOOR_OBJECT R"("
    bench_floor_end:
    .popsection
)");

extern "C" {
extern const std::byte bench_floor_begin[];
extern const std::byte bench_floor_end[];
}

namespace sockwarden::bench {

std::span<const std::byte> floor_object() { return {bench_floor_begin, bench_floor_end}; }

}  // namespace sockwarden::bench
