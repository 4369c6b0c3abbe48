// SPDX-License-Identifier: Apache-2.0
// The image that matchers read (src/bpf/image.h), as C++ holds it.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "base/text.h"
#include "base/wire.h"
#include "policy/facts.h"

namespace sockwarden::policy {

// Owned bytes that begin with wire::image_head, aligned to 8.
class Image {
public:
    explicit Image(std::vector<std::uint64_t> words) : words_(std::move(words)) {}

    Bytes bytes() const { return std::as_bytes(std::span(words_)); }
    const wire::image_head &head() const { return at<wire::image_head>(0); }
    // What stands at an offset.
    template <typename T>
    const T &at(std::size_t offset) const {
        return *reinterpret_cast<const T *>(bytes().data() + offset);
    }
    // Facts that are asked about: a bit for each FactId. Never 0, as the event is asked where nothing else is.
    std::uint64_t facts() const;

private:
    std::vector<std::uint64_t> words_;
};

// An address as its column has it: the numbers of its two halves.
inline wire::image_address as_numbers(const IpAddress &address) {
    wire::image_address numbers{};
    for (std::size_t i = 0; i < 8; ++i) {
        numbers.high = numbers.high << 8 | address.bytes[i];
        numbers.low = numbers.low << 8 | address.bytes[i + 8];
    }
    return numbers;
}

}  // namespace sockwarden::policy
