// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reading of expressions, and the walk of those that make sense.
#include <cstdlib>

#include "policy/check.h"
#include "policy/walk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace sockwarden::policy;
    const SourceText source = plain_source(std::string(reinterpret_cast<const char *>(data), size));
    const auto node = read_expression(source, {{"list", {{{}, std::int64_t{1}}, {{}, "x"}}}});
    if (!node) {
        for (const Mistake &mistake : node.error()) {
            if (mistake.message.empty() || mistake.place.line > source.places.back().line) {
                std::abort();
            }
        }
        return 0;
    }
    const FileLookup none = [](std::string_view) { return std::optional<File>(); };
    walk(*node, {}, none);
    Facts unknown;
    for (const sockwarden::FactRow &row : sockwarden::facts()) {
        if (row.type == sockwarden::FactType::list) {
            unknown.lists[row.id] = {{{}}, false};
        } else {
            unknown.values[row.id] = Unknown{};
        }
    }
    walk(*node, unknown, none);
    return 0;
}
