// SPDX-License-Identifier: Apache-2.0
// Ids of classic tracepoints, also where tracefs is not mounted.
#pragma once

#include "base/result.h"

namespace sockwarden {

// `name` is "CATEGORY/EVENT". Reads tracefs through a mount of our own that no path leads to, so that nothing depends
// on what is mounted where and nothing stays behind.
Result<int> tracepoint_id(const char *name);

// Mounts it now, so that ids can be read when the privilege to mount is gone.
void keep_tracefs();

}  // namespace sockwarden
