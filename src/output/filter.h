// SPDX-License-Identifier: Apache-2.0
// Which messages of a stream are wanted: an expression, evaluated for what the kernel side could not decide.
#pragma once

#include "decode/message.h"
#include "policy/compile/image.h"

namespace sockwarden {

class Filter {
public:
    explicit Filter(const policy::Image &wanted) : wanted_(wanted) {}  // must outlive it

    // Whether the expression holds for the message. One of which facts are unknown is wanted where it might.
    bool wants(const Message &message) const;

private:
    const policy::Image &wanted_;
};

}  // namespace sockwarden
