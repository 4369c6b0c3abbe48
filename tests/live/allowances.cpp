// SPDX-License-Identifier: Apache-2.0
// The table of what an engine cannot have. A row here is a statement about the kernel, not about
// the tool.
#include "allowances.h"

#include <fnmatch.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>

#include "catalog/catalog.h"

namespace live {
namespace {

enum class Mode { kAny, kFull, kLight };
enum class Calls { kAny, kFailed };

struct Row {
    const char *engine;  // patterns, as fnmatch takes them
    Mode mode;
    Calls calls;
    const char *field;  // itself or anything below it
    const char *reason;
    const char *scenario;
    const char *family = "*";
    const char *event = "*";
};

constexpr Row kMissing[] = {
    // --light leaves out the tracepoint at return, where alone these can be read.
    {"tracepoint", Mode::kLight, Calls::kAny, "args.msg.name", "light", "*"},
    {"tracepoint", Mode::kLight, Calls::kAny, "args.msg.control", "light", "*"},
    {"tracepoint", Mode::kLight, Calls::kAny, "args.msg.flags", "light", "*"},
    {"tracepoint", Mode::kLight, Calls::kAny, "fds", "light", "*"},
    {"tracepoint", Mode::kLight, Calls::kAny, "args.msg.iov", "light", "*"},
    {"tracepoint", Mode::kLight, Calls::kAny, "args.msg.iovlen", "light", "*"},
    {"tracepoint", Mode::kLight, Calls::kAny, "args.iov", "light", "*"},
    {"tracepoint", Mode::kLight, Calls::kAny, "args.src_addr", "light", "*"},
    {"tracepoint", Mode::kLight, Calls::kAny, "index", "light", "*", "*", "recvmmsg"},
    {"tracepoint", Mode::kLight, Calls::kAny, "args.msg.address", "light", "*", "*", "recvmmsg"},
    {"tracepoint", Mode::kLight, Calls::kAny, "payload", "light", "*", "AF_INET*", "recvmmsg"},
    {"tracepoint", Mode::kLight, Calls::kAny, "payload", "light", "by-recvmmsg-vsock"},
    // No hook stands behind a message of a batch, where these are written back.
    {"tracepoint", Mode::kFull, Calls::kAny, "args.msg.name", "engine", "*", "*", "recvmmsg"},
    {"tracepoint", Mode::kFull, Calls::kAny, "args.msg.control", "engine", "*", "*", "recvmmsg"},
    {"tracepoint", Mode::kFull, Calls::kAny, "args.msg.flags", "engine", "*", "*", "recvmmsg"},
    {"tracepoint", Mode::kFull, Calls::kAny, "fds", "engine", "*", "*", "recvmmsg"},
    {"tracepoint", Mode::kAny, Calls::kAny, "args.sockfd", "engine", "*", "*", "io_uring"},
    {"tracepoint", Mode::kAny, Calls::kAny, "fds", "engine", "*", "*", "io_uring"},
    {"tracepoint", Mode::kAny, Calls::kAny, "payload", "engine", "*", "AF_INET*", "io_uring"},
    {"tracepoint", Mode::kAny, Calls::kAny, "payload", "engine", "by-uring-*-vsock"},
    {"tracepoint", Mode::kAny, Calls::kAny, "payload", "engine", "by-uring-*-ktls"},
    {"*", Mode::kAny, Calls::kFailed, "duration_ns", "failed", "uring-no-socket"},
    // Nor does it see what a request sends, or pages.
    {"tracepoint", Mode::kAny, Calls::kAny, "args.sockfd", "engine", "*", "*", "io_uring_out"},
    {"tracepoint", Mode::kAny, Calls::kAny, "fds", "engine", "*", "*", "io_uring_out"},
    {"tracepoint", Mode::kAny, Calls::kAny, "payload", "engine", "*", "*", "io_uring_out"},
    {"tracepoint", Mode::kAny, Calls::kAny, "payload", "engine", "*", "*", "sendfile"},
    // The place in a batch is counted from the return of the call before.
    {"tracepoint", Mode::kLight, Calls::kAny, "index", "light", "*", "*", "sendmmsg"},
    {"tracepoint", Mode::kLight, Calls::kAny, "args.msg.address", "light", "*", "*", "sendmmsg"},
    {"tracepoint", Mode::kLight, Calls::kAny, "payload", "light", "*", "*", "sendmmsg"},
    // A message to the address of the one before it has no entry.
    {"kprobe", Mode::kAny, Calls::kAny, "duration_ns", "engine", "*", "*", "sendmmsg"},
    {"trampoline", Mode::kAny, Calls::kAny, "args.msg.iov", "engine", "*", "*", "sendmmsg"},
    {"trampoline", Mode::kAny, Calls::kAny, "args.msg.iovlen", "engine", "*", "*", "sendmmsg"},
    {"trampoline", Mode::kAny, Calls::kAny, "args.msg.control", "engine", "*", "*", "sendmmsg"},
    {"trampoline", Mode::kAny, Calls::kAny, "payload", "engine", "*", "*", "sendmmsg"},
    // Nobody but the asker knows who asks for a TCP connection, and no tracepoint shows it.
    {"tracepoint", Mode::kAny, Calls::kAny, "senders", "engine", "*", "AF_INET*", "accept"},
    // No tracepoint hands over the socket of these, so that a cookie could be made.
    {"tracepoint", Mode::kAny, Calls::kAny, "socket.cookie", "engine", "*", "*", "connect"},
    {"tracepoint", Mode::kAny, Calls::kAny, "socket.cookie", "engine", "*", "*", "accept"},
    // The number of a pidfd is all that is read of it.
    {"*", Mode::kAny, Calls::kAny, "args.file", "engine", "passing-pidfd"},
    {"*", Mode::kAny, Calls::kAny, "args.file.path", "too_many", "passing-many"},
    // What was mapped was copied nowhere.
    {"*", Mode::kAny, Calls::kAny, "payload", "pages", "*", "*", "zerocopy"},
    // Nor does one show which descriptors a security module refused.
    {"tracepoint", Mode::kAny, Calls::kAny, "fds.denied", "engine", "*"},
    // The entry of the call is not seen.
    {"tracepoint", Mode::kAny, Calls::kAny, "duration_ns", "engine", "*"},
    // The entry that is seen is the socket layer's, which these calls never reached.
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "duration_ns", "failed", "ebadf"},
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "duration_ns", "failed", "enotsock"},
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "duration_ns", "failed", "*no-socket"},
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "duration_ns", "failed", "efault-header"},
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "duration_ns", "failed", "efault-vector"},
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "duration_ns", "failed", "einval-name-length"},
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "duration_ns", "failed", "buffers-too-many"},
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "duration_ns", "failed", "i386-*ebadf"},
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "args.addr", "failed", "connection-no-socket"},
    {"[tk][rp]*", Mode::kAny, Calls::kFailed, "args.msg.iovlen", "failed", "buffers-too-many"},
    // Kprobes cannot have a cookie made: it is there only where a program asked for it before.
    {"kprobe", Mode::kAny, Calls::kAny, "socket.cookie", "engine", "*"},
    // A failed call writes nothing back.
    {"*", Mode::kAny, Calls::kFailed, "args.msg.name", "failed", "*"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.control", "failed", "*"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.flags", "failed", "*"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.name", "fault", "efault-header"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.control", "fault", "efault-header"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.flags", "fault", "efault-header"},
    // The kernel gave up before it copied the msghdr or its buffers.
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iov", "failed", "efault-*"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iov", "fault", "efault-*"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iovlen", "failed", "efault-*"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iovlen", "fault", "efault-*"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iov", "*", "buffers-too-many"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iov", "failed", "ebadf"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iov", "failed", "enotsock"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iov", "failed", "*no-socket"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iovlen", "failed", "*no-socket"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iov", "failed", "einval-name-length"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iov", "failed", "i386-*ebadf"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iovlen", "failed", "ebadf"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iovlen", "failed", "enotsock"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iovlen", "failed", "einval-name-length"},
    {"*", Mode::kAny, Calls::kFailed, "args.msg.iovlen", "failed", "i386-*ebadf"},
    // Over an address, a sender need not be known where no hook sees it write.
    {"tracepoint", Mode::kAny, Calls::kAny, "senders", "engine", "*", "AF_[!U]*"},
    {"*", Mode::kLight, Calls::kAny, "senders", "engine", "*", "AF_[!U]*"},
    {"*", Mode::kAny, Calls::kAny, "senders", "engine", "*", "AF_[!UI]*"},
    // Urgent data, and bytes that are thrown away, pass no hook; an error queue gives the socket's own datagrams back.
    {"*", Mode::kAny, Calls::kAny, "senders", "engine", "tcp4-oob"},
    {"*", Mode::kAny, Calls::kAny, "senders", "engine", "tcp4-msg-trunc-discards"},
    {"*", Mode::kAny, Calls::kAny, "senders", "engine", "errqueue[46]"},
    // Nor do multipath connections and records of TLS carry the sequence numbers of who wrote them.
    {"*", Mode::kAny, Calls::kAny, "senders", "engine", "by-*-mptcp"},
    {"*", Mode::kAny, Calls::kAny, "senders", "engine", "by-*-ktls"},
    // A datagram socket that nobody connected has no peer, and only its sender knew who wrote to
    // it.
    {"tracepoint", Mode::kAny, Calls::kAny, "senders", "engine", "unix-datagram-path*"},
    {"tracepoint", Mode::kAny, Calls::kAny, "senders", "engine", "unix-datagram-abstract"},
    {"tracepoint", Mode::kAny, Calls::kAny, "senders", "engine", "unix-datagram-long-path"},
    {"*", Mode::kLight, Calls::kAny, "senders", "engine", "unix-datagram-path*"},
    {"*", Mode::kLight, Calls::kAny, "senders", "engine", "unix-datagram-abstract"},
    {"*", Mode::kLight, Calls::kAny, "senders", "engine", "unix-datagram-long-path"},
    // The call ended between the descriptor and the socket layer, where no hook sees the socket.
    {"*", Mode::kAny, Calls::kFailed, "socket", "failed", "buffers-too-many"},
    {"*", Mode::kAny, Calls::kFailed, "socket", "failed", "efault-header"},
    {"*", Mode::kAny, Calls::kFailed, "socket", "failed", "efault-vector"},
    {"*", Mode::kAny, Calls::kFailed, "socket", "failed", "einval-name-length"},
    // Bytes that the kernel throws away are copied nowhere.
    {"*", Mode::kAny, Calls::kAny, "payload", "*", "tcp4-msg-trunc-discards"},
    // The kernel has no 32-bit caller's structures in the shape that is read.
    {"tracepoint", Mode::kAny, Calls::kAny, "args.msg", "compat", "i386-*"},
    {"tracepoint", Mode::kAny, Calls::kAny, "fds", "compat", "i386-*"},
};

// Whether the running kernel is older.
bool IsBefore(int major, int minor) {
    utsname system{};
    uname(&system);
    char *rest = nullptr;
    const long first = std::strtol(system.release, &rest, 10);
    const long second = *rest == '.' ? std::strtol(rest + 1, nullptr, 10) : 0;
    return first < major || (first == major && second < minor);
}

// Before Linux 6.3 packets over vsock were no socket buffers, so no hook sees them copied.
bool HasNoSocketBuffers(const Case &one) { return one.family == "AF_VSOCK" && IsBefore(6, 3); }

bool Below(const std::string &field, const std::string &row) { return field == row || field.rfind(row + ".", 0) == 0; }

bool Matches(const char *pattern, const std::string &text) { return fnmatch(pattern, text.c_str(), 0) == 0; }

bool ModeFits(Mode mode, bool light) { return mode == Mode::kAny || light == (mode == Mode::kLight); }

}  // namespace

bool MayBeMissing(const Case &one, const std::string &field, const std::string &reason) {
    // A preempted program is skipped where another task of its CPU meets it, which is told by a count too.
    if (reason == "skipped" && one.skipped)
        return true;
    if (reason == "pages" && one.event == "splice" && Below(field, "payload") && HasNoSocketBuffers(one))
        return true;
    for (const Row &row : kMissing) {
        if (Matches(row.engine, one.engine) && ModeFits(row.mode, one.light) &&
            (row.calls == Calls::kAny || one.failed) && Below(field, row.field) && Matches(row.reason, reason) &&
            Matches(row.scenario, one.scenario) && Matches(row.family, one.family) && Matches(row.event, one.event)) {
            return true;
        }
    }
    return false;
}

namespace {

std::string_view EventSet(const std::string &event) {
    const sockwarden::EventRow *row = sockwarden::find_event(event);
    return row != nullptr ? row->set : std::string_view();
}

bool IsSend(const std::string &event) { return EventSet(event) == "send"; }

// Whether an engine shows the event as one of another name.
bool IsShownAsAnother(const Case &one, const std::string &event) {
    return std::ranges::any_of(sockwarden::unseen(), [&](const sockwarden::UnseenRow &row) {
        return sockwarden::event(row.event).name == event && sockwarden::engine_name(row.engine) == one.engine &&
               !row.shown_as.empty();
    });
}

}  // namespace

Json AsShown(const Case &one, const Json &truth) {
    Json shown = truth;
    if (one.engine == "tracepoint" && IsShownAsAnother(one, TextAt(truth, "/event"))) {
        shown["event"] = IsSend(TextAt(truth, "/event")) ? "io_uring_out" : "io_uring";
        shown["args"] = {{"sockfd", truth["args"]["sockfd"]}};
    }
    return shown;
}

namespace {

bool Unseen(const Case &one, std::string_view event) {
    return std::ranges::any_of(sockwarden::unseen(), [&](const sockwarden::UnseenRow &row) {
        return sockwarden::event(row.event).name == event && sockwarden::engine_name(row.engine) == one.engine;
    });
}

// Whether an engine does not see a descriptor arrive this way.
bool HasUnseenWay(const Case &one, const Json &shown) {
    const bool with_message = TextAt(shown, "/args/way").rfind("SCM_", 0) == 0;
    if (one.engine == "kprobe")
        return one.scenario == "passing-uring" || one.scenario == "passing-seccomp-in-place";
    if (one.engine != "tracepoint")
        return false;
    return one.scenario == "passing-recvmmsg" || one.scenario == "passing-uring" ||
           one.scenario.rfind("passing-seccomp", 0) == 0 || (one.light && with_message);
}

}  // namespace

bool MayBeUnseen(const Case &one, const Json &line) {
    const Json shown = AsShown(one, line["record"]);
    if (Unseen(one, TextAt(shown, "/event")))
        return true;
    // Without the request, the try of io_uring that finds nothing looks like a failure.
    if (TextAt(shown, "/event") == "io_uring" && (line["before_socket"] == true || shown["errno"] == "EAGAIN"))
        return true;
    // Pages pass no hook that kprobes have before Linux 6.5.
    if (one.engine == "kprobe" && shown["event"] == "sendfile" && IsBefore(6, 5))
        return true;
    // Of sends the tracepoint engine has no hook at return but of batches.
    if (one.engine == "tracepoint" && line["before_socket"] == true && IsSend(TextAt(shown, "/event")) &&
        (one.light || shown["event"] != "sendmmsg"))
        return true;
    // Only the hook at return sees a call that never reaches a socket: --light leaves it out, and the kernel does not
    // run the tracepoint there for i386 callers.
    // With --light it cannot tell a batch that failed from the end of one either.
    const bool batch = line["record"]["event"] == "recvmmsg" || line["record"]["event"] == "sendmmsg";
    if (one.light && one.engine == "tracepoint" && batch && line["record"]["return"] == -1)
        return true;
    if (shown["event"] == "fd_received")
        return HasUnseenWay(one, shown);
    if (one.engine == "tracepoint" && EventSet(TextAt(shown, "/event")) == "connections")
        return false;  // which has nothing but the return
    const bool no_return =
        (one.light && one.engine != "kprobe") || (one.engine == "tracepoint" && one.scenario.rfind("i386-", 0) == 0);
    return no_return && line["before_socket"] == true;
}

// Whether a call is in one of the catalogue's cells; a cell without a rule here is none.
bool InCell(const Case &one, std::string_view cell) {
    if (cell == "always")
        return true;
    if (cell == "light")
        return one.light;
    if (cell == "spliced")
        return one.scenario == "writer-spliced";
    return false;  // `before` and `crowd`: no scenario that is compared makes them
}

bool MayGuess(const Case &one) {
    if (one.skipped)
        return true;
    return std::ranges::any_of(sockwarden::guesses(), [&](const sockwarden::GuessRow &row) {
        return sockwarden::engine_name(row.engine) == one.engine && InCell(one, row.cell);
    });
}

bool MayBeUserMemory(const Case &one, const Json &record) {
    if (one.skipped)
        return true;
    // Urgent TCP data passes no hook under any engine.
    if (one.scenario == "tcp4-oob")
        return true;
    // What TLS decrypts goes from the cipher to the caller.
    if (Matches("by-*-ktls", one.scenario))
        return true;
    // What is sent is the caller's still, but what UNIX sockets queue and pages.
    if (IsSend(one.event))
        return one.engine != "trampoline" || (one.family != "AF_UNIX" && one.event != "sendfile");
    if (HasNoSocketBuffers(one) || (one.family == "AF_VSOCK" && one.engine == "tracepoint"))
        return true;
    if (one.engine != "tracepoint")
        return false;
    const Json protocol = At(record, "/socket/protocol");
    const bool udp = protocol == 17;  // linear: no tracepoint sees the copy
    return udp || one.scenario == "unix-stream-oob" || one.scenario == "peek-offset";
}

bool MayDiffer(const Case &one, const std::string &field, const Json &record_value) {
    if (one.engine == "tracepoint" && one.scenario == "fds-denied" && field == "fds.lost")
        return true;  // what was refused is among them
    // The kernel's code is ERESTARTSYS; that it becomes EINTR is decided behind the last hook.
    return one.scenario == "interrupted" && field == "errno" && record_value == "ERESTARTSYS";
}

}  // namespace live
