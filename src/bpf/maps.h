/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* The maps of an engine, its configuration, and the state that it keeps of a task and a socket. */
#ifndef SOCKWARDEN_MAPS_H
#define SOCKWARDEN_MAPS_H

#include "base.h"

const volatile struct capture_config config = {};

volatile struct shared_state shared = {};

/* One ring a CPU: the reader creates and inserts them. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct ring);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTER_COUNT);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

/* Processes that the iterator over tasks marks. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u32);
} wanted SEC(".maps");

/* What has been told of a socket: its addresses at that time, as a fingerprint of values. */
struct told_socket {
	u64 key;
	u64 local_print;
	u64 remote_print;
	u32 sequence;
	u8 told;
	u8 own;
	u16 pad;
	u64 address;  /* of the struct sock, while it is told */
	u64 inode;    /* for engines whose key is an address */
	u32 peer_pid; /* who made or connected the peer; 0 when unknown */
	u32 peer_uid;
	u32 peer_gid;
	u32 spare;
};

/* A walk over the parts of a socket buffer: its head, its pages, and the buffers chained to it, in turn. It stands in a
 * map: before 6.7 the verifier took the first values on the stack of a loop for its only ones (ab5cfac139ab). */
struct skb_walk {
	struct sk_buff *skb;
	struct skb_shared_info *shared;
	u32 part;   /* 0: the head; then the pages */
	u32 offset; /* bytes to skip */
	u32 length; /* bytes to capture */
	u32 chained;
};

/* A walk over the buffers of a call, in a map for the same reason. */
struct buffer_walk {
	u64 vector; /* of struct iovec */
	u32 at;     /* bytes of the message before the next buffer */
	u32 length; /* bytes from there on */
	u32 of_caller;
	u32 spare;
};

/* A task's call in progress, and what its last calls have told. */
struct call {
	u64 owner;                /* the task whose this is (owner_of), with CALL_BUSY while a call is in progress */
	struct told_socket quick; /* a copy: the socket of the last call */
	u64 cgroup_id;            /* last told of its process */
	u32 uid;
	u32 gid;
	u32 exec;
	u8 told;
	u8 scratch; /* of the program that runs: enum scratch_place */
	u16 spare;
	union {
		u64 progress; /* all of these at once */
		struct {
			u8 inside;       /* the socket layer was seen: its entry, or its end for engines without one */
			u8 skipped;      /* this call is on an own socket */
			u8 installing;   /* between begin and end of scm_detach_fds() */
			u8 user_payload; /* kernel bytes cannot be trusted to be all: read the user's */
			u8 named;        /* the source address was given to the caller */
			u8 called;       /* entered and not returned, for engines that see the return elsewhere */
			u8 cmsgs;        /* control messages were written */
			u8 buffers;      /* the message has the caller's buffers */
		};
	};
	u32 seen;       /* payload bytes that passed by, captured or not */
	u32 batch;      /* messages of this recvmmsg that have been told */
	u64 batch_time; /* the end of the last of them */
	u64 name_at;    /* where the caller of recvfrom wants the source address, and where its size; of sendto the
			   destination and its size */
	u64 name_size_at;
	u32 request_event; /* of the io_uring request that is tried */
	s32 request_fd;
	u32 request_flags;
	u32 request_length; /* or of a zero-copy receive the sequence number at which it began */
	u64 request_address;
	s32 buffer_distance;   /* of the first struct iovec from the caller's msghdr, in the last call */
	struct socket *socket; /* between entry and return */
	struct msghdr *header; /* likewise */
	u64 room;              /* bytes that the caller's buffers hold */
	union {
		struct skb_walk walk;
		struct buffer_walk buffer_walk;
	};
	struct told_socket passed; /* the last socket that was passed */
	struct message_record message;
	u8 payload[2 * INLINE_PAYLOAD]; /* twice, so that offset + length need no joint bound */
};

enum {
	CALL_BUSY = 1,      /* in call.owner */
	MAX_BUFFERS = 1024, /* UIO_MAXIOV: a call with more fails */
};

/* Calls by thread id modulo the number of places: one plain look-up instead of task storage, which costs as much as a
 * short program (docs/adr/0003). Where two threads share a place, the one that came later has its state in task storage
 * until the other ends. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load */
	__type(key, u32);
	__type(value, struct call);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call);
} displaced_calls SEC(".maps");

/* Marks of followed tasks. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32);
} marks SEC(".maps");

#ifdef SOCKWARDEN_NO_SOCKET_STORAGE
/* By the socket's cookie; in kprobes, which cannot have that either, by its address, and an address that comes to a new
 * socket is told by its inode. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct told_socket);
} sockets SEC(".maps");

const volatile struct told_socket untold_socket SEC(".rodata.untold") = {};
#else
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct told_socket);
} sockets SEC(".maps");
#endif

/* Room to build what is too large for the stack: one for each program that builds. On one CPU a program never runs
 * twice at a time, but where the kernel can be preempted it runs while another is half done. */
enum scratch_place {
	SCRATCH_ENTERED,
	SCRATCH_COPIED,
	SCRATCH_UDP,
	SCRATCH_CONTROL,
	SCRATCH_INSTALL,
	SCRATCH_NAMED,
	SCRATCH_LEFT,
	SCRATCH_RETURNED,
	SCRATCH_RECEIVED,
	SCRATCH_WROTE,
	SCRATCH_FILES,
	SCRATCH_COUNT
};

struct scratch {
	u8 bytes[2 * PIECE_DATA + 512]; /* a record, then its data */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_COUNT);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

worker struct scratch *scratch(u32 place)
{
	return bpf_map_lookup_elem(&scratches, &place);
}

worker void count(u32 which)
{
	u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/* Writes a finished record to the ring of this CPU. The caller counts the loss when it did not fit. */
worker bool emit(void *record, u32 size)
{
	u32 cpu = bpf_get_smp_processor_id();
	u64 wake = BPF_RB_NO_WAKEUP;
	void *ring = bpf_map_lookup_elem(&rings, &cpu);

	if (!ring)
		return false;
	if (shared.reader_sleeps) {
		shared.reader_sleeps = 0;
		wake = BPF_RB_FORCE_WAKEUP;
	}
	return bpf_ringbuf_output(ring, record, size, wake) == 0;
}

#endif
