// SPDX-License-Identifier: Apache-2.0
// Regular expressions that grow out of the grammar at random, each with a text that nearly or surely matches.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace sockwarden::test {

using Random = std::mt19937_64;

// Less than `limit`, which is not 0.
std::size_t below(Random &random, std::size_t limit);

struct GrownPattern {
    std::string text;
    std::string sample;  // matches where no assertion is in the way
};
GrownPattern grow_pattern(Random &random);

// `text` with up to three bytes changed, inserted or removed.
std::string nearly(Random &random, std::string text);
// `sample` somewhere in bytes that patterns are made of; changed every other time.
std::string text_around(Random &random, const std::string &sample);

}  // namespace sockwarden::test
