// SPDX-License-Identifier: Apache-2.0
// How the record writes bytes: which of them count as text, and base64 for the rest.
#pragma once

#include <string>

namespace traffic {

// UTF-8 without control characters other than tab, line feed and carriage return.
bool IsText(const std::string &bytes);
std::string Base64(const std::string &bytes);

}  // namespace traffic
