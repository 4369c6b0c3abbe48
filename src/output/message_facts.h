// SPDX-License-Identifier: Apache-2.0
// A traced message as the facts that rules ask about.
#pragma once

#include "decode/message.h"
#include "policy/facts.h"

namespace sockwarden {

// What a record shows as null with a reason in `missing` is unknown here, as are all facts of a sender that is a guess,
// payload behind what was captured and the path of the parent's executable; what does not apply is absent.
policy::Facts facts_of(const Message &message);

}  // namespace sockwarden
