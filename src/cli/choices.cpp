// SPDX-License-Identifier: Apache-2.0
// Options that take one word of a few; see choices.h.
#include "cli/choices.h"

#include <algorithm>

#include "catalog/catalog.h"

namespace sockwarden {
namespace {

std::vector<std::string> split_commas(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        words.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

}  // namespace

std::vector<std::string_view> choices_of(std::string_view option) {
    if (option == "--engine") {
        std::vector<std::string_view> words{"auto"};
        for (const EngineRow &row : engines()) {
            words.push_back(row.name);
        }
        words.push_back(kSupervisorEngine);
        return words;
    }
    if (option == "--events") {
        std::vector<std::string_view> words{"all"};
        for (const EventRow &row : events()) {
            if (std::ranges::find(words, row.set) == words.end()) {
                words.push_back(row.set);
            }
        }
        std::ranges::copy(event_names(), std::back_inserter(words));
        return words;
    }
    if (option == "--output") {
        return {"table", "json"};
    }
    if (option == "--on-exit") {
        return {"release", "keep"};
    }
    if (option == "--color") {
        return {"auto", "always", "never"};
    }
    if (option == "--format") {
        return {"text", "markdown", "man", "schema"};
    }
    return {};
}

std::vector<std::string_view> event_names() {
    std::vector<std::string_view> words;
    for (const EventRow &row : events()) {
        words.push_back(row.name);
    }
    return words;
}

std::string join_words(std::span<const std::string_view> words) {
    std::string text;
    for (const std::string_view word : words) {
        text += text.empty() ? "" : ", ";
        text += word;
    }
    return text;
}

Status check_choice(std::string_view what, std::string_view word, std::span<const std::string_view> valid) {
    if (std::ranges::find(valid, word) != valid.end()) {
        return Done{};
    }
    std::string message = std::string(what) + ": there is no \"" + std::string(word) + "\"";
    if (const std::string_view near = did_you_mean(word, valid); !near.empty()) {
        message += "; did you mean " + std::string(near) + "?";
        return Error{message + " Valid are: " + join_words(valid), 2};
    }
    return Error{message + ". Valid are: " + join_words(valid), 2};
}

Result<EventMask> read_events(const std::string &text) {
    EventMask events = 0;
    for (const std::string &name : split_commas(text)) {
        if (Status status = check_choice("--events", name, choices_of("--events")); !status) {
            return status.error();
        }
        events |= events_named(name);
    }
    return events;
}

}  // namespace sockwarden
