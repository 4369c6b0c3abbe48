// SPDX-License-Identifier: Apache-2.0
// The processes under a supervisor: who makes a call, and a hold on it that no other process can slip into.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/wire.h"
#include "source/supervisor/judging.h"
#include "source/supervisor/records.h"

namespace sockwarden {

// A process as it is now. What it tells is that of /proc, read again once it may have changed.
struct Subject {
    pid_t tgid = 0;
    wire::process_record record{};
    std::string exe, cgroup;
    std::vector<gid_t> groups;  // supplementary
    bool is_settled = false;    // by itself it cannot have changed what is known of it

    // Kept here by who supervises, as long as it stays what it is.
    std::uint32_t told_in = 0;           // the epoch in which it was described to the reader; 0: never
    bool is_asked = false;               // it was described to the judge
    std::map<int, bool> may_be_refused;  // by event: whether any message of it might be
    // What is known of calls on a socket, by event and cookie, as long as the socket is what it was.
    struct OnSocket {
        DescribedSocket socket;
        std::uint32_t flags = 0;
        Decision decision;
    };
    std::map<std::pair<int, std::uint64_t>, OnSocket> on_sockets;
};

class Subjects {
public:
    // The process of a thread, with what it is now. Null where it is gone.
    Subject *find(pid_t tid);
    // A thread is about to change what its process is.
    void unsettle(pid_t tid);

    // A descriptor of the thread's table, as one of this process. Negative: an errno. EPERM where the process may not
    // be looked into.
    int take_fd(pid_t tid, int fd);
    // Whether nobody else can change what the thread's descriptors refer to while it is inside a call: it has no other
    // threads, and no process shares its table.
    bool is_alone(pid_t tid);
    // Whether a signal waits for the thread to leave its call: it has a handler, stops the process or ends it.
    enum class Signalled {
        no,
        yes,
        perhaps,  // it is for the process, and another thread may have been chosen
    };
    static Signalled signalled(pid_t tid);
    // From now on processes may share tables.
    void note_sharing() { is_sharing_ = true; }
    void kill(pid_t tid);
    // As the kernel does when a task writes to a pipe that nobody reads.
    void signal_pipe(pid_t tid);

    // Name of the thread, up to 15 bytes.
    static void read_comm(pid_t tid, char (&comm)[16]);
    // Forgets what was decided about calls of the processes.
    void forget_decisions();
    // Forgets who has ended, and what others may have changed of the rest.
    void sweep();

private:
    struct Thread {
        pid_t tgid = 0;
        Fd pidfd;             // of the thread, or before Linux 6.9 of its process
        bool is_own = false;  // of the thread
    };
    Thread *thread_of(pid_t tid);
    static bool is_same(const Thread &thread, pid_t tid);
    static bool describe(Subject &subject);

    std::unordered_map<pid_t, Thread> threads_;
    std::unordered_map<pid_t, std::unique_ptr<Subject>> processes_;  // by tgid
    bool is_sharing_ = false;
    std::map<pid_t, std::set<pid_t>> changing_;  // threads inside exec or setuid, by process
};

}  // namespace sockwarden
