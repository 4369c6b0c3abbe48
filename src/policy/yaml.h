// SPDX-License-Identifier: Apache-2.0
// A YAML document as a tree with places. What hostile documents are made of is refused: anchors and aliases, tags,
// great depth and size.
#pragma once

#include <string>
#include <vector>

#include "policy/source_text.h"

namespace sockwarden::policy {

inline constexpr std::size_t kLargestDocument = 1 << 20;  // bytes
inline constexpr std::size_t kDeepestDocument = 16;
inline constexpr std::size_t kMostYamlNodes = 100'000;

struct YamlMember;

struct Yaml {
    enum class Kind { null, scalar, sequence, map };
    Kind kind = Kind::null;
    Place place;
    std::string text;     // of a scalar, as YAML reads it
    bool quoted = false;  // or a block: not to be read as a number or a truth value
    std::vector<Yaml> items;
    std::vector<YamlMember> members;
};

// Keys are scalars, each once in its map.
struct YamlMember {
    Yaml key, value;
};

class YamlDocument {
public:
    // Reads the one document of a file.
    static Parsed<YamlDocument> parse(std::string text);

    const Yaml &root() const { return root_; }
    // A scalar of this document with the places where its bytes stand in the file: exactly where it stands in one line,
    // plain or quoted, and as exactly as folding allows elsewhere.
    SourceText source_of(const Yaml &scalar) const;

private:
    explicit YamlDocument(std::string text);

    Place place_of(std::size_t offset) const;
    Place nearest(Place place) const;  // that is inside the text

    std::string text_;
    std::vector<std::size_t> line_starts_;  // offsets
    Yaml root_;
};

}  // namespace sockwarden::policy
