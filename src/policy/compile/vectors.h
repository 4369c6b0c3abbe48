// SPDX-License-Identifier: Apache-2.0
// Vectors of clauses while an image is made.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace sockwarden::policy {

// A bit for each clause of a space.
class Bits {
public:
    explicit Bits(std::size_t count, bool value = false) : words_((count + 63) / 64) {
        for (std::size_t i = 0; value && i < count; ++i) {
            set(i, true);
        }
    }
    void set(std::size_t i, bool value) {
        const std::uint64_t bit = std::uint64_t{1} << (i % 64);
        words_[i / 64] = value ? words_[i / 64] | bit : words_[i / 64] & ~bit;
    }
    const std::vector<std::uint64_t> &words() const { return words_; }

private:
    std::vector<std::uint64_t> words_;
};

// The vectors of one space, each once. Number 0 is the empty one.
class VectorPool {
public:
    explicit VectorPool(std::size_t clauses) { number_of(Bits(clauses)); }

    std::uint32_t number_of(const Bits &bits) {
        const auto [place, is_new] = numbers_.try_emplace(bits.words(), static_cast<std::uint32_t>(vectors_.size()));
        if (is_new) {
            vectors_.push_back(bits.words());
        }
        return place->second;
    }
    std::size_t size() const { return vectors_.size(); }

    // As an image has them: each with its summary.
    std::vector<std::uint64_t> words() const {
        std::vector<std::uint64_t> all;
        for (const std::vector<std::uint64_t> &vector : vectors_) {
            std::uint64_t summary = 0;
            for (std::size_t w = 0; w < vector.size(); ++w) {
                summary |= std::uint64_t{vector[w] != 0} << w;
            }
            all.push_back(summary);
            all.insert(all.end(), vector.begin(), vector.end());
        }
        return all;
    }

private:
    std::map<std::vector<std::uint64_t>, std::uint32_t> numbers_;
    std::vector<std::vector<std::uint64_t>> vectors_;
};

}  // namespace sockwarden::policy
