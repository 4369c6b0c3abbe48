// SPDX-License-Identifier: Apache-2.0
// The sockets that sockwarden itself writes to: tracing them would trace the tracing.
#pragma once

#include <vector>

#include "base/wire.h"

namespace sockwarden {

// Standard output and standard error, as far as they are sockets.
std::vector<wire::own_socket> own_sockets();

}  // namespace sockwarden
