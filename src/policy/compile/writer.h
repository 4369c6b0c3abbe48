// SPDX-License-Identifier: Apache-2.0
// The bytes of an image while it is made: tables, one behind the other.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/wire.h"

namespace sockwarden::policy {

class ImageWriter {
public:
    ImageWriter() : bytes_(sizeof(wire::image_head)) {}

    wire::image_head &head() { return *reinterpret_cast<wire::image_head *>(bytes_.data()); }

    // Appends the items and returns the offset of the first, a multiple of 8.
    template <typename T>
    std::uint32_t put(const std::vector<T> &items) {
        bytes_.resize((bytes_.size() + 7) / 8 * 8);
        const auto at = static_cast<std::uint32_t>(bytes_.size());
        append(items);
        return at;
    }
    // Appends them right behind what is there.
    template <typename T>
    void append(const std::vector<T> &items) {
        const std::size_t at = bytes_.size(), size = items.size() * sizeof(T);
        bytes_.resize(at + size);
        if (size != 0) {
            std::memcpy(bytes_.data() + at, items.data(), size);
        }
    }
    std::size_t size() const { return bytes_.size(); }

    std::vector<std::uint64_t> take() {
        bytes_.resize((bytes_.size() + 7) / 8 * 8);
        head().size = static_cast<std::uint32_t>(bytes_.size());
        std::vector<std::uint64_t> words(bytes_.size() / 8);
        std::memcpy(words.data(), bytes_.data(), bytes_.size());
        return words;
    }

private:
    std::vector<std::byte> bytes_;
};

}  // namespace sockwarden::policy
