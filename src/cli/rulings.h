// SPDX-License-Identifier: Apache-2.0
// Verdicts of the kernel side in words: which rule of which policy each number stands for.
#pragma once

#include <vector>

#include "decode/message.h"
#include "policy/deployment.h"

namespace sockwarden {

class Rulings {
public:
    // `points` must outlive it.
    explicit Rulings(const std::vector<policy::Deployed> &points) : points_(points) {}

    // Puts the verdict of a message into words, which are valid until the next one. False where it has none, or one
    // that no policy here can have given.
    bool complete(Message &message);

private:
    const std::vector<policy::Deployed> &points_;
    Ruling ruling_;
};

}  // namespace sockwarden
