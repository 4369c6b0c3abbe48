// SPDX-License-Identifier: Apache-2.0
// Which fields may be null and listed in `missing`, under which engine and mode, and in which
// scenario.
#pragma once

#include <string>

#include "stream.h"

namespace live {

struct Case {
    std::string engine;  // as the start record names it
    bool light = false;
    std::string scenario;
    std::string event;
    std::string family;    // of the socket, empty where there is none
    bool failed = false;   // the call returned -1
    bool skipped = false;  // the stream says that the kernel skipped runs of programs
};

bool MayBeMissing(const Case &one, const std::string &field, const std::string &reason);

// Whether there may be no record of a call at all; `line` is what the traffic program wrote.
bool MayBeUnseen(const Case &one, const Json &line);

// Whether the sender of a UNIX message may be a guess.
bool MayGuess(const Case &one);

// Where the payload may be read from user memory.
bool MayBeUserMemory(const Case &one, const Json &record);

// The call as the engine shows it: what it cannot tell apart, under the event that it uses for all of them.
Json AsShown(const Case &one, const Json &truth);

// A second value that a field may have, because no hook can know the first.
bool MayDiffer(const Case &one, const std::string &field, const Json &record_value);

}  // namespace live
