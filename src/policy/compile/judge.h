// SPDX-License-Identifier: Apache-2.0
// Verdicts over an image: what policies decide, read as the kernel side reads it.
#pragma once

#include "policy/compile/compile.h"
#include "policy/compile/match.h"
#include "policy/verdict.h"

namespace sockwarden::policy {

// What `policies`, of which the image was made in this order, decide about a message. The meaning is that of the plain
// evaluator's judge (policy/verdict.h), with which it shares no code.
Verdict judge(const Image &image, std::span<const Policy *const> policies, const Facts &facts);
Verdict judge(const Image &image, std::span<const Excerpt> policies, const Facts &facts);

}  // namespace sockwarden::policy
