// SPDX-License-Identifier: Apache-2.0
// Globs: patterns of paths and names, over bytes, that must match the whole text.
#pragma once

#include <string_view>

#include "policy/pattern/node.h"

namespace sockwarden::pattern {

// `**` is any bytes, `*` any but '/', `?` one that is not '/', […] one of a set without '/' ([!…] and [^…]: one not of
// the set), `\` takes away the meaning of what follows. Sets hold bytes, ranges and classes such as [:alpha:].
Parsed<Node> parse_glob(std::string_view text);

}  // namespace sockwarden::pattern
