// SPDX-License-Identifier: Apache-2.0
// The supervisor's own thread: is told of each call of the supervised processes that it asked for, makes it in their
// place, lets policies judge, and answers. What it saw goes into a queue of records.
#pragma once

#include <linux/seccomp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "catalog/catalog.h"
#include "decode/assembler.h"
#include "source/supervisor/calls.h"
#include "source/supervisor/judging.h"
#include "source/supervisor/queue.h"
#include "source/supervisor/receiving.h"
#include "source/supervisor/records.h"
#include "source/supervisor/sending.h"
#include "source/supervisor/subjects.h"

namespace sockwarden {

struct SupervisionOptions {
    EventMask traced = 0;                // events of which each is recorded
    EventMask judged = 0;                // events that policies are asked about
    Judge judge;                         // asked in the supervisor's thread
    std::function<bool()> follow_files;  // asked there when a file was met: whether it may judge otherwise now
    std::uint32_t snaplen = wire::INLINE_PAYLOAD;
    bool allow_opaque = false;  // lets processes be that may not be looked into; else their calls fail with EACCES
    std::function<void(const std::string &)> say;  // a line for people, in the supervisor's thread
};

// Counts of what was not recorded, or not judged; and what people should be told, which the reader's thread prints.
struct SupervisionCounts {
    std::atomic<std::uint64_t> ring_full{0}, unjudged{0}, repeated{0};
};

// A thread that waits inside the kernel in the place of a caller.
class Worker;

class Supervision {
public:
    // `queue` and `counts` must outlive it.
    Supervision(SupervisionOptions options, Fd listener, RecordQueue &queue, SupervisionCounts &counts);
    Supervision(const Supervision &) = delete;
    Supervision &operator=(const Supervision &) = delete;
    ~Supervision();

    // Returns when no supervised process is left, or when `stop` becomes readable.
    void run(int stop);

private:
    using Clock = std::chrono::steady_clock;
    static constexpr auto kFirstLook = std::chrono::milliseconds(1), kLongestLook = std::chrono::milliseconds(40);

    // A call under way. It waits where its socket has nothing to give, or no room to take.
    struct Job {
        Call call;
        std::uint64_t entry_ns = 0;
        std::uint32_t number = 0;
        Fd socket;
        DescribedSocket described;
        bool may_wait = true;  // the caller may be kept waiting
        bool is_watched = false;
        bool has_timeout = false;                   // SO_RCVTIMEO or SO_SNDTIMEO is set
        std::optional<Clock::time_point> deadline;  // SO_RCVTIMEO, SO_SNDTIMEO
        Clock::duration until_look{kFirstLook};     // for signals, which nobody tells: seldom, where it takes long
        Clock::time_point look_at = Clock::now() + kFirstLook;
        std::uint32_t index = 0, count = 1;          // messages of the call: this one, and all
        std::optional<Clock::time_point> batch_end;  // of recvmmsg: no message is begun after it
        bool is_read = false;                        // the request of this message
        bool needs_content = false;                  // to be judged
        Decision decision;                           // so far
        ReceiveRequest receive;
        SendRequest send;
        SendControl send_control;
        Destination destination;
        std::vector<std::byte> payload;  // of a send, and of a receive that is made in parts
        std::size_t payload_at = 0;      // the place in the message of its first byte
        std::size_t done = 0;            // bytes of this message
        Fd other;                        // of a transfer: where it reads from
        bool is_answered = false;
        bool is_told_before = false;  // the kernel makes it, and what it comes to is not known
        bool is_file = false;         // a read or write of no socket, made here as it might have become one

        bool sends() const {
            static const EventMask receives = events_named("receive");
            return (receives & event_bit(call.event)) == 0;
        }
        std::unique_ptr<Worker> worker;
    };
    struct Answer {
        std::int64_t value = 0;
        int error = 0;              // an errno
        bool goes_on = false;       // the kernel makes the call itself
        bool is_kept_back = false;  // nobody waits for it any more
    };
    // What a step of a job came to: an answer, or nothing while it has to wait.
    using Step = std::optional<Answer>;
    enum class Next { again, wait, done };
    struct Progress {
        Next next = Next::done;
        Answer answer;
    };

    void take_notification();
    void begin(const Call &call);
    Step begin_socket_call(Job &job);
    Step step(Job &job);
    void run_job(std::uint64_t id);
    bool send_answer(std::uint64_t id, const Answer &answer);
    bool answer_job(Job &job, const Answer &answer);
    bool is_waited_for(std::uint64_t id) const;
    void sweep();
    void look_after_waiting();
    void interrupt(std::uint64_t id, Subjects::Signalled how);
    int milliseconds_to_wait() const;
    void forget(std::uint64_t id);
    void watch(Job &job);
    void unwatch(Job &job);
    int install(std::uint64_t id, int fd, bool closes_on_exec);

    bool is_judged(EventId event) const { return (options_.judged & event_bit(event)) != 0; }
    bool is_traced(EventId event) const { return (options_.traced & event_bit(event)) != 0; }
    void follow_files();
    bool may_be_refused(const Job &job, Subject &subject);
    bool is_left_to_the_kernel(Job &job, Subject &subject);
    Answer opaque(const Call &call, const Subject &subject);
    Answer tell_before(Job &job, Subject &subject);

    // supervision_files.cpp
    Step file_call(Job &job);
    Answer end_file_call(Job &job, std::int64_t result);
    Step begin_transfer(Job &job);
    Step judge_transfer(Job &job, Subject &subject);
    void record_transfer(Job &job, Subject &subject, std::int64_t ret);

    // supervision_receive.cpp
    Step receive(Job &job);
    Progress receive_one(Job &job, Subject &subject);
    Progress look_and_take(Job &job, Subject &subject);
    Progress hand_over(Job &job, Subject &subject, Received received);
    Progress refuse_receive(Job &job, Subject &subject, Received *taken);
    Progress next_message(Job &job);
    Progress fail_receive(Job &job, Subject &subject, int error);
    void keep(const Job &job, Received received);
    std::optional<Received> take_kept(const Job &job, std::size_t room);
    std::vector<bool> allowed_fds(Job &job, Subject &subject, const Received &received);

    // supervision_send.cpp
    Step send(Job &job);
    Progress send_one(Job &job, Subject &subject);
    Progress begin_send(Job &job, Subject &subject);
    Progress end_send(Job &job, Subject &subject, std::int64_t ret);
    Step connect(Job &job);
    Step end_connect(Job &job, Subject &subject, int error);

    // supervision_records.cpp
    wire::message_record message_of(const Job &job, const Subject &subject, std::int64_t ret) const;
    void describe(const Job &job, Subject &subject, Records &to, bool is_asked);
    void add_receive(const Job &job, const Received *received, const Delivered *delivered,
                     wire::message_record &message, Records &to) const;
    void add_send(const Job &job, wire::message_record &message, Records &to) const;
    void record_receive(Job &job, Subject &subject, const Received *received, const Delivered *delivered,
                        std::int64_t ret);
    void record_send(Job &job, Subject &subject, std::int64_t ret);
    Decision judge_receive(Job &job, Subject &subject, const Received *received, Known known);
    Decision judge_send(Job &job, Subject &subject, Known known);
    Decision judge_asked(Known known);
    void tell();
    std::uint32_t note_refusal(const Job &job, std::int64_t ret);
    bool is_told(const Job &job) const { return is_traced(job.call.event) || job.decision.told.has_value(); }
    std::size_t snap(std::size_t size) const { return std::min<std::size_t>(size, options_.snaplen); }

    SupervisionOptions options_;
    Fd listener_, epoll_;
    RecordQueue &queue_;
    SupervisionCounts &counts_;
    Subjects subjects_;
    SocketDescriber describer_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Job>> jobs_;  // by notification
    // How often in a row what is next on a socket has been refused, by its key. What is read where nobody is told
    // mostly shows by the size of what is next then.
    struct Refusals {
        int next = 0;
        std::uint32_t count = 0;
    };
    std::unordered_map<std::uint64_t, Refusals> refusals_;
    std::unordered_map<pid_t, std::uint64_t> job_of_;  // by thread, which makes one call at a time
    // Taken from a socket and not handed over, by its cookie. Forgotten where nobody asks for it any more.
    struct Kept {
        std::deque<Received> messages;
        Clock::time_point since;
    };
    std::map<std::uint64_t, Kept> kept_;
    Records told_;         // of the message that is being recorded
    Records asked_;        // of the one that is being judged
    Assembler assembler_;  // of those that are judged
    Decision decision_;    // what the last of them came to
    Known known_ = Known::message;
    std::unordered_map<std::uint64_t, DescribedSocket> told_sockets_, asked_sockets_;  // by cookie
    std::uint32_t epoch_ = 1;  // of what the reader was told; a new one where something of it was lost
    std::uint32_t calls_ = 0;
    std::set<std::pair<pid_t, std::uint64_t>> opaque_;  // of whom that was said, by pid and start
    Clock::time_point swept_ = Clock::now(), next_look_ = Clock::time_point::max();
};

}  // namespace sockwarden
