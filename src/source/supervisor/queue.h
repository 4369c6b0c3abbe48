// SPDX-License-Identifier: Apache-2.0
// Records on their way from the thread that supervises to the thread that reads: bounded, and nobody waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/fd.h"
#include "base/text.h"

namespace sockwarden {

class RecordQueue {
public:
    // `limit` in bytes.
    explicit RecordQueue(std::size_t limit);

    // Takes whole records, all or none: false where there is no room for them.
    bool put(Bytes records);

    // Hands over at most `budget` records, each valid during the call. For one reader.
    template <typename Take>
    std::size_t drain(const Take &take, std::size_t budget);
    // A descriptor that becomes readable when something is put while the reader sleeps.
    int wake_fd() const { return wake_.get(); }
    // Before it sleeps. False where something is there already.
    bool prepare_sleep();

private:
    void swap();

    std::size_t limit_;
    Fd wake_;
    std::mutex mutex_;
    std::vector<std::byte> filling_;  // under the mutex
    bool is_asleep_ = false;          // under the mutex
    std::vector<std::byte> reading_;  // the reader's
    std::size_t at_ = 0;              // likewise
};

}  // namespace sockwarden

#include "base/wire.h"

namespace sockwarden {

template <typename Take>
std::size_t RecordQueue::drain(const Take &take, std::size_t budget) {
    std::size_t count = 0;
    while (count < budget) {
        if (at_ == reading_.size()) {
            swap();
            if (reading_.empty()) {
                break;
            }
        }
        const auto size = reinterpret_cast<const wire::record_head *>(reading_.data() + at_)->size;
        take(Bytes(reading_).subspan(at_, size));
        at_ += size;
        ++count;
    }
    return count;
}

}  // namespace sockwarden
