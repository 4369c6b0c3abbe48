// SPDX-License-Identifier: Apache-2.0
// Columns of texts and lists: what can be hit, a pattern or an element clause, and which clauses that decides.
#pragma once

#include <span>

#include "policy/compile/columns.h"

namespace sockwarden::policy {

Result<Done, TooMuch> make_text(Space &space, const FactRow &fact, wire::image_column &column, ImageWriter &writer);
Result<Done, TooMuch> make_list(Space &space, const FactRow &fact, std::span<const Clause> elements,
                                wire::image_column &column, ImageWriter &writer);

}  // namespace sockwarden::policy
