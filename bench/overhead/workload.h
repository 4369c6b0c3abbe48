// SPDX-License-Identifier: Apache-2.0
// What is timed: the operations whose price a tracer may raise.
#pragma once

#include <string_view>

#include "common/connection.h"
#include "common/exchange.h"
#include "common/result.h"

namespace sockwarden::bench {

enum class Workload {
    pair,         // send + recvmsg on two sockets that exist
    getppid,      // a system call that no tracer of messages has to touch
    new_socket,   // socketpair, send, recvmsg, close
    new_process,  // fork a child that does one send + recvmsg, wait for it
    sendmsg,      // sendmsg + recvmsg
    read,         // send + read
    recvmmsg,     // sendmmsg + recvmmsg of 32 messages
    tcp_16k,      // send + recv of 16 KiB
    udp,          // send + recvmsg over UDP
};

constexpr int workload_count = 9;

// How often a workload is repeated: `batches` of `batch` operations, each batch timed as a whole,
// with a pause between them that lets readers empty their rings.
struct Repeats {
    int batches;
    int batch;
};

// `iterations` is the number of pairs; the other workloads' share of it follows from their price.
// `divisor` is for tracers that are slow themselves.
Repeats repeats_of(Workload workload, int iterations, int divisor);

// What workloads run on.
struct TestBed {
    SocketPair sockets, udp;
    TcpConnection connection;
    // Whether readers have CPUs of their own. Then the pause between batches is spent running,
    // because a virtual CPU that went to sleep comes back cold; else it is slept.
    bool readers_apart;
};

// What a tracer takes: CPU time of the traced process, or for tracers that stop it, real time. CPU
// time does not count other processes that had this CPU for a while.
enum class Meter { cpu, real };

// Nanoseconds per operation: the first quartile over batches. Other work on the machine, or beside
// it on the same host, can only add time, and does so for many batches in a row.
Result<double> time_workload(Workload workload, Repeats repeats, Meter meter, const TestBed &bed);

// Runs it without timing; fails where an operation failed.
Result<Done> run_workload(Workload workload, int operations, const TestBed &bed);

}  // namespace sockwarden::bench
