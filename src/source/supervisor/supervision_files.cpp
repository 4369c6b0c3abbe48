// SPDX-License-Identifier: Apache-2.0
// Supervision: reads and writes of what is no socket, though it might have become one, and transfers between files.
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>

#include "source/supervisor/supervision.h"
#include "source/supervisor/worker.h"

namespace sockwarden {
namespace {

bool is_socket(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

// Reads and writes of what is no socket, on what it was when that was looked at.
Supervision::Step Supervision::file_call(Job &job) {
    if (job.worker) {
        if (!job.worker->is_done()) {
            return std::nullopt;
        }
        return end_file_call(job, job.worker->result());
    }
    constexpr std::uint64_t kMost = 16 << 20;
    const CallerMemory memory(job.call.tid, job.call.is_compat);
    const int error =
        job.sends() ? read_request(job.call, memory, 0, job.send) : read_request(job.call, memory, 0, job.receive);
    if (error != 0) {
        return Answer{0, error};
    }
    const std::vector<wire::user_iovec> &iov = job.sends() ? job.send.iov : job.receive.iov;
    std::vector<std::byte> bytes(std::min(job.sends() ? job.send.total : job.receive.total, kMost));
    if (job.sends() && memory.gather(iov, bytes) < bytes.size()) {
        return Answer{0, EFAULT};
    }
    // `flags` of preadv2(2): RWF_NOWAIT first, as most can be done at once.
    auto make = [file = job.socket.get(), sends = job.sends(), memory, iov,
                 bytes = std::move(bytes)](int flags) mutable -> std::int64_t {
        iovec part{bytes.data(), bytes.size()};
        const ssize_t done = sends ? ::pwritev2(file, &part, 1, -1, flags) : ::preadv2(file, &part, 1, -1, flags);
        if (done < 0) {
            return -errno;
        }
        const Bytes read = Bytes(bytes).first(static_cast<std::size_t>(done));
        return sends || memory.scatter(iov, read) == read.size() ? done : -EFAULT;
    };
    struct stat status {};
    const bool is_regular = ::fstat(job.socket.get(), &status) == 0 && S_ISREG(status.st_mode);
    const std::int64_t done = make(is_regular ? 0 : RWF_NOWAIT);
    if (!is_regular && (done == -EAGAIN || done == -EOPNOTSUPP)) {
        job.worker = std::make_unique<Worker>([make]() mutable { return make(0); });
        return std::nullopt;
    }
    return end_file_call(job, done);
}

Supervision::Answer Supervision::end_file_call(Job &job, std::int64_t result) {
    if (job.call.kind == Call::Kind::transfer) {
        if (Subject *subject = subjects_.find(job.call.tid); subject != nullptr) {
            record_transfer(job, *subject, result);
        }
    }
    if (result == -EPIPE && job.sends()) {
        subjects_.signal_pipe(job.call.tid);
    }
    return {std::max<std::int64_t>(result, 0), static_cast<int>(std::max<std::int64_t>(-result, 0))};
}

// Only transfers to sockets are events.
void Supervision::record_transfer(Job &job, Subject &subject, std::int64_t ret) {
    if (job.described.record.key != 0) {
        record_send(job, subject, ret);
    }
}

// Whether rules let a sendfile into this socket be; else what it fails with. Into datagrams nobody cuts a file here.
Supervision::Step Supervision::judge_transfer(Job &job, Subject &subject) {
    if (job.described.record.type != SOCK_STREAM) {
        return Answer{0, EINVAL};
    }
    follow_files();
    job.decision = judge_send(job, subject, Known::message);
    if (!job.decision.refuses) {
        return std::nullopt;
    }
    const int error = job.decision.error != 0 ? job.decision.error : EACCES;
    record_send(job, subject, -error);
    if (job.decision.action == ActionId::kill) {
        subjects_.kill(job.call.tid);
    }
    return Answer{0, error};
}

// sendfile: no way to receive what a rule might refuse, and to a socket a send. It is left alone where nobody can turn
// one of its files into another meanwhile, or where that would be no matter, and made here else.
Supervision::Step Supervision::begin_transfer(Job &job) {
    const Call &call = job.call;
    Subject *subject = subjects_.find(call.tid);
    if (subject == nullptr) {
        return Answer{0, EACCES};
    }
    for (const auto &[fd, number] : {std::pair(&job.other, call.args[1]), std::pair(&job.socket, call.args[0])}) {
        const int taken = subjects_.take_fd(call.tid, static_cast<int>(number));
        if (taken < 0) {
            return taken == -EBADF || taken == -ENOBUFS ? Answer{0, -taken} : opaque(call, *subject);
        }
        *fd = Fd(taken);
    }
    static const EventMask receives = events_named("receive");
    if (is_socket(job.other.get()) && (options_.judged & receives) != 0) {
        return Answer{0, EINVAL};
    }
    if (std::optional<DescribedSocket> described = describer_.describe(job.socket.get())) {
        job.described = std::move(*described);
        job.send.total = call.args[3];
        job.send.iov = {{0, job.send.total}};
        if (is_judged(EventId::sendfile)) {
            if (const Step refused = judge_transfer(job, *subject)) {
                return refused;
            }
        }
    }
    if (!job.decision.told && (options_.judged == 0 || subjects_.is_alone(call.tid))) {
        job.is_told_before = true;
        record_transfer(job, *subject, static_cast<std::int64_t>(job.send.total));
        return Answer{0, 0, true};
    }
    const CallerMemory memory(call.tid, call.is_compat);
    const bool is_short = call.is_compat && call.has_time32;  // its offset is one of 32 bits
    std::int64_t offset = 0;
    if (call.args[2] != 0 && (is_short || !memory.read(call.args[2], &offset, sizeof(offset)))) {
        return Answer{0, is_short ? EINVAL : EFAULT};
    }
    job.is_file = true;
    job.worker = std::make_unique<Worker>([out = job.socket.get(), in = job.other.get(), at = call.args[2], memory,
                                           offset, count = call.args[3]]() mutable -> std::int64_t {
        const ssize_t done = ::sendfile(out, in, at != 0 ? &offset : nullptr, count);
        if (done < 0) {
            return -errno;
        }
        return at == 0 || memory.write(at, &offset, sizeof(offset)) ? done : -EFAULT;
    });
    return std::nullopt;
}

}  // namespace sockwarden
