// SPDX-License-Identifier: Apache-2.0
// Patterns that are plain bytes: the whole text, its beginning, its end, or any part of it.
#pragma once

#include <string_view>

#include "policy/pattern/node.h"

namespace sockwarden::pattern {

Node equals(std::string_view text);
Node starts_with(std::string_view text);
Node ends_with(std::string_view text);
Node contains(std::string_view text);

}  // namespace sockwarden::pattern
