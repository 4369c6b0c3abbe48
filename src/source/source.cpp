// SPDX-License-Identifier: Apache-2.0
// Sums of what sources lost; see source.h.
#include "source/source.h"

#include <algorithm>

namespace sockwarden {

void add_losses(const std::vector<Loss> &more, std::vector<Loss> &to) {
    for (const Loss &loss : more) {
        const auto same = std::ranges::find_if(
            to, [&](const Loss &one) { return one.counter == loss.counter && one.cpu == loss.cpu; });
        if (same != to.end()) {
            same->count += loss.count;
        } else {
            to.push_back(loss);
        }
    }
}

}  // namespace sockwarden
