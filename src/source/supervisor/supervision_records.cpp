// SPDX-License-Identifier: Apache-2.0
// Supervision: what is told of a call, to the judge before it is made and to the reader after.
#include <sys/ioctl.h>
#include <time.h>

#include <algorithm>
#include <cstring>

#include "decode/address.h"
#include "source/supervisor/supervision.h"
#include "source/supervisor/worker.h"

namespace sockwarden {
namespace {

constexpr std::size_t kMostSockets = 8192;

std::uint64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

void add_vector(const std::vector<wire::user_iovec> &iov, wire::message_record &message, Records &to) {
    if (iov.size() == 1) {
        message.iov_base = iov.front().base;
        message.iov_len = iov.front().len;
    } else if (!iov.empty()) {
        const auto shown = std::span(iov).first(std::min<std::size_t>(iov.size(), wire::MAX_IOVECS));
        to.add_piece(wire::PIECE_IOVEC, message, std::as_bytes(shown));
    }
}

// Bytes of the next message, or of a stream those that wait: others, where something was read meanwhile. It takes
// nothing from the socket, not even an error.
int next_of(int socket) {
    int bytes = 0;
    ::ioctl(socket, FIONREAD, &bytes);
    return bytes;
}

}  // namespace

wire::message_record Supervision::message_of(const Job &job, const Subject &subject, std::int64_t ret) const {
    wire::message_record message{};
    message.head.time = now_ns();
    message.head.event = static_cast<wire::u16>(job.call.event);
    message.ret = ret;
    message.entry = job.entry_ns;
    message.duration = message.head.time - job.entry_ns;
    message.tid = static_cast<wire::u32>(job.call.tid);
    message.writer = message.tid;
    message.tgid = subject.record.pid;
    message.start = subject.record.start;
    message.exec = subject.record.exec;
    Subjects::read_comm(job.call.tid, message.comm);
    message.compat = job.call.is_compat ? 1 : 0;
    message.socket_key = job.described.record.key;
    message.sockfd = static_cast<wire::s32>(job.call.args[0]);
    message.call = job.number + job.index;
    message.index = job.index;
    message.vlen = job.count;
    const bool is_batch = job.call.event == EventId::recvmmsg || job.call.event == EventId::sendmmsg;
    message.index_state = is_batch && (ret >= 0 || job.index > 0) ? wire::REASON_here : wire::REASON_none;
    message.name_state = message.control_state = message.flags_state = wire::REASON_none;
    message.entry_state = job.is_told_before ? wire::REASON_before : wire::REASON_here;
    message.payload_state = options_.snaplen == 0 ? wire::REASON_snaplen : wire::REASON_here;
    return message;
}

// The judge is told each thing once, the reader again where it was lost.
void Supervision::describe(const Job &job, Subject &subject, Records &to, bool is_asked) {
    const bool is_known = is_asked ? subject.is_asked : subject.told_in == epoch_;
    if (!is_known) {
        to.add_process(subject.record, subject.exe, subject.cgroup);
        subject.is_asked = subject.is_asked || is_asked;
        subject.told_in = is_asked ? subject.told_in : epoch_;
    }
    if (job.described.record.key == 0) {
        return;
    }
    auto &sockets = is_asked ? asked_sockets_ : told_sockets_;
    if (sockets.size() >= kMostSockets) {
        sockets.clear();
    }
    DescribedSocket &known = sockets[job.described.record.key];
    if (!(known == job.described)) {
        known = job.described;
        to.add_socket(known.record, as_bytes_of(known.local), as_bytes_of(known.remote));
    }
}

void Supervision::add_receive(const Job &job, const Received *received, const Delivered *delivered,
                              wire::message_record &message, Records &to) const {
    const ReceiveRequest &request = job.receive;
    message.address = request.msghdr;
    message.flags = request.flags;
    message.peek = (request.flags & MSG_PEEK) != 0;
    message.iovlen = request.iovlen;
    add_vector(request.iov, message, to);
    const bool has_head = request.msghdr != 0;
    if (received == nullptr) {
        message.flags_state = has_head ? wire::REASON_failed : wire::REASON_none;
        return;
    }
    message.origin = wire::ORIGIN_KERNEL;
    message.msg_flags = delivered != nullptr ? delivered->flags : received->flags;
    message.flags_state = has_head ? wire::REASON_here : wire::REASON_none;
    if (request.name != 0 && !received->name.empty()) {
        message.name_state = wire::REASON_here;
        to.add_piece(wire::PIECE_NAME, message, as_bytes_of(received->name));
    }
    const std::vector<std::byte> &control = delivered != nullptr ? delivered->control : received->control;
    message.control_state = has_head && request.control != 0 ? wire::REASON_here : wire::REASON_none;
    if (!control.empty() && (has_head || delivered == nullptr)) {
        message.control_state = wire::REASON_here;
        to.add_piece(wire::PIECE_CONTROL, message, control);
    }
    message.fds_sent = static_cast<wire::u16>(received->files.size());
    if (delivered != nullptr) {
        std::vector<Fd> files;
        for (const std::size_t place : delivered->files) {
            files.emplace_back(received->files[place].get());
        }
        if (!files.empty()) {
            to.add_files(files, message);
        }
        for (Fd &file : files) {
            file.release();  // the message owns them
        }
    } else if (!received->files.empty()) {
        to.add_files(received->files, message);
    }
}

void Supervision::add_send(const Job &job, wire::message_record &message, Records &to) const {
    const SendRequest &request = job.send;
    message.address = request.msghdr;
    message.flags = request.flags;
    message.iovlen = request.iovlen;
    add_vector(request.iov, message, to);
    if (job.call.kind == Call::Kind::transfer) {
        message.in_fd = static_cast<wire::s32>(job.call.args[1]);
        message.payload_state = wire::REASON_pages;
    }
    message.origin = wire::ORIGIN_USER;
    if (!request.name.empty()) {
        message.name_state = wire::REASON_here;
        to.add_piece(wire::PIECE_NAME, message, as_bytes_of(request.name));
    }
    if (!request.control.empty() && !job.call.is_compat) {
        message.control_state = wire::REASON_here;
        to.add_piece(wire::PIECE_CONTROL, message, request.control);
        message.fds_sent = static_cast<wire::u16>(job.send_control.files.size());
        if (!job.send_control.files.empty()) {
            to.add_files(job.send_control.files, message);
        }
    } else if (!request.control.empty()) {
        message.control_state = wire::REASON_compat;
    }
}

// 0 where the message does not stay queued.
std::uint32_t Supervision::note_refusal(const Job &job, std::int64_t ret) {
    constexpr std::size_t kMost = 1024;
    const std::uint64_t socket = job.described.record.key;
    if (ret >= 0 || !job.decision.refuses || job.decision.action != ActionId::deny) {
        refusals_.erase(socket);
        return 0;
    }
    if (refusals_.size() >= kMost) {
        refusals_.clear();
    }
    Refusals &refusals = refusals_[socket];
    const int next = next_of(job.socket.get());
    refusals.count = refusals.next == next ? refusals.count + 1 : 1;
    refusals.next = next;
    return refusals.count;
}

void Supervision::record_receive(Job &job, Subject &subject, const Received *received, const Delivered *delivered,
                                 std::int64_t ret) {
    const std::uint32_t refused = note_refusal(job, ret);
    if (!is_told(job)) {
        return;
    }
    if (refused > wire::TOLD_REFUSALS && refused % wire::TOLD_REFUSALS_EACH != 0) {
        ++counts_.repeated;
        return;
    }
    told_.clear();
    describe(job, subject, told_, false);
    wire::message_record message = message_of(job, subject, ret);
    if (received != nullptr && job.decision.refuses && job.decision.action == ActionId::drop) {
        message.head.event = static_cast<wire::u16>(EventId::refused);
    }
    add_receive(job, received, delivered, message, told_);
    if (delivered != nullptr) {
        const std::size_t denied = received->files.size() - delivered->files.size();
        const bool is_denied = job.decision.refuses && job.decision.action == ActionId::deny_fds;
        message.fds_denied = static_cast<wire::u16>(is_denied ? denied : 0);
    }
    if (job.decision.told) {
        job.decision.told->refused = refused;
        told_.add_piece(wire::PIECE_VERDICT, message, std::as_bytes(std::span(&*job.decision.told, 1)));
    }
    const Bytes whole = job.payload.empty() && received != nullptr ? Bytes(received->payload) : Bytes(job.payload);
    told_.add_message(message, ret >= 0 ? whole.first(snap(whole.size())) : Bytes());
    tell();
}

void Supervision::record_send(Job &job, Subject &subject, std::int64_t ret) {
    if (!is_told(job)) {
        return;
    }
    told_.clear();
    describe(job, subject, told_, false);
    wire::message_record message = message_of(job, subject, ret);
    add_send(job, message, told_);
    if (job.decision.told) {
        told_.add_piece(wire::PIECE_VERDICT, message, std::as_bytes(std::span(&*job.decision.told, 1)));
    }
    const auto sent = job.payload_at == 0 ? static_cast<std::size_t>(std::max<std::int64_t>(ret, 0)) : 0;
    const Bytes whole = Bytes(job.payload).first(std::min(job.payload.size(), sent));
    told_.add_message(message, whole.first(snap(whole.size())));
    tell();
}

Decision Supervision::judge_asked(Known known) {
    known_ = known;
    decision_ = {};
    asked_.each([this](Bytes record) { assembler_.take(record, 0); });
    return std::exchange(decision_, {});
}

Decision Supervision::judge_receive(Job &job, Subject &subject, const Received *received, Known known) {
    asked_.clear();
    describe(job, subject, asked_, true);
    wire::message_record message = message_of(job, subject, received != nullptr ? received->length : 0);
    message.payload_state = wire::REASON_here;
    add_receive(job, received, nullptr, message, asked_);
    asked_.add_message(message,
                       received != nullptr
                           ? Bytes(received->payload).first(std::min<std::size_t>(received->payload.size(), UINT16_MAX))
                           : Bytes());
    return judge_asked(known);
}

// Where a datagram goes is asked about as its socket's peer.
Decision Supervision::judge_send(Job &job, Subject &subject, Known known) {
    asked_.clear();
    const bool sends = job.call.event != EventId::connect;
    std::string given = std::exchange(job.send.name, meant_by(job.send.name, job.described.record.family, sends));
    const bool is_named =
        !job.send.name.empty() && (job.call.event == EventId::connect || job.described.record.type == SOCK_DGRAM ||
                                   job.described.record.type == SOCK_RAW);
    DescribedSocket own;
    if (is_named) {
        own = job.described;
        job.described.remote = job.send.name;
        const auto file = job.destination.file
                              ? find_file("/proc/self/fd/" + std::to_string(job.destination.file.get()))
                              : std::nullopt;
        job.described.record.remote_inode = file ? file->inode : 0;
        job.described.record.remote_device = file ? file->device : 0;
    }
    describe(job, subject, asked_, true);
    const bool is_message = job.call.event != EventId::connect;
    wire::message_record message = message_of(job, subject, is_message ? static_cast<std::int64_t>(job.send.total) : 0);
    add_send(job, message, asked_);
    asked_.add_message(message, {});
    if (is_named) {
        job.described = std::move(own);
    }
    job.send.name = std::move(given);
    return judge_asked(known);
}

// Where there is no room for it, nobody is told what it told first, either.
void Supervision::tell() {
    if (!queue_.put(told_.bytes())) {
        ++counts_.ring_full;
        ++epoch_;
        told_sockets_.clear();
    }
}

}  // namespace sockwarden
