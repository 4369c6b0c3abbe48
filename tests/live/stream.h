// SPDX-License-Identifier: Apache-2.0
// What sockwarden printed, taken apart, and what must hold of every such stream.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace live {

using Json = nlohmann::json;
using Differences = std::vector<std::string>;

struct Stream {
    std::vector<Json> records;  // every line, in order
    std::vector<Json> calls;    // those with event recvmsg
    Differences wrong;          // lines that are no JSON objects, or cut
};

Stream ParseStream(const std::string &text);

// First start, last stop, seq without gaps, times in order, counts that agree, keys that never
// change.
Differences CheckStream(const Stream &stream);

// A number in `stop`: `written`, `filtered`, or the sum of `dropped` or `missed`.
long long StopCount(const Stream &stream, const std::string &key);

// What stands at `pointer`, or null; never throws, whatever the record is.
Json At(const Json &record, const std::string &pointer);
// The same as text: empty where there is none.
std::string TextAt(const Json &record, const std::string &pointer);

std::string Joined(const Differences &differences);

}  // namespace live
