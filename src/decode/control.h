// SPDX-License-Identifier: Apache-2.0
// Ancillary data: from the bytes of a control buffer to control messages. Trusts no length.
#pragma once

#include <vector>

#include "decode/message.h"

namespace sockwarden {

// Splits a control buffer as a 64-bit caller has it (cmsg(3): size_t length, int level, int type, data, padded to 8).
std::vector<ControlMessage> split_control(Bytes buffer);

// The descriptor numbers in an SCM_RIGHTS message.
std::vector<int> rights_of(const ControlMessage &message);

}  // namespace sockwarden
