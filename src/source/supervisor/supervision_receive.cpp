// SPDX-License-Identifier: Apache-2.0
// Supervision: receives. A message is looked at in its queue, judged, taken, and written where the caller wants it.
// What was looked at may be taken by somebody else meanwhile: so what was taken is what counts.
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cstring>

#include "source/supervisor/supervision.h"
#include "source/supervisor/worker.h"

namespace sockwarden {
namespace {

// Room for one message: no datagram is larger (a UNIX one has to fit its sender's send buffer), and of a stream less
// may be had at once.
constexpr std::uint64_t kMostRoom = 4 << 20;
constexpr std::uint64_t kMostJudged = UINT16_MAX;
constexpr std::size_t kDatagramRoom = 128 << 10;  // looked at first; few are longer

bool is_tcp(const DescribedSocket &socket) {
    return socket.is_stream() && (socket.record.family == AF_INET || socket.record.family == AF_INET6);
}

// Leaves out the first `done` bytes of the buffers.
void advance(std::vector<wire::user_iovec> &iov, std::size_t done) {
    for (wire::user_iovec &part : iov) {
        const std::uint64_t size = std::min<std::uint64_t>(part.len, done);
        part.base += size;
        part.len -= size;
        done -= size;
    }
}

}  // namespace

Supervision::Step Supervision::receive(Job &job) {
    while (true) {
        Subject *subject = subjects_.find(job.call.tid);
        if (subject == nullptr) {
            return Answer{0, EACCES};
        }
        const Progress progress = receive_one(job, *subject);
        if (progress.next != Next::again) {
            return progress.next == Next::wait ? std::nullopt : Step(progress.answer);
        }
    }
}

Supervision::Progress Supervision::receive_one(Job &job, Subject &subject) {
    if (!job.is_read) {
        const CallerMemory memory(job.call.tid, job.call.is_compat);
        const int error = read_request(job.call, memory, job.index, job.receive);
        if (error != 0) {
            return fail_receive(job, subject, error);
        }
        const bool is_as_of_file = job.call.event == EventId::read || job.call.event == EventId::readv;
        if (is_as_of_file && job.receive.total == 0) {
            return {Next::done, {0, 0}};  // which does not reach the socket
        }
        job.is_read = true;
        job.may_wait = job.may_wait && (job.receive.flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) == 0;
        // Who may not receive here at all is told at once, whether or not there is a message.
        const ActionId action = job.decision.action;
        if (job.decision.is_final && job.decision.refuses && action != ActionId::drop && action != ActionId::deny_fds) {
            return refuse_receive(job, subject, nullptr);
        }
        job.needs_content = job.needs_content || job.decision.refuses;
    }
    return look_and_take(job, subject);
}

Supervision::Progress Supervision::look_and_take(Job &job, Subject &subject) {
    const ReceiveRequest &request = job.receive;
    // Of a stream no more than is judged whole.
    const std::uint64_t most = job.needs_content && job.described.is_stream() ? kMostJudged : kMostRoom;
    const std::size_t room = std::min<std::uint64_t>(request.total - job.done, most);
    std::uint32_t flags = request.flags & ~std::uint32_t{MSG_WAITALL | MSG_DONTWAIT | MSG_CMSG_CLOEXEC};
    if (std::optional<Received> kept = take_kept(job, room)) {
        job.decision = job.needs_content ? judge_receive(job, subject, &*kept, Known::message) : job.decision;
        if (job.decision.refuses && job.decision.action != ActionId::deny_fds) {
            return refuse_receive(job, subject, &*kept);
        }
        if (!job.described.is_stream()) {
            cut(*kept, request);
        }
        return hand_over(job, subject, std::move(*kept));
    }
    const bool looks = job.needs_content && (flags & MSG_ERRQUEUE) == 0;
    const bool is_whole =
        looks && !job.described.is_stream();  // a datagram is judged with what the caller has no room for
    std::size_t wanted = is_whole ? kDatagramRoom : room;
    flags = is_whole ? flags | MSG_TRUNC : flags;
    std::optional<Received> seen;
    while (looks) {
        const std::uint32_t to_look =
            is_whole ? flags : flags & ~std::uint32_t{MSG_TRUNC};  // which throws away (tcp(7))
        Result<Received, int> peeked = sockwarden::receive(job.socket.get(), to_look | MSG_PEEK, wanted);
        if (!peeked) {
            return fail_receive(job, subject, peeked.error());
        }
        if (is_whole && static_cast<std::uint64_t>(peeked->length) > wanted) {
            wanted = static_cast<std::size_t>(peeked->length);
            continue;
        }
        seen = *std::move(peeked);
        break;
    }
    if (seen) {
        job.decision = judge_receive(job, subject, &*seen, Known::message);
        const bool is_refused = job.decision.refuses && job.decision.action != ActionId::deny_fds;
        if (is_refused && job.decision.action != ActionId::drop) {
            return refuse_receive(job, subject, nullptr);
        }
        if ((flags & MSG_PEEK) != 0 && !is_refused) {
            cut(*seen, request);
            if ((request.flags & MSG_TRUNC) != 0 && is_tcp(job.described)) {
                seen->payload.clear();
            }
            return hand_over(job, subject, *std::move(seen));
        }
        // Of a stream no more than was looked at. What is dropped goes, also where the caller only looks.
        wanted = is_whole ? wanted : seen->payload.size();
        flags &= ~std::uint32_t{MSG_PEEK};
    }
    Result<Received, int> taken = sockwarden::receive(job.socket.get(), flags, wanted);
    if (!taken) {
        const bool is_stolen = looks && taken.error() == EAGAIN;
        return is_stolen ? Progress{Next::again, {}} : fail_receive(job, subject, taken.error());
    }
    if ((flags & MSG_TRUNC) != 0 && is_tcp(job.described)) {  // thrown away by the kernel (tcp(7))
        taken->payload = seen ? seen->payload : std::vector<std::byte>();
        taken->payload.resize(std::min<std::size_t>(taken->payload.size(), static_cast<std::size_t>(taken->length)));
    }
    if (job.needs_content && (!seen || !taken->is_like(*seen))) {
        job.decision = judge_receive(job, subject, &*taken, Known::message);
    }
    if (job.decision.refuses && job.decision.action != ActionId::deny_fds) {
        return refuse_receive(job, subject, &*taken);
    }
    if (is_whole) {
        cut(*taken, request);
    } else if ((flags & MSG_TRUNC) != 0 && is_tcp(job.described)) {
        taken->payload.clear();
    }
    return hand_over(job, subject, std::move(*taken));
}

Supervision::Progress Supervision::hand_over(Job &job, Subject &subject, Received received) {
    const std::uint64_t id = job.call.id;
    std::vector<bool> allowed(received.files.size(), true);
    if (job.decision.refuses && job.decision.action == ActionId::deny_fds) {
        allowed = allowed_fds(job, subject, received);
    }
    const CallerMemory memory(job.call.tid, job.call.is_compat);
    ReceiveRequest rest = job.receive;
    advance(rest.iov, job.done);
    const Delivered delivered = is_waited_for(id)
                                    ? deliver(
                                          memory, rest, received, [&](std::size_t i) { return allowed[i]; },
                                          [&](int fd, bool closes) { return install(id, fd, closes); })
                                    : Delivered{ENOENT, {}, 0, {}};
    const bool is_peek = (job.receive.flags & MSG_PEEK) != 0;
    const auto keep = [&] {
        if (!is_peek && (received.length > 0 || !job.described.is_stream())) {
            this->keep(job, std::move(received));
        }
        return Progress{Next::done, {0, EINTR, false, true}};
    };
    if (delivered.error == ENOENT) {
        return keep();
    }
    if (delivered.error != 0) {
        record_receive(job, subject, nullptr, nullptr, -delivered.error);
        if (job.described.is_stream() && !is_peek) {
            this->keep(job, std::move(received));  // bytes of a stream are not lost with it
        }
        return {Next::done, {0, delivered.error}};
    }
    const auto length = static_cast<std::size_t>(received.length);
    const bool is_part = (job.receive.flags & MSG_WAITALL) != 0 && job.described.is_stream() && !is_peek &&
                         length > 0 && job.done + length < job.receive.total && received.files.empty() && job.may_wait;
    if (is_part || job.done > 0) {
        job.payload.insert(job.payload.end(), received.payload.begin(), received.payload.end());
    }
    job.done += length;
    if (is_part) {
        return {Next::again, {}};
    }
    const auto whole = static_cast<std::int64_t>(job.done);
    if (job.count == 1) {
        // First the answer: who is not there any more did not get the message.
        if (!answer_job(job, {whole, 0})) {
            return keep();
        }
        record_receive(job, subject, &received, &delivered, whole);
        return {Next::done, {whole, 0, false, true}};
    }
    if (!memory.write_mmsghdr_length(job.call.args[1], job.index, static_cast<std::uint32_t>(whole))) {
        return {Next::done, {job.index, job.index == 0 ? EFAULT : 0}};
    }
    record_receive(job, subject, &received, &delivered, whole);
    if ((delivered.flags & MSG_OOB) != 0) {
        return {Next::done, {job.index + 1, 0}};
    }
    return next_message(job);
}

// Of a batch. The time that is left is the caller's to see (recvmmsg(2)).
Supervision::Progress Supervision::next_message(Job &job) {
    constexpr std::uint32_t kWaitForOne = MSG_WAITFORONE;
    ++job.index;
    if (job.batch_end) {
        const CallerMemory memory(job.call.tid, job.call.is_compat);
        const auto left = std::max<Clock::duration>(*job.batch_end - Clock::now(), Clock::duration::zero());
        const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
        memory.write_time(job.call.args[4], job.call.has_time32, {seconds.count(), (left - seconds).count()});
    }
    if (job.index == job.count || (job.batch_end && *job.batch_end <= Clock::now())) {
        return {Next::done, {job.index, 0}};
    }
    job.may_wait = job.may_wait && (job.receive.flags & kWaitForOne) == 0;
    job.is_read = false;
    job.done = 0;
    job.payload.clear();
    return {Next::again, {}};
}

// What a receive came to that got no message.
Supervision::Progress Supervision::fail_receive(Job &job, Subject &subject, int error) {
    if (error == EAGAIN && job.may_wait) {
        pollfd ended{job.socket.get(), POLLRDHUP, 0};
        if (job.described.is_stream() || ::poll(&ended, 1, 0) <= 0) {
            return {Next::wait, {}};
        }
        return {Next::done, {job.index, 0}};  // shut down: a call that waits ends, one that does not never says so
    }
    if (job.done > 0) {
        const Received parts;  // which are in the job
        const auto whole = static_cast<std::int64_t>(job.done);
        record_receive(job, subject, &parts, nullptr, whole);
        return {Next::done, {whole, 0}};
    }
    if (job.index > 0) {
        return {Next::done, {job.index, 0}};
    }
    job.decision = {};
    record_receive(job, subject, nullptr, nullptr, -error);
    return {Next::done, {0, error}};
}

// `taken`: out of its queue already, so that refusing it must not lose it.
Supervision::Progress Supervision::refuse_receive(Job &job, Subject &subject, Received *taken) {
    const Decision &decision = job.decision;
    if (decision.action == ActionId::drop) {
        record_receive(job, subject, taken, nullptr, taken != nullptr ? taken->length : 0);
        return {Next::again, {}};
    }
    const int error = decision.error != 0 ? decision.error : EACCES;
    record_receive(job, subject, nullptr, nullptr, -error);
    if (taken != nullptr) {
        keep(job, std::move(*taken));
    }
    if (decision.action == ActionId::kill) {
        subjects_.kill(job.call.tid);
    }
    return {Next::done, {job.index, job.index == 0 ? error : 0}};
}

void Supervision::keep(const Job &job, Received received) {
    Kept &kept = kept_[job.described.record.cookie];
    kept.messages.push_front(std::move(received));
    kept.since = Clock::now();
}

// The message that was taken from the socket before and found nobody to go to.
std::optional<Received> Supervision::take_kept(const Job &job, std::size_t room) {
    const auto found = kept_.find(job.described.record.cookie);
    if (found == kept_.end() || (job.receive.flags & (MSG_ERRQUEUE | MSG_OOB)) != 0) {
        return std::nullopt;
    }
    std::deque<Received> &messages = found->second.messages;
    if ((job.receive.flags & MSG_PEEK) != 0) {
        Received seen;  // without its descriptors, of which there is one set
        seen.payload = messages.front().payload;
        seen.length = messages.front().length;
        seen.name = messages.front().name;
        return seen;
    }
    Received received = std::move(messages.front());
    messages.pop_front();
    if (received.payload.size() > room && job.described.is_stream()) {
        Received rest;
        rest.payload.assign(received.payload.begin() + static_cast<std::ptrdiff_t>(room), received.payload.end());
        rest.length = static_cast<std::int64_t>(rest.payload.size());
        rest.name = received.name;
        messages.push_front(std::move(rest));
        received.length = static_cast<std::int64_t>(room);
        received.payload.resize(room);
    }
    if (messages.empty()) {
        kept_.erase(found);
    }
    return received;
}

// Those that would be allowed if each came alone; none where the rule asks for more than each by itself.
std::vector<bool> Supervision::allowed_fds(Job &job, Subject &subject, const Received &received) {
    std::vector<bool> allowed(received.files.size(), true);
    bool is_any_denied = false;
    for (std::size_t i = 0; i < received.files.size(); ++i) {
        Received one;
        one.length = received.length;
        one.payload = received.payload;
        one.name = received.name;
        one.flags = received.flags;
        one.control.resize(CMSG_SPACE(sizeof(int)));
        auto *head = reinterpret_cast<cmsghdr *>(one.control.data());
        head->cmsg_len = CMSG_LEN(sizeof(int));
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        const int number = received.files[i].get();
        std::memcpy(CMSG_DATA(head), &number, sizeof(number));
        one.files.emplace_back(number);
        const Decision decision = judge_receive(job, subject, &one, Known::message);
        one.files.front().release();  // the message owns it
        allowed[i] = !(decision.refuses && decision.action == ActionId::deny_fds);
        is_any_denied = is_any_denied || !allowed[i];
    }
    return is_any_denied ? allowed : std::vector<bool>(received.files.size(), false);
}

}  // namespace sockwarden
