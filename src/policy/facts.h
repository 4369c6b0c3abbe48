// SPDX-License-Identifier: Apache-2.0
// A message as rules see it: for each fact a value, or that there is none, or that nobody could tell.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "catalog/facts.h"

namespace sockwarden::policy {

// The fact does not apply: a TCP socket has no path.
struct Absent {
    bool operator==(const Absent &) const = default;
};
// The fact applies, but could not be had.
struct Unknown {
    bool operator==(const Unknown &) const = default;
};
// A text, bytes or a name. `cut`: at least one more byte follows, and nobody knows which.
struct Text {
    std::string bytes;
    bool cut = false;
    bool operator==(const Text &) const = default;
};
// What a path leads to.
struct File {
    std::uint64_t device = 0, inode = 0;
    bool operator==(const File &) const = default;
};
// An IPv4 address is kept as the IPv6 address ::ffff:A.B.C.D, in network order, so that both are the same address.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    bool operator==(const IpAddress &) const = default;
};
// Names of the bits that are set.
struct Flags {
    std::vector<std::string> names;
    bool operator==(const Flags &) const = default;
};

using Value = std::variant<Absent, Unknown, bool, std::int64_t, Text, File, IpAddress, Flags>;

// Facts of one message or of one element; those that are not in it are absent.
using FactMap = std::map<FactId, Value>;

// The elements of a list that are known. `complete` is false where there may be more.
struct Elements {
    std::vector<FactMap> items;
    bool complete = true;
};

// A list that is in no map is absent; one that is unknown has no items and is not complete.
struct Facts {
    FactMap values;
    std::map<FactId, Elements> lists;
};

inline Elements unknown_elements() { return {{}, false}; }

const Value &value_of(const FactMap &facts, FactId id);

// The file that a path leads to, or nothing where there is none.
using FileLookup = std::function<std::optional<File>(std::string_view path)>;

// Files where there are no real ones, as in tests of policies and in recordings: each path is a file of its own.
class NamedFiles {
public:
    File operator()(std::string_view path);
    // Must not outlive it.
    FileLookup lookup() {
        return [this](std::string_view path) { return std::optional<File>((*this)(path)); };
    }

private:
    std::map<std::string, std::uint64_t, std::less<>> inodes_;
};

// An element of a list, of which nothing is known.
FactMap unknown_facts(const FactRow &list);

}  // namespace sockwarden::policy
