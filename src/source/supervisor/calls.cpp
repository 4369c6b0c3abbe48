// SPDX-License-Identifier: Apache-2.0
// System calls of supervised processes; see calls.h.
#include "source/supervisor/calls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/fd.h"
#include "source/supervisor/caller.h"

namespace sockwarden {
namespace {

struct SocketCall {
    const char *name;
    EventId event;
    int in_socketcall;  // its number there (include/uapi/linux/net.h); 0: none
};
constexpr SocketCall kSocketCalls[] = {
    {"recvmsg", EventId::recvmsg, 17},   {"recvmmsg", EventId::recvmmsg, 19}, {"recvmmsg_time64", EventId::recvmmsg, 0},
    {"recvfrom", EventId::recvfrom, 12}, {"recv", EventId::recvfrom, 10},     {"read", EventId::read, 0},
    {"readv", EventId::readv, 0},        {"sendmsg", EventId::sendmsg, 16},   {"sendmmsg", EventId::sendmmsg, 20},
    {"sendto", EventId::sendto, 11},     {"send", EventId::sendto, 9},        {"write", EventId::write, 0},
    {"writev", EventId::writev, 0},      {"connect", EventId::connect, 3},
};
constexpr const char *kIdentityCalls[] = {
    "execve",      "execveat",    "setuid",    "setgid",      "setreuid",   "setregid",   "setresuid",
    "setresgid",   "setfsuid",    "setfsgid",  "setuid32",    "setgid32",   "setreuid32", "setregid32",
    "setresuid32", "setresgid32", "setgroups", "setgroups32", "setfsuid32", "setfsgid32",
};
constexpr std::uint32_t kArches[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86};
constexpr int kTcpZerocopyReceive = 35;  // include/uapi/linux/tcp.h

struct Meaning {
    Call::Kind kind = Call::Kind::other;
    EventId event{};
    bool has_time32 = false;
};
using Meanings = std::map<std::pair<std::uint32_t, int>, Meaning>;

Meanings make_meanings() {
    Meanings meanings;
    const auto add = [&](const char *name, Meaning meaning) {
        for (const std::uint32_t arch : kArches) {
            const int number = seccomp_syscall_resolve_name_arch(arch, name);
            if (number >= 0) {  // below: not in this ABI, or there a part of socketcall
                meanings[{arch, number}] = meaning;
            }
            // Those that got a system call of their own later (Linux 4.3) have both.
        }
    };
    for (const SocketCall &call : kSocketCalls) {
        add(call.name, {Call::Kind::socket, call.event, false});
    }
    for (const char *name : kIdentityCalls) {
        add(name, {Call::Kind::identity, {}, false});
    }
    add("prctl", {Call::Kind::identity, {}, false});  // PR_SET_MM alone, which gives a process another executable
    add("clone", {Call::Kind::sharing, {}, false});
    add("sendfile", {Call::Kind::transfer, EventId::sendfile, true});
    add("sendfile64", {Call::Kind::transfer, EventId::sendfile, false});
    meanings[{SCMP_ARCH_X86_64, seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, "sendfile")}].has_time32 = false;
    meanings[{SCMP_ARCH_X86, seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, "recvmmsg")}].has_time32 = true;
    return meanings;
}

// Numbers of the direct calls of i386 (arch/x86/entry/syscalls/syscall_32.tbl), which libseccomp 2.5 resolves to those
// of its own for socketcall.
constexpr std::pair<int, EventId> kDirect386[] = {
    {337, EventId::recvmmsg}, {345, EventId::sendmmsg}, {362, EventId::connect}, {369, EventId::sendto},
    {370, EventId::sendmsg},  {371, EventId::recvfrom}, {372, EventId::recvmsg},
};

const Meanings &meanings() {
    static const Meanings table = [] {
        Meanings made = make_meanings();
        for (const auto &[number, event] : kDirect386) {
            made[{SCMP_ARCH_X86, number}] = {Call::Kind::socket, event, number == 337};
        }
        return made;
    }();
    return table;
}

const SocketCall *find_in_socketcall(std::uint64_t number) {
    const auto found = std::ranges::find_if(kSocketCalls, [&](const SocketCall &call) {
        return call.in_socketcall != 0 && static_cast<std::uint64_t>(call.in_socketcall) == number;
    });
    return found == std::end(kSocketCalls) ? nullptr : &*found;
}

// What an argument has to be for a rule to hold.
scmp_arg_cmp is(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp has_bits(unsigned argument, std::uint64_t mask, std::uint64_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

// The filter of one ABI.
class Builder {
public:
    explicit Builder(std::uint32_t arch) : context_(seccomp_init(SCMP_ACT_ALLOW), seccomp_release) {
        check(context_ == nullptr ? -ENOMEM : 0);
        check(seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)));
        check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));  // a tree: reads and writes are frequent
        if (arch != seccomp_arch_native()) {
            check(seccomp_arch_add(context_.get(), arch));
            check(seccomp_arch_remove(context_.get(), seccomp_arch_native()));
        }
    }

    // Takes in the filter of another ABI.
    void merge(Builder other) {
        error_ = error_ != 0 ? error_ : other.error_;
        check(seccomp_merge(context_.get(), other.context_.get()));
        static_cast<void>(other.context_.release());  // it belongs to this one now
    }

    void add(std::uint32_t action, const char *name, const std::vector<scmp_arg_cmp> &compared = {}) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number != __NR_SCMP_ERROR) {
            check(seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(compared.size()),
                                         compared.data()));
        }
    }

    Result<std::vector<sock_filter>> take() {
        const Fd file(::memfd_create("seccomp", MFD_CLOEXEC));
        check(file ? seccomp_export_bpf(context_.get(), file.get()) : -errno);
        if (error_ != 0) {
            return errno_error("cannot make the seccomp filter", -error_);
        }
        const off_t size = ::lseek(file.get(), 0, SEEK_END);
        std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
        if (::pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) != size) {
            return errno_error("cannot read the seccomp filter");
        }
        return program;
    }

private:
    void check(int result) { error_ = error_ != 0 ? error_ : std::min(result, 0); }

    std::unique_ptr<void, void (*)(void *)> context_;
    int error_ = 0;
};

Builder make_builder(const CallFilter &wanted, std::uint32_t arch) {
    Builder builder(arch);
    for (const SocketCall &call : kSocketCalls) {
        if ((wanted.events & event_bit(call.event)) != 0) {
            builder.add(SCMP_ACT_NOTIFY, call.name);
        }
    }
    const EventMask sends = events_named("send"), receives = events_named("receive");
    if ((wanted.events & event_bit(EventId::sendfile)) != 0 || (wanted.judged & (sends | receives)) != 0) {
        builder.add(SCMP_ACT_NOTIFY, "sendfile");
        builder.add(SCMP_ACT_NOTIFY, "sendfile64");
    }
    for (const char *name : kIdentityCalls) {
        builder.add(SCMP_ACT_NOTIFY, name);
    }
    builder.add(SCMP_ACT_NOTIFY, "prctl", {is(0, PR_SET_MM)});
    if (!wanted.allow_rings) {
        builder.add(SCMP_ACT_ERRNO(ENOSYS), "io_uring_setup");
        builder.add(SCMP_ACT_ERRNO(ENOSYS), "io_uring_enter");
        builder.add(SCMP_ACT_ERRNO(ENOSYS), "io_uring_register");
        builder.add(SCMP_ACT_ERRNO(ENOSYS), "io_setup");
    }
    if (wanted.judged == 0) {
        return builder;
    }
    // Who has a table of descriptors in common with another process is told; clone3() says so in memory, where a filter
    // cannot look, and the C libraries do without it.
    builder.add(SCMP_ACT_NOTIFY, "clone", {has_bits(0, CLONE_FILES | CLONE_THREAD, CLONE_FILES)});
    builder.add(SCMP_ACT_ERRNO(ENOSYS), "clone3");
    if ((wanted.judged & (sends | receives)) != 0) {
        builder.add(SCMP_ACT_ERRNO(ENOSYS), "preadv2");
        builder.add(SCMP_ACT_ERRNO(ENOSYS), "pwritev2");
        builder.add(SCMP_ACT_ERRNO(EINVAL), "splice");
    }
    if ((wanted.judged & event_bit(EventId::connect)) != 0) {
        builder.add(SCMP_ACT_ERRNO(EOPNOTSUPP), "sendto", {has_bits(3, MSG_FASTOPEN, MSG_FASTOPEN)});
        builder.add(SCMP_ACT_ERRNO(EOPNOTSUPP), "sendmsg", {has_bits(2, MSG_FASTOPEN, MSG_FASTOPEN)});
    }
    if ((wanted.judged & sends) != 0) {
        builder.add(SCMP_ACT_ERRNO(EOPNOTSUPP), "setsockopt", {is(1, SOL_SOCKET), is(2, SO_ZEROCOPY)});
    }
    if ((wanted.judged & receives) != 0) {
        builder.add(SCMP_ACT_ERRNO(EOPNOTSUPP), "setsockopt", {is(1, SOL_SOCKET), is(2, SO_PEEK_OFF)});
        builder.add(SCMP_ACT_ERRNO(ENOPROTOOPT), "getsockopt", {is(1, IPPROTO_TCP), is(2, kTcpZerocopyReceive)});
    }
    return builder;
}

}  // namespace

std::optional<Call> read_call(const seccomp_notif &notification) {
    Call call;
    call.id = notification.id;
    call.tid = static_cast<pid_t>(notification.pid);
    call.is_compat = notification.data.arch == SCMP_ARCH_X86;
    std::copy_n(notification.data.args, call.args.size(), call.args.begin());
    static const int socketcall = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, "socketcall");
    if (call.is_compat && notification.data.nr == socketcall) {
        std::array<std::uint32_t, 6> words{};
        const SocketCall *made = find_in_socketcall(call.args[0]);
        const std::size_t count = made == nullptr ? 0 : made->event == EventId::connect ? 3 : 6;
        // The fewest that each of them has may be all that can be read.
        const CallerMemory memory(call.tid, true);
        if (made == nullptr || (!memory.read(call.args[1], words.data(), count * sizeof(words[0])) &&
                                !memory.read(call.args[1], words.data(), 3 * sizeof(words[0])))) {
            return std::nullopt;
        }
        std::ranges::copy(words, call.args.begin());
        if (made->name == std::string_view("recv") || made->name == std::string_view("send")) {
            call.args[4] = call.args[5] = 0;  // no address
        }
        call.kind = Call::Kind::socket;
        call.event = made->event;
        call.is_indirect = true;
        call.has_time32 = made->event == EventId::recvmmsg;
        return call;
    }
    const auto found = meanings().find({notification.data.arch, notification.data.nr});
    if (found != meanings().end()) {
        call.kind = found->second.kind;
        call.event = found->second.event;
        call.has_time32 = found->second.has_time32;
    }
    return call;
}

Result<std::vector<sock_filter>> make_filter(const CallFilter &wanted) {
    CallFilter of_386 = wanted;
    if ((wanted.judged & event_bit(EventId::connect)) != 0) {
        // Whether a send of socketcall connects (MSG_FASTOPEN), a filter cannot see.
        of_386.events |= event_bit(EventId::sendto) | event_bit(EventId::sendmsg) | event_bit(EventId::sendmmsg);
    }
    Builder builder = make_builder(wanted, SCMP_ARCH_X86_64);
    builder.merge(make_builder(of_386, SCMP_ARCH_X86));
    return builder.take();
}

std::uint32_t flags_of(const Call &call) {
    switch (call.event) {
        case EventId::recvmsg:
        case EventId::sendmsg:
            return static_cast<std::uint32_t>(call.args[2]);
        case EventId::recvmmsg:
        case EventId::sendmmsg:
        case EventId::recvfrom:
        case EventId::sendto:
            return static_cast<std::uint32_t>(call.args[3]);
        default:
            return 0;
    }
}

EventMask supervised_events() {
    EventMask mask = event_bit(EventId::sendfile);
    for (const SocketCall &call : kSocketCalls) {
        mask |= event_bit(call.event);
    }
    return mask;
}

}  // namespace sockwarden
