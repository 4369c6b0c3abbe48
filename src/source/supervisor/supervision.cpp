// SPDX-License-Identifier: Apache-2.0
// Supervision: the loop, and what every call has in common; see supervision.h.
#include "source/supervisor/supervision.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <cstring>

#include "source/supervisor/worker.h"

namespace sockwarden {
namespace {

// What epoll says: notifications have ids from 1 on.
constexpr std::uint64_t kListener = 0, kStop = UINT64_MAX;
constexpr unsigned long kSetFlags = _IOW('!', 4, std::uint64_t), kSyncWakeUp = 1;  // include/uapi/linux/seccomp.h
constexpr int kRestart = 512;  // ERESTARTSYS, include/linux/errno.h: begun anew, or EINTR, as the handler has it
constexpr std::uint32_t kMostMessages = 1024;  // of a batch: UIO_MAXIOV
constexpr auto kSweep = std::chrono::seconds(5), kKeep = std::chrono::seconds(60);

template <typename Value>
Value socket_option(int socket, int option) {
    Value value{};
    socklen_t size = sizeof(value);
    return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 ? value : Value{};
}

}  // namespace

Supervision::Supervision(SupervisionOptions options, Fd listener, RecordQueue &queue, SupervisionCounts &counts)
    : options_(std::move(options)),
      listener_(std::move(listener)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      queue_(queue),
      counts_(counts),
      assembler_(
          kSupervisorEngine, [this](Message &message) { decision_ = options_.judge(message, known_); }, UINT16_MAX) {}

Supervision::~Supervision() = default;

void Supervision::run(int stop) {
    // Where it can, the kernel then hands its CPU over to who is told or answered (Linux 6.6).
    ::ioctl(listener_.get(), kSetFlags, kSyncWakeUp);
    for (const auto &[fd, data] : {std::pair(listener_.get(), kListener), std::pair(stop, kStop)}) {
        epoll_event wanted{EPOLLIN, {}};
        wanted.data.u64 = data;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &wanted);
    }
    std::array<epoll_event, 64> events{};
    while (true) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), milliseconds_to_wait());
        sweep();
        for (int i = 0; i < count; ++i) {
            const epoll_event &event = events[static_cast<std::size_t>(i)];
            if (event.data.u64 == kStop || (event.data.u64 == kListener && (event.events & EPOLLIN) == 0)) {
                return;  // told to, or nobody uses the filter any more
            }
            event.data.u64 == kListener ? take_notification() : run_job(event.data.u64);
        }
        look_after_waiting();
    }
}

void Supervision::take_notification() {
    static const std::size_t size = [] {
        seccomp_notif_sizes sizes{};
        ::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
        return std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif));
    }();
    alignas(seccomp_notif) thread_local std::vector<std::byte> room(size);
    std::ranges::fill(room, std::byte{0});
    auto &notification = *reinterpret_cast<seccomp_notif *>(room.data());
    if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0) {
        return;  // its thread was interrupted before
    }
    const std::optional<Call> call = read_call(notification);
    if (!call) {
        send_answer(notification.id, {0, EFAULT});
        return;
    }
    begin(*call);
}

bool Supervision::is_waited_for(std::uint64_t id) const {
    return ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

bool Supervision::send_answer(std::uint64_t id, const Answer &answer) {
    seccomp_notif_resp response{};
    response.id = id;
    response.error = -answer.error;
    response.val = answer.error == 0 ? answer.value : 0;
    response.flags = answer.goes_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    return ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
}

int Supervision::install(std::uint64_t id, int fd, bool closes_on_exec) {
    seccomp_notif_addfd wanted{};
    wanted.id = id;
    wanted.srcfd = static_cast<wire::u32>(fd);
    wanted.newfd_flags = closes_on_exec ? O_CLOEXEC : 0;
    const int number = ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &wanted);
    return number < 0 ? -errno : number;
}

void Supervision::begin(const Call &call) {
    // A thread makes one call at a time: who made an earlier one has ended.
    if (const auto earlier = job_of_.find(call.tid); earlier != job_of_.end()) {
        forget(earlier->second);
    }
    if (call.kind == Call::Kind::identity) {
        subjects_.unsettle(call.tid);
    } else if (call.kind == Call::Kind::sharing) {
        subjects_.note_sharing();
    }
    if (call.kind != Call::Kind::socket && call.kind != Call::Kind::transfer) {
        send_answer(call.id, {0, 0, true});
        return;
    }
    auto job = std::make_unique<Job>();
    job->call = call;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    job->entry_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
    job->number = ++calls_;
    const Step answer = call.kind == Call::Kind::transfer ? begin_transfer(*job) : begin_socket_call(*job);
    if (answer) {
        job.reset();  // its copy of the descriptor first: see answer_job
        send_answer(call.id, *answer);
        return;
    }
    next_look_ = std::min({next_look_, job->look_at, job->deadline.value_or(next_look_)});
    job_of_[call.tid] = call.id;
    jobs_[call.id] = std::move(job);
    run_job(call.id);
}

// A process that no debugger may attach to (ssh-agent, what a set-uid program made undumpable; ptrace(2)) hands out
// neither its descriptors nor its memory.
Supervision::Answer Supervision::opaque(const Call &call, const Subject &subject) {
    if (opaque_.emplace(subject.tgid, subject.record.start).second && options_.say) {
        char comm[16];
        Subjects::read_comm(call.tid, comm);
        options_.say(
            options_.allow_opaque
                ? fmt::format("{} ({}) may not be looked into: its calls pass unjudged", subject.tgid, comm)
                : fmt::format("{} ({}) may not be looked into: its calls fail with EACCES; --allow-opaque lets "
                              "them pass unjudged",
                              subject.tgid, comm));
    }
    counts_.unjudged += options_.allow_opaque ? 1 : 0;
    return options_.allow_opaque ? Answer{0, 0, true} : Answer{0, EACCES};
}

// Rules name files by paths, which may lead elsewhere since they were read.
void Supervision::follow_files() {
    if (options_.follow_files && options_.follow_files()) {
        subjects_.forget_decisions();
    }
}

bool Supervision::may_be_refused(const Job &job, Subject &subject) {
    const auto [known, is_new] = subject.may_be_refused.try_emplace(static_cast<int>(job.call.event), true);
    if (is_new) {
        Job asked;
        asked.call = job.call;
        const Decision decision = job.sends() ? judge_send(asked, subject, Known::process)
                                              : judge_receive(asked, subject, nullptr, Known::process);
        known->second = !(decision.is_final && decision.action == ActionId::allow && !decision.told);
    }
    return known->second;
}

// Answers what needs no work; else the job is ready for its first step.
Supervision::Step Supervision::begin_socket_call(Job &job) {
    const Call &call = job.call;
    Subject *subject = subjects_.find(call.tid);
    if (subject == nullptr) {
        return Answer{0, EACCES};  // gone, or nothing can be known about it
    }
    const bool is_judged_send = job.sends() && (is_judged(call.event) || is_judged(EventId::connect));
    if (is_judged_send && (flags_of(call) & MSG_FASTOPEN) != 0) {
        return Answer{0, EOPNOTSUPP};  // a send that connects is not two things at once
    }
    if (!subject->is_asked) {
        follow_files();
    }
    const bool may_connect = job.sends() && call.is_indirect && is_judged(EventId::connect);
    const bool is_wanted =
        is_traced(call.event) || may_connect || (is_judged(call.event) && may_be_refused(job, *subject));
    if (!is_wanted) {
        return Answer{0, 0, true};
    }
    const int taken = subjects_.take_fd(call.tid, static_cast<int>(call.args[0]));
    if (taken == -EBADF || taken == -ENOBUFS) {
        return Answer{0, -taken};
    }
    if (taken < 0) {
        return opaque(call, *subject);
    }
    job.socket = Fd(taken);
    const bool is_file_call = call.event == EventId::read || call.event == EventId::readv ||
                              call.event == EventId::write || call.event == EventId::writev;
    std::optional<DescribedSocket> described = describer_.describe(taken);
    if (!described) {
        job.is_file = true;
        return !is_file_call                                            ? Answer{0, ENOTSOCK}
               : !is_judged(call.event) || subjects_.is_alone(call.tid) ? Step(Answer{0, 0, true})
                                                                        : std::nullopt;
    }
    job.described = std::move(*described);
    if (describer_.has_met_files()) {
        follow_files();
    }
    if (is_left_to_the_kernel(job, *subject)) {
        return Answer{0, 0, true};
    }
    if (job.sends() && !is_judged(call.event) && !may_connect) {
        return tell_before(job, *subject);
    }
    job.may_wait = (::fcntl(taken, F_GETFL) & O_NONBLOCK) == 0;
    const auto timeout = socket_option<timeval>(taken, job.sends() ? SO_SNDTIMEO : SO_RCVTIMEO);
    job.has_timeout = timeout.tv_sec != 0 || timeout.tv_usec != 0;
    if (job.has_timeout && call.event != EventId::connect) {  // which keeps to it by itself, in its thread
        job.deadline = Clock::now() + std::chrono::seconds(timeout.tv_sec) + std::chrono::microseconds(timeout.tv_usec);
    }
    if (call.event == EventId::recvmmsg || call.event == EventId::sendmmsg) {
        job.count = std::min<std::uint32_t>(static_cast<std::uint32_t>(call.args[2]), kMostMessages);
        if (job.count == 0) {
            return Answer{};
        }
    }
    if (call.event == EventId::recvmmsg && call.args[4] != 0) {
        const CallerMemory memory(call.tid, call.is_compat);
        const std::optional<CallerMemory::Time> limit = memory.read_time(call.args[4], call.has_time32);
        if (!limit || limit->seconds < 0 || limit->nanoseconds < 0 || limit->nanoseconds >= 1'000'000'000) {
            return Answer{0, limit ? EINVAL : EFAULT};
        }
        job.batch_end = Clock::now() + std::chrono::seconds(std::min<std::int64_t>(limit->seconds, INT32_MAX)) +
                        std::chrono::nanoseconds(limit->nanoseconds);
    }
    return std::nullopt;
}

// A send or connection that nobody judges. Made here, it would carry this process' id in its credentials; so the kernel
// makes it, and what it comes to is not known.
Supervision::Answer Supervision::tell_before(Job &job, Subject &subject) {
    const CallerMemory memory(job.call.tid, job.call.is_compat);
    job.is_told_before = true;
    if (job.call.event == EventId::sendmmsg) {
        job.count = std::min<std::uint32_t>(static_cast<std::uint32_t>(job.call.args[2]), kMostMessages);
    }
    for (job.index = 0; job.index < job.count; ++job.index) {
        const bool is_read = read_request(job.call, memory, job.index, job.send) == 0;
        if (!is_read && job.index > 0) {
            break;  // the kernel comes no further, either
        }
        job.payload.resize(std::min<std::uint64_t>(job.send.total, options_.snaplen));
        job.payload.resize(memory.gather(job.send.iov, job.payload));
        Result<SendControl, int> control = take_control(job.send.control, memory, subject.tgid,
                                                        [&](int fd) { return subjects_.take_fd(job.call.tid, fd); });
        if (control) {
            job.send_control = *std::move(control);
        }
        record_send(job, subject, static_cast<std::int64_t>(job.send.total));
        if (!is_read) {
            break;
        }
    }
    return {0, 0, true};
}

// Whatever the message is, it is allowed, and what decided that cannot be changed any more: the kernel does it best.
bool Supervision::is_left_to_the_kernel(Job &job, Subject &subject) {
    const Call &call = job.call;
    if (!is_judged(call.event) || call.event == EventId::connect) {
        return false;
    }
    job.receive.flags = job.send.flags = flags_of(call);
    constexpr std::size_t kMostSockets = 256;
    if (subject.on_sockets.size() >= kMostSockets) {
        subject.on_sockets.clear();
    }
    Subject::OnSocket &known = subject.on_sockets[{static_cast<int>(call.event), job.described.record.cookie}];
    if (known.socket.record.key == 0 || !(known.socket == job.described) || known.flags != flags_of(call)) {
        known = {job.described, flags_of(call),
                 job.sends() ? judge_send(job, subject, Known::socket)
                             : judge_receive(job, subject, nullptr, Known::socket)};
    }
    job.decision = known.decision;
    job.needs_content = !job.decision.is_final;
    const bool has_destination = job.sends() && job.described.record.type != SOCK_STREAM &&
                                 job.described.record.type != SOCK_SEQPACKET && call.event != EventId::write &&
                                 call.event != EventId::writev && !(call.event == EventId::sendto && call.args[4] == 0);
    return job.decision.is_final && job.decision.action == ActionId::allow && !job.decision.told &&
           !is_traced(call.event) && !has_destination && !call.is_indirect && subjects_.is_alone(call.tid);
}

Supervision::Step Supervision::step(Job &job) {
    if (job.is_file) {
        return file_call(job);
    }
    if (job.call.event == EventId::connect) {
        return connect(job);
    }
    return job.sends() ? send(job) : receive(job);
}

// By the time that the caller goes on, nothing here holds its socket open any more: it may want to close it.
bool Supervision::answer_job(Job &job, const Answer &answer) {
    unwatch(job);
    job.worker.reset();
    job.socket.reset();
    job.other.reset();
    job.send_control = {};
    job.destination = {};
    job.is_answered = send_answer(job.call.id, answer);
    return job.is_answered;
}

void Supervision::run_job(std::uint64_t id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) {
        return;
    }
    Job &job = *found->second;
    if (!is_waited_for(id)) {
        forget(id);
        return;
    }
    const Step answer = step(job);
    if (!answer) {
        watch(job);
        return;
    }
    if (!answer->is_kept_back) {
        answer_job(job, *answer);
    }
    forget(id);
}

void Supervision::watch(Job &job) {
    if (job.is_watched) {
        return;
    }
    // Once for each change: what is ready without being of use, such as an error queue, is not looked at over and over.
    epoll_event wanted{(job.worker || !job.sends() ? EPOLLIN | EPOLLRDHUP : EPOLLOUT) | EPOLLET, {}};
    wanted.data.u64 = job.call.id;
    job.is_watched =
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, job.worker ? job.worker->fd() : job.socket.get(), &wanted) == 0;
}

// What was begun by a call that is interrupted in its middle is kept for the next one on the socket.
void Supervision::forget(std::uint64_t id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) {
        return;
    }
    const auto of_thread = job_of_.find(found->second->call.tid);
    if (of_thread != job_of_.end() && of_thread->second == id) {
        job_of_.erase(of_thread);
    }
    Job &job = *found->second;
    if (!job.is_answered && !job.sends() && job.done > 0 && job.count == 1) {
        Received parts;
        parts.payload = std::move(job.payload);
        parts.length = static_cast<std::int64_t>(parts.payload.size());
        keep(job, std::move(parts));
    }
    unwatch(job);
    jobs_.erase(found);
}

// Before its socket is closed here: the caller's copy would keep it in epoll.
void Supervision::unwatch(Job &job) {
    if (std::exchange(job.is_watched, false)) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, job.worker ? job.worker->fd() : job.socket.get(), nullptr);
    }
}

int Supervision::milliseconds_to_wait() const {
    if (jobs_.empty()) {
        return -1;
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_look_ - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 1000));
}

// Before anybody is answered: what was known of one that was quiet for long is old.
void Supervision::sweep() {
    const Clock::time_point now = Clock::now();
    if (now - swept_ > kSweep) {
        subjects_.sweep();
        follow_files();
        std::erase_if(kept_, [&](const auto &entry) { return now - entry.second.since > kKeep; });
        swept_ = now;
    }
}

// Timeouts of those who wait are ours to keep, and their signals ours to look for.
void Supervision::look_after_waiting() {
    const Clock::time_point now = Clock::now();
    if (now < next_look_) {
        return;
    }
    next_look_ = Clock::time_point::max();
    std::vector<std::uint64_t> timed_out, gone, retried;
    std::vector<std::pair<std::uint64_t, Subjects::Signalled>> signalled;
    for (const auto &[id, job] : jobs_) {
        if (job->deadline && *job->deadline <= now) {
            timed_out.push_back(id);
        } else if (job->look_at <= now) {
            job->until_look = std::min<Clock::duration>(2 * job->until_look, kLongestLook);
            job->look_at = now + job->until_look;
            const Subjects::Signalled how = Subjects::signalled(job->call.tid);
            if (how != Subjects::Signalled::no) {
                signalled.emplace_back(id, how);
            } else if (!is_waited_for(id)) {
                gone.push_back(id);
            } else if (job->sends() && !job->worker) {
                retried.push_back(id);  // nothing tells that the receiver of an unconnected datagram has room again
            }
        }
        next_look_ = std::min({next_look_, job->look_at, job->deadline.value_or(next_look_)});
    }
    for (const std::uint64_t id : timed_out) {
        jobs_[id]->may_wait = false;
        run_job(id);
    }
    for (const auto &[id, how] : signalled) {
        interrupt(id, how);
    }
    for (const std::uint64_t id : gone) {
        forget(id);
    }
    for (const std::uint64_t id : retried) {
        run_job(id);
    }
}

// As sock_intr_errno() (include/net/sock.h): a call with a timeout is not begun anew. Nor is one of which it is not
// certain that its thread will find the signal: that would show it an errno that is none.
void Supervision::interrupt(std::uint64_t id, Subjects::Signalled how) {
    Job &job = *jobs_[id];
    Answer answer{0, job.has_timeout || how == Subjects::Signalled::perhaps ? EINTR : kRestart};
    if (job.index > 0) {
        answer = {job.index, 0};
    } else if (job.done > 0) {
        answer = {static_cast<std::int64_t>(job.done), 0};
    }
    if (job.worker) {
        job.worker->stop();
        if (job.worker->result() != -EINTR) {
            run_job(id);  // it was done before the signal reached it
            return;
        }
    }
    if (job.done > 0 && !job.sends() && !job.is_file) {
        if (Subject *subject = subjects_.find(job.call.tid); subject != nullptr) {
            record_receive(job, *subject, nullptr, nullptr, static_cast<std::int64_t>(job.done));
        }
    }
    answer_job(job, answer);
    forget(id);
}

}  // namespace sockwarden
