// SPDX-License-Identifier: Apache-2.0
// Picks the engine that a run uses.
#pragma once

#include <memory>
#include <string>

#include "source/bpf/engine.h"

namespace sockwarden {

struct ChosenEngine {
    std::unique_ptr<BpfEngine> engine;
    std::string name;
};

// Opens the engine of this name, or with "auto" the best that loads. `options.engine` is ignored. The error tells why
// each that was tried did not load.
Result<ChosenEngine> choose_engine(const std::string &name, EngineOptions options);

}  // namespace sockwarden
