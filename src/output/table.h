// SPDX-License-Identifier: Apache-2.0
// The table sink: one line a message, for people. Nothing captured reaches a terminal raw.
#pragma once

#include <string>

#include "output/line_writer.h"
#include "output/sink.h"

namespace sockwarden {

struct TableStyle {
    bool color = false;
    bool utc = false;
    std::size_t payload_width = 40;
};

class TableSink : public Sink {
public:
    // Borrows `writer`.
    TableSink(LineWriter &writer, TableStyle style) : writer_(writer), style_(style) {}

    void start(const StreamStart &start) override;
    void message(const Message &message) override;
    void lost(const StreamLost &lost) override;
    void stop(const StreamStop &stop) override;

private:
    void append_clock(std::int64_t wall_ns);
    void append_cell(std::string_view text, std::size_t width, bool right = false);

    LineWriter &writer_;
    TableStyle style_;
};

}  // namespace sockwarden
