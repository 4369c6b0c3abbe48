/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What travels from the kernel side to the reader: four kinds of records, their structs made from the catalogue.
 *
 *   ring of a CPU:  | process | socket | piece | piece | message |inline payload| ...
 *
 * A record begins with struct record_head. A message refers to its process by (tgid, start, exec) and to its socket by
 * key; both were written before it, once, to the ring of the CPU that first needed them. What a message carries only
 * sometimes (names, more than one buffer, ancillary data, payload past the inline part, details of descriptors) stands
 * in pieces before it, which carry its thread and call number; the message says how many there are.
 *
 * Both sides include this file; they define u8 to u64 and s8 to s64 first. All numbers are in the machine's order. */
#ifndef SOCKWARDEN_WIRE_H
#define SOCKWARDEN_WIRE_H

enum {
	INLINE_PAYLOAD = 256, /* the default snaplen; longer payload travels in pieces */
	PIECE_DATA = 4096,    /* bytes in one piece */
	PATH_ROOM = 1024,     /* bytes read of one path */
	PATH_NAMES = 48,      /* names read of one path */
	ADDRESS_ROOM = 128,   /* sizeof(struct sockaddr_storage) */
	MAX_IOVECS = 64,
	MAX_FDS = 253, /* SCM_MAX_FD, include/net/scm.h */
	MAX_FD_PATHS = 16,
	MAX_OWN = 4,
	NO_THREAD = 1 << 30, /* in place of a thread id, where nobody knows whom a message is for */
};

enum record_kind {
	RECORD_PROCESS = 1,
	RECORD_SOCKET,
	RECORD_MESSAGE,
	RECORD_PIECE,
};

enum piece_kind {
	PIECE_PAYLOAD = 1, /* payload bytes at an offset */
	PIECE_IOVEC,       /* struct user_iovec[] from the first */
	PIECE_NAME,        /* a sockaddr */
	PIECE_CONTROL,     /* the control buffer as the caller has it, from its first byte */
	PIECE_CMSG,        /* one control message as the kernel writes it: struct cmsg_part, then its data */
	PIECE_FDS,         /* struct fd_part[] */
	PIECE_FD_PATH,     /* one descriptor's path, leaf first, each name NUL-terminated; offset is its place */
	PIECE_FD_NUMBER,   /* struct fd_number[] */
	PIECE_VERDICT,     /* struct verdict_part (image.h) */
	PIECE_SENDER, /* struct sender_part: wrote the bytes before those of the next one, the message's own last */
};

/* How a descriptor arrived. */
enum way {
	WAY_NONE = 0,
	WAY_RIGHTS, /* SCM_RIGHTS */
	WAY_PIDFD,  /* SCM_PIDFD */
	WAY_TAKEN,  /* pidfd_getfd() */
	WAY_GIVEN,  /* SECCOMP_IOCTL_NOTIF_ADDFD */
};

/* The key of a passed socket's description: this, and its inode. Neither cookies nor addresses look like it. */
#define PASSED_SOCKET (1ULL << 62)

enum sender_known {
	SENDER_NONE = 0,
	SENDER_UNNOTED, /* no task of this machine was seen to write it */
	SENDER_WRITER,  /* UNIXCB(skb).pid: the writer, or whom a writer with CAP_SYS_ADMIN gave out as it; a guess */
	SENDER_PEER,    /* sk_peer_pid: the task that made or connected the peer socket; a guess */
	SENDER_NOTED,   /* a process that nobody can have given out as another: who connected, whose pidfd it is */
	SENDER_TASK,    /* the task that a hook saw write it */
	SENDER_LIKELY,  /* one of several that wrote to the socket; a guess */
};

enum payload_origin {
	ORIGIN_NONE = 0,
	ORIGIN_KERNEL = 'K',
	ORIGIN_USER = 'U',
};

/* Why a field is absent: the rows of reasons.def. */
enum reason {
#define REASON(id, doc) REASON_##id,
#include "../../catalog/reasons.def"
#undef REASON
};

enum event {
#define EVENT(id, set, intro) EVENT_##id,
#include "../../catalog/event_names.h"
	EVENT_COUNT,
	NO_EVENT = EVENT_COUNT
};

/* Events by set: a bit for each. */
enum event_set {
#define IN_receive(wanted, id) 0
#define IN_send(wanted, id) (wanted == 's') << EVENT_##id
#define IN_fds(wanted, id) 0
#define IN_kernel(wanted, id) 0
#define IN_guard(wanted, id) 0
#define IN_connections(wanted, id) (wanted == 'c') << EVENT_##id
	EVENTS_send = 0
#define EVENT(id, set, intro) | (IN_##set('s', id))
#include "../../catalog/event_names.h"
		,
	EVENTS_connections = 0
#define EVENT(id, set, intro) | (IN_##set('c', id))
#include "../../catalog/event_names.h"
#undef IN_receive
#undef IN_send
#undef IN_connections
#undef IN_fds
#undef IN_kernel
#undef IN_guard
};

enum counter {
#define COUNTER(id, sum, doc) COUNTER_##id,
#include "../../catalog/counters.def"
#undef COUNTER
	COUNTER_COUNT
};

struct record_head {
	u64 time;  /* CLOCK_MONOTONIC, ns */
	u32 size;  /* of the whole record, this head included */
	u16 kind;  /* enum record_kind */
	u16 event; /* position of the event in events.def; pieces: enum piece_kind */
};

/* Members of width 8, 4, 2 and 1 in turn, so that no row of the catalogue can make a hole. */
#define WIRE_8_u64(id) u64 id;
#define WIRE_8_s64(id) s64 id;
#define WIRE_8_comm16(id) char id[16];
#define WIRE_8_u32(id)
#define WIRE_8_s32(id)
#define WIRE_8_u16(id)
#define WIRE_8_u8(id)
#define WIRE_8_none(id)
#define WIRE_4_u64(id)
#define WIRE_4_s64(id)
#define WIRE_4_comm16(id)
#define WIRE_4_u32(id) u32 id;
#define WIRE_4_s32(id) s32 id;
#define WIRE_4_u16(id)
#define WIRE_4_u8(id)
#define WIRE_4_none(id)
#define WIRE_2_u64(id)
#define WIRE_2_s64(id)
#define WIRE_2_comm16(id)
#define WIRE_2_u32(id)
#define WIRE_2_s32(id)
#define WIRE_2_u16(id) u16 id;
#define WIRE_2_u8(id)
#define WIRE_2_none(id)
#define WIRE_1_u64(id)
#define WIRE_1_s64(id)
#define WIRE_1_comm16(id)
#define WIRE_1_u32(id)
#define WIRE_1_s32(id)
#define WIRE_1_u16(id)
#define WIRE_1_u8(id) u8 id;
#define WIRE_1_none(id)

#define WIRE_OF_process(row) row
#define WIRE_OF_socket(row)
#define WIRE_OF_message(row)
#define WIRE_OF_stream(row)
struct process_record {
	struct record_head head;
#include "wire_members.h"
};
#undef WIRE_OF_process
#undef WIRE_OF_socket

#define WIRE_OF_process(row)
#define WIRE_OF_socket(row) row
struct socket_record {
	struct record_head head;
#include "wire_members.h"
};
#undef WIRE_OF_socket
#undef WIRE_OF_message

#define WIRE_OF_socket(row)
#define WIRE_OF_message(row) row
struct message_record {
	struct record_head head;
#include "wire_members.h"
};
#undef WIRE_OF_process
#undef WIRE_OF_socket
#undef WIRE_OF_message
#undef WIRE_OF_stream

struct piece_record {
	struct record_head head;
	u32 writer;
	u32 call;
	u32 offset; /* of the data in the whole that it is a piece of */
	u32 size;   /* bytes of data that follow */
};

/* A buffer as a 64-bit caller gives it. */
struct user_iovec {
	u64 base;
	u64 len;
};

/* A passed file descriptor, from the kernel's struct file. */
struct fd_part {
	u64 inode;
	u64 magic;  /* super block's magic number */
	u32 device; /* kernel's dev_t of the file system: major << 20 | minor */
	u32 mode;   /* i_mode */
	u32 access; /* f_mode: 1 read, 2 write */
	u32 links;  /* i_nlink */
};

struct sender_part {
	u64 start;
	u32 tgid;
	u32 tid;
	u32 exec;
	u32 uid;
	u32 gid;
	u32 bytes;
};

struct cmsg_part {
	s32 level;
	s32 type;
	u32 length; /* of the data in whole */
	u32 pad;
};

struct fd_number {
	s32 fd;
	u32 place; /* in order of installation */
};

struct own_socket {
	u64 inode;
	u8 local[16]; /* IPv4 in the first four bytes */
	u8 remote[16];
	u16 local_port;
	u16 remote_port;
	u16 family;
	u16 pad;
};

/* Shared with the running programs, through mapped memory. */
struct shared_state {
	u32 reader_sleeps;  /* set before the reader sleeps, cleared by the record that wakes it: one wake-up a sleep */
	u32 newly_marked;   /* by the last run of the iterator over tasks */
	u32 blocked_calls;  /* found by it inside an operation whose end a hook of its own can see */
	u32 blocked_unseen; /* found inside one whose end no hook sees */
	u32 return_hits;    /* runs of the probe at the return site in sockwarden's own calls */
	u64 return_site;    /* where the function returns to that is asked about */
	u32 agent;          /* process id of the sockwarden that the guard never refuses anything; 0: nobody */
	u64 agent_start; /* when it started, in ticks of USER_HZ since boot, as in /proc/PID/stat; or, of an engine that
			  * judges what is delivered, the child that is to be killed for proof, whose id is `canary` */
	u32 released;    /* nothing is judged, any more or yet: a link that was pinned goes some time after its pin */
	u32 canary;      /* the hook, plus one, at which the guard refuses what it asks for itself: its proof */
	u32 refuses;     /* a receive has been refused */
	u32 turns_seen;  /* hooks, a bit for each, whose second program has seen what the first let the agent pass */
	u64 canary_socket; /* inode of the socket that it asks with, where others' packets pass in its context, too */
};

/* What is asked of the image. */
enum verdicts_wanted {
	VERDICTS_NONE = 0, /* a filter: what may match */
	VERDICTS,          /* what policies decide, and whether that is certain */
	VERDICTS_OF_ALL,   /* the same, and what no rule speaks of is refused by some default */
};

/* Fixed before the programs are loaded, so the verifier drops what an option switches off. */
struct capture_config {
	u32 snaplen;
	u32 self;       /* sockwarden's own process id: it never traces itself */
	u32 events;     /* a bit for each enum event that is traced */
	u32 asked;      /* those that are asked for: of others only what they carry is wanted */
	u32 place_mask; /* places for calls in progress, less one: their number is a power of two */
	u32 own_count;
	u32 with_flags; /* events that have the field: a bit for each */
	u32 with_iovlen;
	u32 with_peeked;
	u8 light;
	u8 only_marked;    /* trace only tasks that carry a mark */
	u8 inherit;        /* children of marked tasks are marked */
	u8 skb_dynptr;     /* bpf_dynptr_from_skb may be called from tp_btf */
	u32 verdicts;      /* enum verdicts_wanted */
	u32 generation;    /* of a guard: which of its policies, counted from their first */
	u64 facts;         /* a bit for each enum fact that is asked about; 0: every message is wanted */
	u64 control_inode; /* of a guard: the socket that it is talked to by, whose connections nobody refuses */
	u32 control_device;
	u32 spare;
	struct own_socket own[MAX_OWN];
};

#endif
