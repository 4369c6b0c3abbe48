// SPDX-License-Identifier: Apache-2.0
// One stream of records; see stream.h.
#include "output/stream.h"

#include <algorithm>

namespace sockwarden {

void Stream::begin(const StreamStart &start) {
    begun_ns_ = start.wall_ns;
    sink_.start(start);
}

void Stream::message(Message &message) {
    message.seq = ++seq_;
    ++messages_;
    message.late = message.wall_ns < newest_ns_;
    newest_ns_ = std::max(newest_ns_, message.wall_ns);
    sink_.message(message);
}

std::vector<Loss> Stream::losses() const {
    std::vector<Loss> losses;
    for (Source *source : sources_) {
        add_losses(source->losses(), losses);
    }
    if (unread_ != 0) {
        const CounterRow &row = counters()[wire::COUNTER_unread];
        losses.push_back({std::string(row.name), std::string(row.sum), -1, unread_});
    }
    return losses;
}

void Stream::report_losses(std::int64_t wall_ns) {
    for (const Loss &loss : losses()) {
        if (loss.sum != "dropped" && loss.sum != "missed") {
            continue;
        }
        std::uint64_t &before = reported_[{loss.counter, loss.cpu}];
        if (loss.count > before) {
            sink_.lost({++seq_, wall_ns, loss.count - before, loss.counter, loss.cpu});
            before = loss.count;
        }
    }
}

StreamStop Stream::end(std::int64_t wall_ns) {
    report_losses(wall_ns);
    StreamStop stop;
    stop.seq = ++seq_;
    stop.wall_ns = wall_ns;
    stop.seconds = static_cast<double>(wall_ns - begun_ns_) / 1e9;
    stop.written = messages_;
    if (filtered_ != 0) {
        stop.filtered = filtered_;
        stop.filtered_by["filtered"] = filtered_;
    }
    for (const Loss &loss : losses()) {
        if (loss.sum == "filtered") {
            stop.filtered += loss.count;
            stop.filtered_by[loss.counter] += loss.count;
        } else if (loss.sum == "dropped") {
            stop.dropped[loss.counter] += loss.count;
        } else if (loss.sum == "missed") {
            stop.missed[loss.counter] += loss.count;
        } else if (loss.sum == "skipped") {
            stop.skipped += loss.count;
        }
    }
    sink_.stop(stop);
    return stop;
}

}  // namespace sockwarden
