// SPDX-License-Identifier: Apache-2.0
// What the program sees of itself (addresses, descriptors, flags, ancillary data), in the record's
// shape.
#pragma once

#include <sys/socket.h>

#include <string>

#include "truth.h"

namespace traffic {

std::string Hex(const void *address);
std::string HexBytes(const void *bytes, size_t size);
std::string FamilyName(int family);
std::string ErrnoName(int error);

// Names of MSG_* bits, lowest first; a bit without a name as hex.
Json MessageFlags(unsigned flags);
Json Address(const sockaddr *address, socklen_t size);
// Null where `fd` is no socket.
Json Socket(int fd);
Json Process();
// One passed descriptor, as SCM_RIGHTS delivered it.
Json PassedDescriptor(int fd);
Json Control(msghdr &message);
// `text` or `base64`, by the rule of the record.
Json PayloadBytes(const std::string &bytes);

}  // namespace traffic
