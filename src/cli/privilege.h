// SPDX-License-Identifier: Apache-2.0
// What sockwarden may do and no longer needs to.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace sockwarden {

// Whether this process may load and attach tracing programs: capabilities, not uid 0, decide. The error names what is
// missing and what to do.
Status check_privilege();
// Whether the kernel tells its types, without which no engine works.
Status check_btf();

// Names of the effective capabilities that matter here, with whether they are held.
struct CapabilityState {
    std::string name;
    bool held;
};
std::vector<CapabilityState> capability_states();

// Gives up every capability but those to read what /proc tells of other users' processes, and where they are wanted to
// pass signals on, to load more programs, and to do what others would with their rights.
struct KeptPrivilege {
    bool kill = false;
    bool load = false;
    bool act = false;
    bool cgroups = false;  // to attach programs to them
};
Status drop_privilege(KeptPrivilege kept);

}  // namespace sockwarden
