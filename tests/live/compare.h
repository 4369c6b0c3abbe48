// SPDX-License-Identifier: Apache-2.0
// Compares what the traffic program wrote down with what sockwarden reported, field by field.
#pragma once

#include <string>
#include <vector>

#include "allowances.h"
#include "stream.h"

namespace live {

struct Truth {
    std::vector<Json> lines;  // {"record":…, "before_socket":…} each, and "scenario" where several ran
    long long operations = -1;
    Json differed = Json::object();  // by field: how often the caller's memory lied after the call
};

Truth ReadTruth(const std::string &file);

// Pairs calls by thread and order. `snaplen` is what the tool was given.
Differences CompareAll(const Truth &truth, const Stream &stream, const Case &base, size_t snaplen);

Differences CompareOne(const Json &truth, const Json &record, const Case &one, size_t snaplen);

}  // namespace live
