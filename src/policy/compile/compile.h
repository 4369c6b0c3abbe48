// SPDX-License-Identifier: Apache-2.0
// The compiler: from checked expressions and policies to the image that matchers read.
#pragma once

#include <span>
#include <vector>

#include "policy/compile/image.h"
#include "policy/policy.h"

namespace sockwarden::policy {

// The image of one expression: it has no rules. What is too much for an image is a mistake at the expression's
// first byte, which says what and the limit. Files are looked up now: the image has their devices and inodes.
Result<Image, Mistakes> compile_expression(const Node &wanted, const FileLookup &files);

// Of a policy the rules that are judged together, in their order, and what is done where none of them decides.
struct Excerpt {
    const Policy *policy;
    std::vector<const Rule *> rules;
    ActionId otherwise;
    bool after = false;  // of what has been delivered: a rule in doubt is told, and the next is tried
};
Excerpt whole(const Policy &policy);

// What is wrong, and with which of the policies.
struct PolicyMistake {
    std::size_t policy;
    Mistake mistake;
};

// The image of policies that are judged together. A mistake stands at the rule that is too much.
Result<Image, PolicyMistake> compile_policies(std::span<const Excerpt> policies, const FileLookup &files);
Result<Image, PolicyMistake> compile_policies(std::span<const Policy *const> policies, const FileLookup &files);

}  // namespace sockwarden::policy
