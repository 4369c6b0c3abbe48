// SPDX-License-Identifier: Apache-2.0
// Where the layouts of the kernel's structures are looked up.
#pragma once

namespace sockwarden {

// To look at those of modules, too, needs CAP_SYS_ADMIN where the kernel itself lacks one; without them libbpf reads
// the kernel's twice, which takes some 50 ms.
enum class TypesOf { kernel_and_modules, kernel_only };

}  // namespace sockwarden
