// SPDX-License-Identifier: Apache-2.0
// A BPF engine: its object loaded, its hooks attached, its rings read. The only code that includes libbpf is in this
// folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/wire.h"
#include "catalog/catalog.h"
#include "identity/file.h"
#include "source/bpf/types_of.h"
#include "source/source.h"

namespace sockwarden {

struct HookState {
    const HookRow *row = nullptr;
    bool attached = false;
    bool needed = true;  // for what is asked for
    std::string reason;  // why it is not loaded or attached
};

struct EngineOptions {
    EngineId engine = EngineId::tracepoint;
    Selection selection;
    std::size_t ring_size = 0;              // bytes of each CPU's ring; 0: default
    std::uint32_t places = kDefaultPlaces;  // for calls in progress, a power of two; past them, task storage
    std::vector<wire::own_socket> own;
    TypesOf types = TypesOf::kernel_and_modules;
    FileIdentity
        control;  // where verdicts are given: over connections to this socket nothing is judged; may be nothing
};

inline constexpr std::size_t kDefaultRingSize = std::size_t{8} << 20;
inline constexpr std::size_t kLeastRingSize = std::size_t{64} << 10;

class BpfEngine : public Source {
public:
    // Loads the programs and attaches them, ends before begins, so that no call is seen by half.
    static Result<std::unique_ptr<BpfEngine>> open(const EngineOptions &options);
    ~BpfEngine() override;

    std::size_t drain(const Take &take, bool all, std::size_t budget) override;
    int wake_fd() const override;
    bool prepare_sleep() override;
    std::vector<Loss> losses() override;

    // Marks a process, its threads, and with `follow` the descendants that it has by now.
    Status mark(std::uint32_t pid);

    // Where verdicts are given: whether a process of its own is killed at each plain call that receives, before the
    // call returns.
    Status prove_kills();
    // Puts the verdicts in force, which they are not before; nobody is told of any, nor killed.
    void arm();
    // Traces and judges nothing any more; what was told before can still be read.
    void detach();

    const std::vector<HookState> &hook_states() const;
    // What this engine, as it is attached, cannot see; for the start record and doctor.
    std::vector<std::string> uncovered() const;

private:
    struct State;
    explicit BpfEngine(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// The engines that this kernel can load, best first, each with why not where it cannot.
struct EngineProbe {
    EngineId engine;
    bool loads = false;
    std::string reason;  // why not
    std::vector<HookState> hooks;
};
EngineProbe probe_engine(EngineId engine);

}  // namespace sockwarden
