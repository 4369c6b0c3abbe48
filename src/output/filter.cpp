// SPDX-License-Identifier: Apache-2.0
// Filters; see filter.h.
#include "output/filter.h"

#include "output/message_facts.h"
#include "policy/compile/match.h"

namespace sockwarden {

bool Filter::wants(const Message &message) const {
    return policy::match(wanted_, facts_of(message)) != policy::Truth::no;
}

}  // namespace sockwarden
