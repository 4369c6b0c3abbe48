// SPDX-License-Identifier: Apache-2.0
// Merges queues that are each nearly in the order of time into one stream in the order of time. A record younger than
// the horizon waits, because another queue may still bring an older one. One that comes after its place has passed is
// handed over all the same.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "base/text.h"
#include "base/wire.h"

namespace sockwarden {

// Queue: Bytes front() (empty when there is none), void release(), void publish().
template <typename Queue>
class Merge {
public:
    // Hands over records older than `horizon`, at most `budget`. Returns how many.
    template <typename Take>
    std::size_t drain(std::vector<Queue> &queues, std::uint64_t horizon, std::size_t budget, const Take &take) {
        std::size_t count = 0;
        heads_.assign(queues.size(), kNone);
        for (std::size_t i = 0; i < queues.size(); ++i) {
            heads_[i] = time_of(queues[i].front());
        }
        while (count < budget) {
            std::size_t first = 0;
            for (std::size_t i = 1; i < heads_.size(); ++i) {
                if (heads_[i] < heads_[first]) {
                    first = i;
                }
            }
            if (heads_.empty() || heads_[first] >= horizon) {
                break;
            }
            take(queues[first].front());
            queues[first].release();
            if ((++count & 63) == 0) {
                queues[first].publish();
            }
            heads_[first] = time_of(queues[first].front());
        }
        for (Queue &queue : queues) {
            queue.publish();
        }
        return count;
    }

private:
    static constexpr std::uint64_t kNone = UINT64_MAX;

    static std::uint64_t time_of(Bytes record) {
        wire::record_head head;
        if (record.empty()) {
            return kNone;
        }
        if (record.size() < sizeof(head)) {
            return 0;  // malformed: out with it
        }
        std::memcpy(&head, record.data(), sizeof(head));
        return head.time;
    }

    std::vector<std::uint64_t> heads_;
};

}  // namespace sockwarden
