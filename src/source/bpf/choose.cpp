// SPDX-License-Identifier: Apache-2.0
// Picks the engine that a run uses; see choose.h.
#include "source/bpf/choose.h"

namespace sockwarden {

Result<ChosenEngine> choose_engine(const std::string &name, EngineOptions options) {
    std::string why;
    for (const EngineRow &row : engines()) {
        if (name != "auto" && name != row.name) {
            continue;
        }
        options.engine = row.id;
        Result<std::unique_ptr<BpfEngine>> engine = BpfEngine::open(options);
        if (engine) {
            return ChosenEngine{std::move(*engine), std::string(row.name)};
        }
        why += (why.empty() ? "" : "; ") + engine.error().message;
    }
    return Error{why + "; `sockwarden doctor` tells more", 2};
}

}  // namespace sockwarden
