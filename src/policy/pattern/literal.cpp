// SPDX-License-Identifier: Apache-2.0
// Patterns that are plain bytes; see literal.h.
#include "policy/pattern/literal.h"

namespace sockwarden::pattern {
namespace {

Node anchored(bool begin, std::string_view text, bool end) {
    std::vector<Node> nodes;
    nodes.reserve(text.size() + 2);
    if (begin) {
        nodes.push_back(assert_that(Assertion::begin_text));
    }
    for (const char c : text) {
        nodes.push_back(one_of(bytes_in({&c, 1})));
    }
    if (end) {
        nodes.push_back(assert_that(Assertion::end_text));
    }
    return sequence_of(std::move(nodes));
}

}  // namespace

Node equals(std::string_view text) { return anchored(true, text, true); }
Node starts_with(std::string_view text) { return anchored(true, text, false); }
Node ends_with(std::string_view text) { return anchored(false, text, true); }
Node contains(std::string_view text) { return anchored(false, text, false); }

}  // namespace sockwarden::pattern
