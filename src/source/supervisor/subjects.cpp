// SPDX-License-Identifier: Apache-2.0
// Processes under a supervisor; see subjects.h.
#include "source/supervisor/subjects.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <span>
#include <string_view>

#include "identity/file.h"

namespace sockwarden {
namespace {

constexpr unsigned kPidfdThread = O_EXCL;             // PIDFD_THREAD, include/uapi/linux/pidfd.h, Linux 6.9
constexpr std::uint64_t kTick = 1'000'000'000 / 100;  // ns of a tick of USER_HZ

int open_pidfd(pid_t pid, unsigned flags) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, flags)); }
int signal_pidfd(int pidfd, int signal) {
    return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

// The whole of a small file of /proc; empty where it cannot be read.
std::string_view read_proc(const std::string &path, std::span<char> room) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const ssize_t size = file ? ::read(file.get(), room.data(), room.size()) : -1;
    return {room.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

std::string_view link_of(const std::string &path, std::span<char> room) {
    const ssize_t size = ::readlink(path.c_str(), room.data(), room.size());
    return {room.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

// Number `index` behind "Name:" in the text of /proc/PID/status.
std::uint32_t status_number(std::string_view text, std::string_view name, int index = 0) {
    std::size_t at = text.find(fmt::format("\n{}:", name));
    if (at == std::string_view::npos) {
        return 0;
    }
    text.remove_prefix(at + name.size() + 2);
    std::uint32_t number = 0;
    for (int i = 0; i <= index; ++i) {
        at = text.find_first_not_of(" \t");
        text.remove_prefix(std::min(at, text.size()));
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    }
    return number;
}

// Field 22 of /proc/PID/stat; the name in field 2 may hold anything.
std::uint64_t start_of(std::string_view stat) {
    std::size_t at = stat.rfind(')');
    for (int field = 2; field < 22 && at != std::string_view::npos; ++field) {
        at = stat.find(' ', at + 1);
    }
    std::uint64_t ticks = 0;
    if (at != std::string_view::npos) {
        std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), ticks);
    }
    return ticks * kTick;
}

void put_file(const std::string &path, wire::u64 &inode, wire::u32 &device) {
    const auto file = find_file(path);
    inode = file ? file->inode : 0;
    device = file ? file->device : 0;
}

std::vector<gid_t> groups_of(std::string_view status) {
    constexpr std::string_view kName = "\nGroups:";
    std::vector<gid_t> groups;
    const std::size_t at = status.find(kName);
    std::string_view line = at == std::string_view::npos ? std::string_view{} : status.substr(at + kName.size());
    line = line.substr(0, line.find('\n'));
    for (std::size_t begin = 0; (begin = line.find_first_not_of(" \t", begin)) != std::string_view::npos;) {
        gid_t group = 0;
        const auto [end, error] = std::from_chars(line.data() + begin, line.data() + line.size(), group);
        if (error != std::errc{}) {
            break;
        }
        groups.push_back(group);
        begin = static_cast<std::size_t>(end - line.data());
    }
    return groups;
}

// A set of signals: a bit each.
std::uint64_t status_set(std::string_view text, std::string_view name) {
    const std::size_t at = text.find(fmt::format("\n{}:\t", name));
    std::uint64_t set = 0;
    if (at != std::string_view::npos) {
        std::from_chars(text.data() + at + name.size() + 3, text.data() + text.size(), set, 16);
    }
    return set;
}

}  // namespace

bool Subjects::is_same(const Thread &thread, pid_t tid) {
    if (signal_pidfd(thread.pidfd.get(), 0) != 0 && errno == ESRCH) {
        return false;
    }
    return thread.is_own || ::access(fmt::format("/proc/{}/task/{}", thread.tgid, tid).c_str(), F_OK) == 0;
}

Subjects::Thread *Subjects::thread_of(pid_t tid) {
    const auto known = threads_.find(tid);
    if (known != threads_.end() && is_same(known->second, tid)) {
        return &known->second;
    }
    std::array<char, 4096> room;
    Thread thread;
    thread.pidfd = Fd(open_pidfd(tid, kPidfdThread));
    thread.is_own = static_cast<bool>(thread.pidfd);
    thread.tgid = static_cast<pid_t>(status_number(read_proc(fmt::format("/proc/{}/status", tid), room), "Tgid"));
    if (thread.tgid == 0) {
        return nullptr;
    }
    if (!thread.pidfd) {
        thread.pidfd = Fd(open_pidfd(thread.tgid, 0));
    }
    if (!thread.pidfd || !is_same(thread, tid)) {
        return nullptr;
    }
    return &(threads_[tid] = std::move(thread));
}

bool Subjects::describe(Subject &subject) {
    std::array<char, 4096> room, other;
    const std::string folder = fmt::format("/proc/{}", subject.tgid);
    const std::string_view status = read_proc(folder + "/status", room);
    if (status.empty()) {
        return false;
    }
    wire::process_record &record = subject.record;
    record.pid = static_cast<wire::u32>(subject.tgid);
    record.ppid = status_number(status, "PPid");
    record.uid = status_number(status, "Uid", 1);
    record.gid = status_number(status, "Gid", 1);
    subject.groups = groups_of(status);
    record.start = start_of(read_proc(folder + "/stat", other));
    constexpr std::string_view kDeleted = " (deleted)";
    std::string_view exe = link_of(folder + "/exe", other);
    record.exe_deleted = exe.ends_with(kDeleted);
    exe.remove_suffix(record.exe_deleted != 0 ? kDeleted.size() : 0);
    subject.exe = exe;
    put_file(folder + "/exe", record.exe_inode, record.exe_device);
    put_file(fmt::format("/proc/{}/exe", record.ppid), record.parent_inode, record.parent_device);
    const std::string_view groups = read_proc(folder + "/cgroup", other);
    const std::size_t at = groups.starts_with("0::") ? 0 : groups.find("\n0::");
    subject.cgroup.clear();
    if (at != std::string_view::npos) {
        const std::string_view line = groups.substr(at + (at == 0 ? 3 : 4));
        subject.cgroup = line.substr(0, line.find('\n'));
    }
    read_comm(subject.tgid, record.comm);
    return true;
}

Subject *Subjects::find(pid_t tid) {
    const Thread *thread = thread_of(tid);
    if (thread == nullptr) {
        return nullptr;
    }
    const pid_t tgid = thread->tgid;
    std::unique_ptr<Subject> &subject = processes_[tgid];
    bool is_changing = false;
    if (const auto changing = changing_.find(tgid); changing != changing_.end()) {
        // Who makes a call is not inside another one any more; nor is a thread that has ended.
        std::erase_if(changing->second, [&](pid_t one) {
            return one == tid || ::access(fmt::format("/proc/{}/task/{}", tgid, one).c_str(), F_OK) != 0;
        });
        if (subject != nullptr) {
            subject->is_settled = false;
        }
        is_changing = !changing->second.empty();
        if (!is_changing) {
            changing_.erase(changing);
        }
    }
    if (subject != nullptr && subject->is_settled) {
        return subject.get();
    }
    auto now = std::make_unique<Subject>();
    now->tgid = tgid;
    if (!describe(*now)) {
        return nullptr;
    }
    now->is_settled = !is_changing;
    if (subject == nullptr || subject->record.start != now->record.start) {
        subject = std::move(now);
        return subject.get();
    }
    const bool is_other_image = subject->record.exe_inode != now->record.exe_inode ||
                                subject->record.exe_device != now->record.exe_device || subject->exe != now->exe;
    now->record.exec = subject->record.exec + (is_other_image ? 1 : 0);
    const bool is_as_told = !is_other_image && subject->record.uid == now->record.uid &&
                            subject->record.gid == now->record.gid && subject->cgroup == now->cgroup &&
                            subject->record.ppid == now->record.ppid &&
                            subject->record.parent_inode == now->record.parent_inode &&
                            subject->record.parent_device == now->record.parent_device;
    now->told_in = is_as_told ? subject->told_in : 0;
    subject = std::move(now);
    return subject.get();
}

void Subjects::unsettle(pid_t tid) {
    if (const Thread *thread = thread_of(tid); thread != nullptr) {
        changing_[thread->tgid].insert(tid);
    }
}

int Subjects::take_fd(pid_t tid, int fd) {
    const Thread *thread = thread_of(tid);
    if (thread == nullptr) {
        return -ESRCH;
    }
    auto taken = static_cast<int>(::syscall(SYS_pidfd_getfd, thread->pidfd.get(), fd, 0));
    if (taken < 0 && errno == EMFILE) {
        sweep();  // which keeps one of each thread
        thread = thread_of(tid);
        taken = thread == nullptr ? -1 : static_cast<int>(::syscall(SYS_pidfd_getfd, thread->pidfd.get(), fd, 0));
    }
    if (taken < 0) {
        return errno == EMFILE ? -ENOBUFS : -errno;
    }
    if ((::fcntl(taken, F_GETFL) & O_PATH) != 0) {
        ::close(taken);
        return -EBADF;
    }
    if (!thread->is_own && tid != thread->tgid) {
        // The table is the process'. A thread with one of its own (CLONE_FILES unshared) may mean another file.
        std::array<char, 64> own, first;
        const std::string_view here = link_of(fmt::format("/proc/{}/task/{}/fd/{}", thread->tgid, tid, fd), own);
        const std::string_view there = link_of(fmt::format("/proc/self/fd/{}", taken), first);
        if (here != there) {
            ::close(taken);
            return -EPERM;
        }
    }
    return taken;
}

bool Subjects::is_alone(pid_t tid) {
    constexpr nlink_t kOneThread = 3;  // ., .. and the thread's folder
    struct stat threads {};
    return !is_sharing_ && ::stat(fmt::format("/proc/{}/task", tid).c_str(), &threads) == 0 &&
           threads.st_nlink == kOneThread;
}

// Of a signal for the process, the kernel prefers the first thread (complete_signal(), kernel/signal.c).
Subjects::Signalled Subjects::signalled(pid_t tid) {
    std::array<char, 4096> room;
    const std::string_view status = read_proc(fmt::format("/proc/{}/status", tid), room);
    const std::uint64_t open = ~status_set(status, "SigBlk");
    if ((status_set(status, "SigPnd") & open) != 0) {
        return Signalled::yes;
    }
    if ((status_set(status, "ShdPnd") & open) == 0) {
        return Signalled::no;
    }
    const std::uint64_t shared = status_set(status, "ShdPnd") & open;
    const auto first = static_cast<pid_t>(status_number(status, "Tgid"));
    if (first == tid) {
        return Signalled::yes;
    }
    std::array<char, 4096> of_first;
    const std::uint64_t blocked = status_set(read_proc(fmt::format("/proc/{}/status", first), of_first), "SigBlk");
    return (shared & blocked) != 0 ? Signalled::perhaps : Signalled::no;
}

void Subjects::kill(pid_t tid) {
    if (const Thread *thread = thread_of(tid); thread != nullptr) {
        signal_pidfd(thread->pidfd.get(), SIGKILL);  // which is the process' whomever it is sent to
    }
}

void Subjects::signal_pipe(pid_t tid) {
    if (const Thread *thread = thread_of(tid); thread != nullptr) {
        ::syscall(SYS_tgkill, thread->tgid, tid, SIGPIPE);
    }
}

void Subjects::read_comm(pid_t tid, char (&comm)[16]) {
    std::memset(comm, 0, sizeof(comm));
    std::array<char, 64> room;
    std::string_view text = read_proc(fmt::format("/proc/{}/comm", tid), room);
    text = text.substr(0, text.rfind('\n'));
    text.copy(comm, sizeof(comm) - 1);
}

void Subjects::forget_decisions() {
    for (const auto &[tgid, subject] : processes_) {
        subject->may_be_refused.clear();
        subject->on_sockets.clear();
    }
}

void Subjects::sweep() {
    std::erase_if(threads_,
                  [](const auto &entry) { return signal_pidfd(entry.second.pidfd.get(), 0) != 0 && errno == ESRCH; });
    std::erase_if(processes_,
                  [&](const auto &entry) { return ::access(fmt::format("/proc/{}", entry.first).c_str(), F_OK) != 0; });
    std::erase_if(changing_, [&](const auto &entry) { return !processes_.contains(entry.first); });
    for (const auto &[tgid, subject] : processes_) {
        subject->is_settled = false;  // others may move it to another cgroup, and its parent may have changed
    }
}

}  // namespace sockwarden
