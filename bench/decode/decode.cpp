// SPDX-License-Identifier: Apache-2.0
// bench-decode: from a wire record to its line of JSON, on one core; beside it what a JSON library takes for the
// writing alone (docs/adr/0002).
#include <benchmark/benchmark.h>
#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "decode/assembler.h"
#include "output/json.h"
#include "output/table.h"
#include "records.h"

namespace sockwarden {
namespace {

const std::string kPayload(64, 'x');

wire::message_record datagram() {
    wire::message_record record = test::plain_message();
    record.ret = static_cast<wire::s64>(kPayload.size());
    return record;
}

// Takes the same record again and again, as the reader takes it from a ring.
template <class MakeSink>
void run(benchmark::State &state, const std::vector<test::Record> &message, MakeSink make_sink) {
    const Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    LineWriter writer(null.get());
    auto sink = make_sink(writer);
    Assembler assembler("tracepoint", [&](Message &whole) { sink.message(whole); });
    for (const test::Record &record : {test::process_record(), test::socket_record()}) {
        assembler.take(record, 0);
    }
    for ([[maybe_unused]] auto _ : state) {
        for (const test::Record &record : message) {
            assembler.take(record, 1'700'000'000'000'000'000);
        }
    }
    writer.flush();
    state.SetItemsProcessed(state.iterations());
}

void json_line(benchmark::State &state) {
    run(state, {test::message_record(datagram(), kPayload)}, [](LineWriter &writer) { return JsonSink(writer); });
}

void json_line_with_name(benchmark::State &state) {
    wire::message_record record = datagram();
    record.pieces = 1;
    record.name_state = wire::REASON_here;
    run(state,
        {test::piece_record(wire::PIECE_NAME, std::string("\1\0/run/name", 11)),
         test::message_record(record, kPayload)},
        [](LineWriter &writer) { return JsonSink(writer); });
}

void table_line(benchmark::State &state) {
    run(state, {test::message_record(datagram(), kPayload)},
        [](LineWriter &writer) { return TableSink(writer, TableStyle{}); });
}

// No decoding, no values to format: the same line out of a ready tree.
void library_writes_line(benchmark::State &state) {
    const std::vector<nlohmann::json> lines =
        test::json_of({test::process_record(), test::socket_record(), test::message_record(datagram(), kPayload)});
    const nlohmann::json line = lines.back();
    for ([[maybe_unused]] auto _ : state) {
        std::string text = line.dump();
        benchmark::DoNotOptimize(text);
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(json_line);
BENCHMARK(json_line_with_name);
BENCHMARK(table_line);
BENCHMARK(library_writes_line);

}  // namespace
}  // namespace sockwarden

BENCHMARK_MAIN();
