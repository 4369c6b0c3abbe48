// SPDX-License-Identifier: Apache-2.0
// Text with places; see source_text.h.
#include "policy/source_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "catalog/catalog.h"

namespace sockwarden::policy {

std::string mistake_text(std::string_view file, const Mistake &mistake) {
    std::string text = fmt::format("{}:{}:{}: ", file, mistake.place.line, mistake.place.column);
    append_printable(text, mistake.message);
    if (!mistake.hint.empty()) {
        text += "; ";
        append_printable(text, mistake.hint);
    }
    return text;
}

std::string nearest_hint(std::string_view word, const std::vector<std::string_view> &candidates) {
    constexpr std::size_t kShortestWord = 3;  // anything is near a shorter one
    constexpr std::size_t kLongestWord = 64;  // and a longer one is no slip of the hand
    const bool comparable = word.size() >= kShortestWord && word.size() <= kLongestWord;
    const std::string_view near = comparable ? did_you_mean(word, candidates) : std::string_view{};
    return near.empty() ? "" : fmt::format("did you mean {}?", near);
}

void sort_by_place(Mistakes &mistakes) {
    std::ranges::stable_sort(mistakes, {},
                             [](const Mistake &one) { return std::pair(one.place.line, one.place.column); });
}

SourceText plain_source(std::string text) {
    SourceText source{std::move(text), {}};
    source.places.reserve(source.text.size() + 1);
    Place place;
    for (const char c : source.text) {
        source.places.push_back(place);
        place = c == '\n' ? Place{place.line + 1, 1} : Place{place.line, place.column + 1};
    }
    source.places.push_back(place);
    return source;
}

}  // namespace sockwarden::policy
