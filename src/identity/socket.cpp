// SPDX-License-Identifier: Apache-2.0
// Sockets as their descriptions tell them; see socket.h.
#include "identity/socket.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace sockwarden {

void SocketTable::learn(Bytes bytes) {
    wire::socket_record record;
    if (bytes.size() < sizeof(record) + 2 * wire::ADDRESS_ROOM) {
        return;
    }
    std::memcpy(&record, bytes.data(), sizeof(record));
    if (record.local_size > wire::ADDRESS_ROOM || record.remote_size > wire::ADDRESS_ROOM) {
        return;
    }
    auto socket = std::make_unique<Socket>();
    socket->key = record.key;
    socket->cookie = record.cookie;
    socket->inode = record.inode;
    socket->netns = record.netns;
    socket->family = record.family;
    socket->type = record.type;
    socket->protocol = record.protocol;
    socket->local = as_text(bytes.subspan(sizeof(record), record.local_size));
    socket->remote = as_text(bytes.subspan(sizeof(record) + wire::ADDRESS_ROOM, record.remote_size));
    socket->local_file = {record.local_inode, record.local_device};
    socket->remote_file = {record.remote_inode, record.remote_device};
    socket->seen_ns = record.head.time;
    last_ = nullptr;
    known_[record.key] = std::move(socket);
    if (known_.size() > limit_) {
        forget_oldest(record.key);
    }
}

const Socket *SocketTable::find(std::uint64_t key, std::uint64_t now_ns) {
    if (last_ == nullptr || last_->key != key) {
        const auto found = known_.find(key);
        if (found == known_.end()) {
            return nullptr;
        }
        last_ = found->second.get();
    }
    last_->seen_ns = now_ns;
    return last_;
}

void SocketTable::forget_oldest(std::uint64_t keep) {
    std::vector<std::uint64_t> times;
    times.reserve(known_.size());
    for (const auto &[key, socket] : known_) {
        times.push_back(socket->seen_ns);
    }
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    const std::uint64_t border = *middle;
    std::erase_if(known_, [&](const auto &entry) { return entry.second->seen_ns <= border && entry.first != keep; });
    last_ = nullptr;
}

}  // namespace sockwarden
