// SPDX-License-Identifier: Apache-2.0
// The floor: what tracing received messages costs when nothing useful is done. sockwarden's own
// cost is judged as a multiple of it, because a multiple means the same on every machine.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/result.h"

struct bpf_link;
struct bpf_object;
struct ring_buffer;

namespace sockwarden::bench {

enum class FloorKind {
    empty,   // two programs that do nothing
    hooks,   // four that do nothing, on the trampoline engine's hooks
    record,  // the two, and one ring record of 176 bytes with time and length, no wake-up
};

// The programs are attached while this lives.
class Floor {
public:
    static Result<Floor> attach(FloorKind kind);

    // Empties the ring. May be called in a forked child, by one process only.
    void drain() const;

    // Records that found no room so far.
    Result<std::uint64_t> lost() const;

private:
    struct Close {
        void operator()(bpf_object *object) const;
        void operator()(bpf_link *link) const;
        void operator()(ring_buffer *reader) const;
    };

    Result<Done> load(FloorKind kind);
    Result<Done> attach_programs();

    std::unique_ptr<bpf_object, Close> object_;
    std::vector<std::unique_ptr<bpf_link, Close>> links_;
    std::unique_ptr<ring_buffer, Close> reader_;
};

}  // namespace sockwarden::bench
