// SPDX-License-Identifier: Apache-2.0
// The matcher in C++: reads an image as the kernel side does (src/bpf/match.h), and knows all facts.
#pragma once

#include "policy/compile/image.h"
#include "policy/facts.h"
#include "policy/truth.h"

namespace sockwarden::policy {

// Clauses of the message's space, a bit each: those that may hold, and those of which it is not certain. Bits past the
// last clause mean nothing.
struct Matched {
    std::vector<std::uint64_t> possible, doubt;
};
Matched match_clauses(const Image &image, const Facts &facts);

// Whether any clause holds: of an image of one expression, the expression.
Truth match(const Image &image, const Facts &facts);

}  // namespace sockwarden::policy
