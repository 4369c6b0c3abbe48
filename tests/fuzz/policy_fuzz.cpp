// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reading of policy files, and the tests inside those that make sense.
#include <algorithm>
#include <cstdlib>

#include "policy/test_run.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace sockwarden::policy;
    std::string text(reinterpret_cast<const char *>(data), size);
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
    auto policy = read_policy(std::move(text));
    if (policy) {
        run_tests(*policy);
        return 0;
    }
    if (policy.error().empty()) {
        std::abort();
    }
    for (const Mistake &mistake : policy.error()) {
        const std::string shown = mistake_text("f", mistake);
        const bool harmless =
            std::ranges::all_of(shown, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
        if (!harmless || mistake.message.empty() || mistake.place.line > lines || mistake.place.column > size + 1) {
            std::abort();
        }
    }
    return 0;
}
