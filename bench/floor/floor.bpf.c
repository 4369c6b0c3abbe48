// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
// The least that any tracer of received messages can do: two empty programs, or one bare ring
// record.

typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

enum { BPF_MAP_TYPE_RINGBUF = 27, BPF_RB_NO_WAKEUP = 1 };

#include <bpf/bpf_helpers.h>

struct bare_record {
    __u64 time;
    __s64 length;
    __u8 unwritten[160];
};

_Static_assert(sizeof(struct bare_record) == 176, "the floor's record has 176 bytes");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 16 << 20);
} ring SEC(".maps");

__u64 lost = 0;

static __always_inline int write_record(long length) {
    struct bare_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

    if (!record) {
        __sync_fetch_and_add(&lost, 1);
        return 0;
    }
    record->time = bpf_ktime_get_ns();
    record->length = length;
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
    return 0;
}

// A tracing program's context is the array of its hook's arguments, then for fexit the result.

SEC("tp_btf/skb_copy_datagram_iovec")
int copy_empty(__u64 *arguments) { return 0; }

// sock_recv_length(sk, result, flags)
SEC("tp_btf/sock_recv_length")
int receive_empty(__u64 *arguments) { return 0; }

SEC("tp_btf/sock_recv_length")
int receive_record(__u64 *arguments) { return write_record((int)arguments[1]); }

// Before 6.3 there is no sock_recv_length; the call's end is seen by a trampoline:
// ____sys_recvmsg(sock, msg_sys, msg, uaddr, flags, nosec) -> result
SEC("fexit/____sys_recvmsg")
int return_empty(__u64 *arguments) { return 0; }

SEC("fexit/____sys_recvmsg")
int return_record(__u64 *arguments) { return write_record((int)arguments[6]); }

// Where the trampoline engine stands on the way of a datagram: what four programs there cost that do nothing.

SEC("fentry/____sys_recvmsg")
int hook_entered(__u64 *arguments) { return 0; }

SEC("fentry/skb_copy_datagram_iter")
int hook_copied(__u64 *arguments) { return 0; }

SEC("fexit/____sys_recvmsg")
int hook_done(__u64 *arguments) { return 0; }

SEC("fexit/__sys_recvmsg")
int hook_failed(__u64 *arguments) { return 0; }

char LICENSE[] SEC("license") = "Dual BSD/GPL";
