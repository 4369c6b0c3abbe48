// SPDX-License-Identifier: Apache-2.0
// Where records come from: one small interface in front of the BPF engines, recordings and the supervisor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "base/wire.h"
#include "catalog/catalog.h"

namespace sockwarden {

// What to trace. Matched in the kernel.
struct Selection {
    EventMask events = events_named("receive");
    std::vector<std::uint32_t> pids;  // empty: every process
    bool marked_only = false;         // only pids and what is marked later
    bool follow = true;               // descendants of marked processes too
    std::uint64_t facts = 0;          // that `image` asks about: a bit for each FactId; 0: every message is wanted
    Bytes image;                      // of a policy::Image, which must outlive the loading of the engine
    wire::verdicts_wanted verdicts = wire::VERDICTS_NONE;  // else the image is of policies, and kills are carried out
    std::uint32_t snaplen = 256;
    bool light = false;
};

// Calls that can be in progress at once without task storage, which is dearer.
inline constexpr std::uint32_t kDefaultPlaces = 4096;
inline constexpr std::uint32_t kMostPlaces = 65536;

struct Loss {
    std::string counter;  // a row of counters.def
    std::string sum;      // its term of the conservation sum
    int cpu = -1;
    std::uint64_t count = 0;
};

// Adds counts of one source to those of others.
void add_losses(const std::vector<Loss> &more, std::vector<Loss> &to);

class Source {
public:
    // `record` holds a whole wire record, valid during the call.
    using Take = std::function<void(Bytes record)>;

    Source() = default;
    Source(const Source &) = delete;
    Source &operator=(const Source &) = delete;
    virtual ~Source() = default;

    // Hands over what has arrived, in the order of time; with `all`, also what is too young to be sure that nothing
    // older is on its way. Returns how many records there were, at most `budget`.
    virtual std::size_t drain(const Take &take, bool all, std::size_t budget) = 0;

    // A descriptor that becomes readable when a record arrives while the reader sleeps.
    virtual int wake_fd() const = 0;
    // To be called before sleeping on wake_fd: asks for a wake-up. False when records are there already.
    virtual bool prepare_sleep() = 0;

    // Counts so far, by counter and CPU, rows of zero left out.
    virtual std::vector<Loss> losses() = 0;
};

}  // namespace sockwarden
