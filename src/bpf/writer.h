/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Who wrote a message: noted in the writer's own context before the message is queued, and looked up when it is copied
 * to the receiver. A socket that one task writes to, as most are, costs a look-up; only where several do is each
 * message noted. */
#ifndef SOCKWARDEN_WRITER_H
#define SOCKWARDEN_WRITER_H

#include "call.h"

struct writer {
	u64 thread_start; /* what no other task of this thread id has */
	struct sender_part part;
};

/* A socket that is written to. */
struct writing {
	struct writer first;
	u64 inode;   /* for engines whose key is an address */
	u32 begun;   /* `first` is somebody */
	u32 several; /* another task wrote too: each message is noted since */
	u32 unnoted; /* of some of them could not be noted who wrote them */
	u32 spare;
};

#ifdef SOCKWARDEN_KPROBE
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u64); /* address of the struct sock */
	__type(value, struct writing);
} writings SEC(".maps");

const volatile struct writing no_writing SEC(".rodata.untold") = {};

worker struct writing *writing_of(struct sock *sk)
{
	u64 key = (u64)sk;

	return bpf_map_lookup_elem(&writings, &key);
}

/* The same for the writer. The address may have been another socket's. */
worker struct writing *own_writing(struct sock *sk)
{
	u64 key = (u64)sk, inode = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
	struct writing *writing = bpf_map_lookup_elem(&writings, &key);

	if (writing && writing->inode == inode)
		return writing;
	if (writing)
		bpf_map_delete_elem(&writings, &key);
	bpf_map_update_elem(&writings, &key, (const void *)&no_writing, BPF_NOEXIST);
	writing = bpf_map_lookup_elem(&writings, &key);
	if (writing)
		writing->inode = inode;
	return writing;
}
#else
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct writing);
} writings SEC(".maps");

worker struct writing *writing_of(struct sock *sk)
{
	return bpf_sk_storage_get(&writings, sk, NULL, 0);
}

worker struct writing *own_writing(struct sock *sk)
{
	return bpf_sk_storage_get(&writings, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}
#endif

/* A message on a socket with several writers, by the address of its socket buffer. */
struct written {
	u64 sk;
	struct writer writer;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct written);
} written SEC(".maps");

worker bool is_writer(const struct writer *writer, struct task_struct *task)
{
	return writer->part.tid == (u32)task->pid && writer->thread_start == task->start_boottime &&
	       writer->part.exec == (u32)task->self_exec_id && writer->part.uid == task->cred->uid.val;
}

worker void name_writer(struct writer *writer, struct task_struct *task)
{
	writer->thread_start = task->start_boottime;
	writer->part.start = task->group_leader->start_boottime;
	writer->part.tgid = task->tgid;
	writer->part.tid = task->pid;
	writer->part.exec = task->self_exec_id;
	writer->part.uid = task->cred->uid.val;
	writer->part.gid = task->cred->gid.val;
	writer->part.bytes = 0;
}

/* Makes the writer's process known to the reader. */
worker void describe_writer(struct task_struct *task)
{
	struct call *state = claim(task, place_of(task));

	if (state)
		describe_process(state, bpf_ktime_get_ns(), SCRATCH_WROTE);
}

/* The present task writes to a UNIX socket: into `skb`, or where that is NULL into one that cannot be told. */
worker int unix_written(struct sock *sk, struct sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct writing *writing = own_writing(sk);
	struct written note = {};
	u64 message = (u64)skb;

	if (!writing)
		return 0;
	if (!writing->begun && !__sync_val_compare_and_swap(&writing->begun, 0, 1)) {
		name_writer(&writing->first, task);
		describe_writer(task);
		return 0;
	}
	if (is_writer(&writing->first, task)) {
		if (!writing->several)
			return 0;
	} else {
		writing->several = 1;
	}
	note.sk = (u64)sk;
	name_writer(&note.writer, task);
	if (!message || bpf_map_update_elem(&written, &message, &note, BPF_ANY))
		writing->unnoted = 1;
	describe_writer(task);
	return 0;
}

/* The present task fills a socket buffer that it will send. */
worker int buffer_filled(struct sk_buff *skb)
{
	struct sock *sk = GET(skb, sk);

	return sk && GET(sk, __sk_common.skc_family) == AF_UNIX ? unix_written(sk, skb) : 0;
}

#ifdef SOCKWARDEN_KPROBE
worker int socket_gone(struct sock *sk)
{
	u64 key = (u64)sk;

	bpf_map_delete_elem(&writings, &key);
	return 0;
}
#endif

/* The sender so far has a successor: it goes before the message. */
apart int tell_sender(struct call *call)
{
	struct sender_part *part;
	struct piece_record *piece;

	if (!call)
		return 0;
	piece = new_piece(call, PIECE_SENDER, 0);
	if (!piece)
		return 0;
	part = (struct sender_part *)piece_data(piece);
	part->start = call->message.sender_start;
	part->tgid = call->message.sender_pid;
	part->tid = call->message.sender_tid;
	part->exec = call->message.sender_exec;
	part->uid = call->message.sender_uid;
	part->gid = call->message.sender_gid;
	part->bytes = call->message.sender_bytes;
	emit_piece(call, piece, sizeof(*part));
	return 0;
}

/* `length` bytes that come now were written by `writer`. */
worker void add_sender(struct call *call, const struct writer *writer, u8 known, u32 length)
{
	struct message_record *message = &call->message;
	bool seen = message->sender_known >= SENDER_TASK; /* else a guess from the socket, if anything */

	if (seen && message->sender_known > known)
		known = message->sender_known; /* one guess makes the message's senders one */
	if (seen && message->sender_tid == writer->part.tid && message->sender_start == writer->part.start &&
	    message->sender_exec == writer->part.exec) {
		message->sender_bytes += length;
		message->sender_known = known;
		return;
	}
	if (seen)
		tell_sender(call);
	message->sender_known = known;
	message->sender_start = writer->part.start;
	message->sender_pid = writer->part.tgid;
	message->sender_tid = writer->part.tid;
	message->sender_exec = writer->part.exec;
	message->sender_uid = writer->part.uid;
	message->sender_gid = writer->part.gid;
	message->sender_bytes = length;
}

/* The writer of `length` bytes at `offset` of a UNIX message that is on its way to the caller. */
worker void unix_sender(struct call *call, struct sock *sk, struct sk_buff *skb, u32 offset, u32 length)
{
	u64 key = (u64)sk, message = (u64)skb;
	struct writing *writing = writing_of(sk);
	const struct writer *writer;
	u8 known = SENDER_TASK;
	struct written *note;

	if (!writing || !writing->begun)
		return;
	writer = &writing->first;
	if (writing->several) {
		note = bpf_map_lookup_elem(&written, &message);
		if (note && note->sk == key)
			writer = &note->writer;
		else if (writing->unnoted)
			known = SENDER_LIKELY;
	}
	add_sender(call, writer, known, length);
	if (writing->several && !(call->message.flags & MSG_PEEK) &&
	    (GET(sk, sk_type) != SOCK_STREAM || offset + length == GET(skb, len)))
		bpf_map_delete_elem(&written, &message);
}

/* A connection or a datagram as its sender sees it. */
struct flow {
	u64 from[2];
	u64 to[2];
	__be16 from_port;
	__be16 to_port;
	u32 family;
};

/* The last turns of the tasks that write to a TCP connection: each from a sequence number on. */
enum {
	MOST_TURNS = 8, /* a power of two */
};

struct turn {
	u32 sequence;
	u32 spare;
	struct writer writer;
};

struct stream {
	u64 sk;
	u32 first; /* sequence number at which the first turn began, and that which the last write can reach */
	u32 end;
	u32 turns;
	u32 spare;
	struct turn turn[MOST_TURNS];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct stream);
} streams SEC(".maps");

/* A datagram on its way, by the address of its socket buffer: whoever receives the buffer compares addresses, ports,
 * length and checksum. */
struct datagram {
	u64 addresses;
	u64 header;
	struct writer writer;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct datagram);
} datagrams SEC(".maps");

/* The flow of what this socket sends, or of what its peer sends to it. Mapped IPv4 addresses are IPv4. */
worker void flow_of(struct flow *flow, struct sock *sk, bool of_peer)
{
	struct flow own = {.family = AF_INET};
	u64 high = 0, low = 0;

	own.from_port = bpf_htons(GET(sk, __sk_common.skc_num));
	own.to_port = GET(sk, __sk_common.skc_dport);
	own.from[0] = GET(sk, __sk_common.skc_rcv_saddr);
	own.to[0] = GET(sk, __sk_common.skc_daddr);
	if (GET(sk, __sk_common.skc_family) == AF_INET6) {
		struct in6_addr here = {}, there = {};

		BPF_CORE_READ_INTO(&there, sk, __sk_common.skc_v6_daddr);
		high = (u64)there.in6_u.u6_addr32[1] << 32 | there.in6_u.u6_addr32[0];
		low = (u64)there.in6_u.u6_addr32[3] << 32 | there.in6_u.u6_addr32[2];
		if (high || (u32)low != bpf_htonl(0xffff)) {
			BPF_CORE_READ_INTO(&here, sk, __sk_common.skc_v6_rcv_saddr);
			own.family = AF_INET6;
			own.to[0] = high;
			own.to[1] = low;
			own.from[0] = (u64)here.in6_u.u6_addr32[1] << 32 | here.in6_u.u6_addr32[0];
			own.from[1] = (u64)here.in6_u.u6_addr32[3] << 32 | here.in6_u.u6_addr32[2];
		}
	}
	*flow = own;
	if (of_peer) {
		flow->from[0] = own.to[0];
		flow->from[1] = own.to[1];
		flow->to[0] = own.from[0];
		flow->to[1] = own.from[1];
		flow->from_port = own.to_port;
		flow->to_port = own.from_port;
	}
}

/* The present task writes up to `size` bytes to a TCP connection, whose lock it holds. */
worker int tcp_written(struct sock *sk, u32 size)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 sequence = BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
	struct stream *stream;
	struct turn *turn;
	struct flow flow;

	flow_of(&flow, sk, false);
	stream = bpf_map_lookup_elem(&streams, &flow);
	if (!stream || stream->sk != (u64)sk) {
		stream = (struct stream *)scratch(SCRATCH_WROTE);
		if (!stream)
			return 0;
		__builtin_memset(stream, 0, sizeof(*stream));
		stream->sk = (u64)sk;
		stream->first = sequence;
		bpf_map_update_elem(&streams, &flow, stream, BPF_ANY);
		stream = bpf_map_lookup_elem(&streams, &flow);
		if (!stream)
			return 0;
	}
	turn = &stream->turn[BOUNDED(stream->turns - 1, MOST_TURNS - 1)];
	if (!stream->turns || !is_writer(&turn->writer, task)) {
		turn = &stream->turn[BOUNDED(stream->turns, MOST_TURNS - 1)];
		turn->sequence = sequence;
		name_writer(&turn->writer, task);
		stream->turns++;
		describe_writer(task);
	}
	stream->end = sequence + size;
	return 0;
}

/* Senders of bytes that not only the last one wrote. */
apart int tcp_senders(struct call *call, struct stream *stream, u32 sequence, u32 length)
{
	if (!call || !stream)
		return 0;
	for (u32 i = 0; i < MOST_TURNS; i++) {
		u32 number = stream->turns - MOST_TURNS + i; /* oldest first */
		struct turn *turn = &stream->turn[BOUNDED(number, MOST_TURNS - 1)];
		u32 from = sequence, to = sequence + length, next;

		if (stream->turns < MOST_TURNS && i < MOST_TURNS - stream->turns)
			continue;
		if ((s32)(turn->sequence - from) > 0)
			from = turn->sequence;
		if (number + 1 != stream->turns) {
			next = stream->turn[BOUNDED(number + 1, MOST_TURNS - 1)].sequence;
			if ((s32)(to - next) > 0)
				to = next;
		}
		if ((s32)(to - from) > 0)
			add_sender(call, &turn->writer, SENDER_TASK, to - from);
	}
	return 0;
}

/* The writers of `length` bytes of a TCP connection from a sequence number on. */
worker void tcp_sequence_sender(struct call *call, struct sock *sk, u32 sequence, u32 length)
{
	struct stream *stream;
	struct turn *last;
	struct flow flow;

	flow_of(&flow, sk, true);
	stream = bpf_map_lookup_elem(&streams, &flow);
	if (!stream || !stream->turns) {
		if (!call->message.sender_known)
			call->message.sender_known = SENDER_UNNOTED;
		return;
	}
	if ((s32)(sequence - stream->first) < 0 || (s32)(sequence + length - stream->end) > 0)
		return; /* written before the trace began, or another connection of these addresses */
	last = &stream->turn[BOUNDED(stream->turns - 1, MOST_TURNS - 1)];
	if ((s32)(sequence - last->sequence) >= 0)
		add_sender(call, &last->writer, SENDER_TASK, length);
	else
		tcp_senders(call, stream, sequence, length);
}

/* The writers of `length` bytes at `offset` of a TCP segment that is on its way to the caller. */
worker void tcp_sender(struct call *call, struct sock *sk, struct sk_buff *skb, u32 offset, u32 length)
{
	struct tcp_skb_cb *place = (struct tcp_skb_cb *)skb->cb;

	tcp_sequence_sender(call, sk, BPF_CORE_READ(place, seq) + offset, length);
}

/* What tells a datagram: its addresses, and its header with ports, length and checksum. */
worker void datagram_of(struct datagram *datagram, struct sk_buff *skb)
{
	unsigned char *head = GET(skb, head);
	u64 network = GET(skb, network_header), transport = GET(skb, transport_header);
	u64 address[4] = {};
	u8 version = 0;

	bpf_probe_read_kernel(&datagram->header, 8, head + transport);
	bpf_probe_read_kernel(&version, 1, head + network);
	if (version >> 4 == 4)
		bpf_probe_read_kernel(address, 8, head + network + 12);
	else
		bpf_probe_read_kernel(address, 32, head + network + 8);
	datagram->addresses = address[0] ^ address[1] * 3 ^ address[2] * 5 ^ address[3] * 7;
}

/* The present task sends a whole IP packet; `skb->sk` is its socket. */
worker int datagram_written(struct sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk = GET(skb, sk);
	struct datagram datagram = {};
	u64 key = (u64)skb;

	if (!sk || GET(sk, sk_protocol) != IPPROTO_UDP)
		return 0;
	datagram_of(&datagram, skb);
	name_writer(&datagram.writer, task);
	bpf_map_update_elem(&datagrams, &key, &datagram, BPF_ANY);
	describe_writer(task);
	return 0;
}

worker void datagram_sender(struct call *call, struct sk_buff *skb)
{
	struct datagram received = {}, *sent;
	u64 key = (u64)skb;

	sent = bpf_map_lookup_elem(&datagrams, &key);
	if (!sent) {
		if (!call->message.sender_known)
			call->message.sender_known = SENDER_UNNOTED;
		return;
	}
	datagram_of(&received, skb);
	if (sent->header == received.header && sent->addresses == received.addresses)
		add_sender(call, &sent->writer, SENDER_TASK, 0);
}

#endif
