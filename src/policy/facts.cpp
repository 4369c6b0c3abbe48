// SPDX-License-Identifier: Apache-2.0
// Facts of a message; see facts.h.
#include "policy/facts.h"

namespace sockwarden::policy {

const Value &value_of(const FactMap &facts, FactId id) {
    static const Value kAbsent = Absent{};
    const auto found = facts.find(id);
    return found == facts.end() ? kAbsent : found->second;
}

File NamedFiles::operator()(std::string_view path) {
    const auto found = inodes_.find(path);
    return {0, found != inodes_.end() ? found->second
                                      : inodes_.emplace(std::string(path), inodes_.size() + 1).first->second};
}

FactMap unknown_facts(const FactRow &list) {
    FactMap facts;
    for (const FactRow &row : sockwarden::facts()) {
        if (list_of(row) == &list) {
            facts[row.id] = Unknown{};
        }
    }
    return facts;
}

}  // namespace sockwarden::policy
