// SPDX-License-Identifier: Apache-2.0
// What a supervisor asks of policies, and what they answer.
#pragma once

#include <functional>
#include <optional>

#include "catalog/actions.h"
#include "decode/message.h"

namespace sockwarden {

// How much of a message is known when it is judged: facts past that are unknown, whatever the message says of them.
enum class Known {
    process,  // who asks, and the event
    socket,   // on which socket as well, and with which flags: not the thread's name, which changes as it likes
    message,  // all
};

struct Decision {
    ActionId action = ActionId::allow;
    bool refuses = false;                    // the action is to be done; else it is only reported
    bool is_final = true;                    // nothing more that could be known would change it
    int error = 0;                           // of deny
    std::optional<wire::verdict_part> told;  // for the reader, where it is no plain allow
};

// Nothing is judged where it is empty.
using Judge = std::function<Decision(const Message &, Known)>;

}  // namespace sockwarden
