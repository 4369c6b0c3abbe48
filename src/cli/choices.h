// SPDX-License-Identifier: Apache-2.0
// Options that take one word of a few: which words, checked here and offered by the shell's completion.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"

namespace sockwarden {

// The words that `option` ("--engine") takes; empty for an option that takes anything.
std::vector<std::string_view> choices_of(std::string_view option);

std::vector<std::string_view> event_names();

// "a, b, c"
std::string join_words(std::span<const std::string_view> words);

// The error names `what` was given, the nearest valid word and all valid words.
Status check_choice(std::string_view what, std::string_view word, std::span<const std::string_view> valid);

// What --events names: events and sets of them, separated by commas.
Result<EventMask> read_events(const std::string &text);

}  // namespace sockwarden
