// SPDX-License-Identifier: Apache-2.0
// Records between two threads; see queue.h.
#include "source/supervisor/queue.h"

#include <sys/eventfd.h>

namespace sockwarden {

RecordQueue::RecordQueue(std::size_t limit) : limit_(limit), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

bool RecordQueue::put(Bytes records) {
    bool wakes = false;
    {
        const std::lock_guard lock(mutex_);
        if (filling_.size() + records.size() > limit_) {
            return false;
        }
        filling_.insert(filling_.end(), records.begin(), records.end());
        wakes = std::exchange(is_asleep_, false);
    }
    if (wakes) {
        ::eventfd_write(wake_.get(), 1);
    }
    return true;
}

bool RecordQueue::prepare_sleep() {
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
    const std::lock_guard lock(mutex_);
    is_asleep_ = filling_.empty() && at_ == reading_.size();
    return is_asleep_;
}

void RecordQueue::swap() {
    reading_.clear();
    at_ = 0;
    const std::lock_guard lock(mutex_);
    is_asleep_ = false;
    reading_.swap(filling_);
}

}  // namespace sockwarden
