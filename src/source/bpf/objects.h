// SPDX-License-Identifier: Apache-2.0
// The compiled BPF objects, which stand inside the binary.
#pragma once

#include "base/text.h"

namespace sockwarden::objects {

Bytes trampoline();
Bytes kprobe();
Bytes tracepoint();
Bytes guard();
Bytes modify();
Bytes cgroup();

}  // namespace sockwarden::objects
