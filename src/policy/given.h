// SPDX-License-Identifier: Apache-2.0
// The facts of a message as a test of a policy gives them.
#pragma once

#include "policy/facts.h"
#include "policy/yaml.h"

namespace sockwarden::policy {

// `given`: a map of facts, their paths dotted or nested; fds and senders are lists of such maps. A fact that is not
// given is absent, but for two: a file's path as a string is the one that is given, and payload.length that of payload.
Facts read_given(const Yaml &given, NamedFiles &files, Mistakes &mistakes);
// `unknown`: a list of paths. A fact of elements becomes unknown in each, a list has unknown elements beside those
// given.
void read_unknown(const Yaml &unknown, Facts &facts, Mistakes &mistakes);

// A fact of type file, and the string behind it where it has no value yet.
void set_file(FactMap &facts, const FactRow &row, const std::string &path, NamedFiles &files);

}  // namespace sockwarden::policy
