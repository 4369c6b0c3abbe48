// SPDX-License-Identifier: Apache-2.0
// The JSON sink: one object a line, its keys and their order from the catalogue. The shape is a contract
// (docs/record.schema.json).
#pragma once

#include <string>
#include <vector>

#include "output/line_writer.h"
#include "output/sink.h"

namespace sockwarden {

class JsonSink : public Sink {
public:
    // Borrows `writer`.
    explicit JsonSink(LineWriter &writer) : writer_(writer) {}

    void start(const StreamStart &start) override;
    void message(const Message &message) override;
    void lost(const StreamLost &lost) override;
    void stop(const StreamStop &stop) override;

private:
    LineWriter &writer_;
};

// "2026-11-23T17:52:27.123456789Z". Appends without the quotes.
void append_time(std::string &to, std::int64_t wall_ns);

}  // namespace sockwarden
