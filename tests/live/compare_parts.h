// SPDX-License-Identifier: Apache-2.0
// The parts of a record that need a rule of their own to be compared.
#pragma once

#include <optional>
#include <string>

#include "allowances.h"
#include "stream.h"

namespace live {

// The truth without payload, senders and fds, which the functions below compare.
Json WithoutOwnRules(const Json &truth);

// Sets of flags, and lists of ancillary data; nothing for any other field.
std::optional<Differences> CompareSpecial(const std::string &field, const Json &truth, const Json &shown);

// The captured bytes of a record; empty where they are not well encoded.
std::string PayloadOf(const Json &record);

Differences ComparePayload(const Json &truth, const Json &record, const Case &one, size_t snaplen);
Differences CompareSenders(const Json &truth, const Json &record, const Case &one);
// The counts of passed descriptors.
Differences ComparePassed(const Json &truth, const Json &record, const Case &one);
// What must hold of every record, whatever the truth is.
Differences CheckRest(const Json &record, const Case &one);

}  // namespace live
