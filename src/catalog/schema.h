// SPDX-License-Identifier: Apache-2.0
// The JSON Schema of a stream's records, made from the catalogue.
#pragma once

#include <string>

namespace sockwarden {

// A schema (draft 2020-12) that every line of a stream satisfies: start, message, lost or stop. Ends in a newline.
std::string stream_schema();

}  // namespace sockwarden
