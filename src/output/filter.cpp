// SPDX-License-Identifier: Apache-2.0
// Filters; see filter.h.
#include "output/filter.h"

#include "identity/file.h"
#include "output/message_facts.h"
#include "policy/compile/match.h"

namespace sockwarden {

policy::FileLookup real_files() {
    return [](std::string_view path) -> std::optional<policy::File> {
        const std::optional<FileIdentity> file = find_file(std::string(path));
        return file ? std::optional(policy::File{file->device, file->inode}) : std::nullopt;
    };
}

bool Filter::wants(const Message &message) const {
    return policy::match(wanted_, facts_of(message)) != policy::Truth::no;
}

}  // namespace sockwarden
