// SPDX-License-Identifier: Apache-2.0
// Supervision: sends and connections that policies were asked about, made on the socket and with the bytes that they
// were asked about.
#include <sys/socket.h>

#include <algorithm>

#include "source/supervisor/supervision.h"
#include "source/supervisor/worker.h"

namespace sockwarden {
namespace {

constexpr std::size_t kMostStreamed = 1 << 20;  // bytes of a stream that are copied at once
constexpr std::size_t kMostDatagram = 8 << 20;  // no send buffer of a UNIX socket is so large; of others none

}  // namespace

Supervision::Step Supervision::send(Job &job) {
    while (true) {
        Subject *subject = subjects_.find(job.call.tid);
        if (subject == nullptr) {
            return Answer{0, EACCES};
        }
        const Progress progress = send_one(job, *subject);
        if (progress.next != Next::again) {
            return progress.next == Next::wait ? std::nullopt : Step(progress.answer);
        }
    }
}

// Reads the message, once, and asks about it.
Supervision::Progress Supervision::begin_send(Job &job, Subject &subject) {
    const CallerMemory memory(job.call.tid, job.call.is_compat);
    int error = read_request(job.call, memory, job.index, job.send);
    job.may_wait = job.may_wait && (job.send.flags & MSG_DONTWAIT) == 0;
    job.decision = {};
    job.payload.resize(
        std::min<std::uint64_t>(job.send.total, job.described.is_stream() ? kMostStreamed : kMostDatagram));
    if (error == 0 && memory.gather(job.send.iov, job.payload) < job.payload.size()) {
        error = EFAULT;
    }
    if (error == 0 && job.call.event == EventId::writev && job.send.total == 0) {
        return {Next::done, {0, 0}};  // which does not reach the socket
    }
    if (error == 0 && !job.described.is_stream()) {
        Result<Destination, int> destination = resolve(job.send.name, job.call.tid, subject);
        if (!destination) {
            error = destination.error();
        } else {
            job.destination = *std::move(destination);
            if (job.destination.file) {
                follow_files();
            }
        }
    }
    if (error == 0) {
        Result<SendControl, int> control = take_control(job.send.control, memory, subject.tgid,
                                                        [&](int fd) { return subjects_.take_fd(job.call.tid, fd); });
        if (!control) {
            error = control.error();
        } else {
            job.send_control = *std::move(control);
        }
    }
    if (error != 0) {
        record_send(job, subject, -error);
        return {Next::done, {job.index, job.index == 0 ? error : 0}};
    }
    job.is_read = true;
    if (is_judged(job.call.event)) {
        job.decision = judge_send(job, subject, Known::message);
        if (job.decision.refuses) {
            error = job.decision.error != 0 ? job.decision.error : EACCES;
            record_send(job, subject, -error);
            if (job.decision.action == ActionId::kill) {
                subjects_.kill(job.call.tid);
            }
            return {Next::done, {job.index, job.index == 0 ? error : 0}};
        }
    }
    return {Next::again, {}};
}

Supervision::Progress Supervision::send_one(Job &job, Subject &subject) {
    if (!job.is_read) {
        const Progress begun = begin_send(job, subject);
        if (begun.next == Next::done) {
            return begun;
        }
    }
    const CallerMemory memory(job.call.tid, job.call.is_compat);
    const std::size_t at = job.done - job.payload_at;
    iovec buffer{job.payload.data() + at, job.payload.size() - at};
    msghdr message{};
    message.msg_iov = &buffer;
    message.msg_iovlen = job.send.iovlen == 0 ? 0 : 1;
    message.msg_name = job.destination.name.empty() ? nullptr : job.destination.name.data();
    message.msg_namelen = static_cast<socklen_t>(job.destination.name.size());
    if (job.done == 0 && !job.send_control.bytes.empty()) {
        message.msg_control = job.send_control.bytes.data();
        message.msg_controllen = job.send_control.bytes.size();
    }
    const Impersonation acting(subject);
    if (!acting.is_complete()) {
        return end_send(job, subject, -EACCES);
    }
    const ssize_t sent =
        ::sendmsg(job.socket.get(), &message,
                  static_cast<int>((job.send.flags & ~std::uint32_t{MSG_ZEROCOPY}) | MSG_DONTWAIT | MSG_NOSIGNAL));
    if (sent < 0) {
        const int error = errno;
        if (error == EAGAIN && job.may_wait) {
            return {Next::wait, {}};
        }
        return end_send(job, subject, job.done > 0 ? static_cast<std::int64_t>(job.done) : -error);
    }
    job.done += static_cast<std::size_t>(sent);
    const bool is_all = job.done >= job.send.total || !job.described.is_stream();
    if (is_all || !job.may_wait) {
        return end_send(job, subject, static_cast<std::int64_t>(job.done));
    }
    if (job.done - job.payload_at == job.payload.size()) {  // the next part of what is long
        job.payload_at = job.done;
        job.payload.resize(std::min<std::uint64_t>(job.send.total - job.done, kMostStreamed));
        std::vector<wire::user_iovec> rest = job.send.iov;
        std::size_t skipped = job.done;
        for (wire::user_iovec &part : rest) {
            const std::uint64_t size = std::min<std::uint64_t>(part.len, skipped);
            part.base += size;
            part.len -= size;
            skipped -= size;
        }
        if (memory.gather(rest, job.payload) < job.payload.size()) {
            return end_send(job, subject, static_cast<std::int64_t>(job.done));
        }
    }
    return {Next::again, {}};
}

Supervision::Progress Supervision::end_send(Job &job, Subject &subject, std::int64_t ret) {
    record_send(job, subject, ret);
    if (ret == -EPIPE && (job.send.flags & MSG_NOSIGNAL) == 0 && job.described.is_stream()) {
        subjects_.signal_pipe(job.call.tid);
    }
    if (job.count == 1 || ret < 0) {
        const bool is_failure = ret < 0 && job.index == 0;
        return {Next::done,
                {job.count == 1 ? std::max<std::int64_t>(ret, 0) : job.index, is_failure ? static_cast<int>(-ret) : 0}};
    }
    const CallerMemory memory(job.call.tid, job.call.is_compat);
    if (!memory.write_mmsghdr_length(job.call.args[1], job.index, static_cast<std::uint32_t>(ret))) {
        return {Next::done, {job.index, job.index == 0 ? EFAULT : 0}};
    }
    if (++job.index == job.count) {
        return {Next::done, {job.index, 0}};
    }
    job.is_read = false;
    job.done = job.payload_at = 0;
    return {Next::again, {}};
}

Supervision::Step Supervision::connect(Job &job) {
    Subject *subject = subjects_.find(job.call.tid);
    if (subject == nullptr) {
        return Answer{0, EACCES};
    }
    if (job.worker) {
        return job.worker->is_done() ? end_connect(job, *subject, static_cast<int>(-job.worker->result()))
                                     : std::nullopt;
    }
    const CallerMemory memory(job.call.tid, job.call.is_compat);
    if (const int error = read_request(job.call, memory, 0, job.send); error != 0) {
        return end_connect(job, *subject, error);
    }
    Result<Destination, int> destination = resolve(job.send.name, job.call.tid, *subject);
    if (!destination) {
        return end_connect(job, *subject, destination.error());
    }
    job.destination = *std::move(destination);
    if (job.destination.file) {
        follow_files();
    }
    if (is_judged(job.call.event)) {
        job.decision = judge_send(job, *subject, Known::message);
        if (job.decision.refuses) {
            if (job.decision.action == ActionId::kill) {
                subjects_.kill(job.call.tid);
            }
            return end_connect(job, *subject, job.decision.error != 0 ? job.decision.error : EACCES);
        }
    }
    // The thread has all that it needs by itself: the subject may be another before it is done.
    const auto call = [socket = job.socket.get(), name = job.destination.name, who = *subject]() -> std::int64_t {
        const Impersonation acting(who);
        if (!acting.is_complete()) {
            return -EACCES;
        }
        const auto *address = reinterpret_cast<const sockaddr *>(name.data());
        return ::connect(socket, address, static_cast<socklen_t>(name.size())) == 0 ? 0 : -errno;
    };
    if (!job.may_wait || job.described.record.type == SOCK_DGRAM) {
        return end_connect(job, *subject, static_cast<int>(-call()));
    }
    job.worker = std::make_unique<Worker>(call);
    return std::nullopt;
}

Supervision::Step Supervision::end_connect(Job &job, Subject &subject, int error) {
    if (std::optional<DescribedSocket> now = error == 0 ? describer_.describe(job.socket.get()) : std::nullopt) {
        job.described = std::move(*now);
    }
    record_send(job, subject, -error);
    return Answer{0, error};
}

}  // namespace sockwarden
