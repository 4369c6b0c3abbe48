/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Judging: what is known where the kernel asks its security modules, the verdict, and what becomes of it. */
#ifndef SOCKWARDEN_GUARD_H
#define SOCKWARDEN_GUARD_H

#include "arrive.h"
#include "connect.h"
#include "descriptor.h"
#include "lookup.h"
#include "verdict.h"

#ifndef SOCKWARDEN_CGROUP
#include "giver.h"
#endif

enum {
	MATCH_PAYLOAD = 4096,
	MATCH_STEPS = 128, /* parts of a socket buffer that are looked at */
	CONTROL_PARTS = 8,
	SCM_CREDENTIALS = 2,
	ENOMEM = 12,
	EACCES = 13,
	ECANARY = 117, /* EUCLEAN, which no socket returns */
	UDP_HEADER = 8,
	MSG_FASTOPEN = 0x20000000,
	TCP_ZEROCOPY_RECEIVE = 35,
	MAY_READ = 4, /* include/linux/fs.h */
};

/* The points of this object's programs. */
enum {
#ifdef SOCKWARDEN_CGROUP
	AT_CONNECT = POINT_cgroup_connect,
	AT_SEND = POINT_cgroup_send,
	AT_QUEUEING = POINT_cgroup_queueing,
#else
	AT_CONNECT = POINT_connect,
	AT_SEND = POINT_send,
	AT_QUEUEING = POINT_queueing,
#endif
};

/* Room to judge one message and to tell of it. Nothing keeps another task, or an interrupt, from being judged on this
 * CPU in the meantime: each takes a slot of its own. Tasks come back to theirs, where what was kept of them is. */
struct slot {
	u64 busy;
	u32 number;
	u32 point;
	u32 event;
	u64 socket; /* struct sock */
	u64 peer;   /* of a UNIX socket: the one that is asked for, or that it is connected to; 0 for none */
	u64 name;   /* address that is asked for; 0 for none */
	u64 file;   /* that arrives, or the list of those that a message carries */
	u32 files;  /* how many it lists */
	u32 offset; /* of the payload in a socket buffer */
	u32 length; /* of the payload */
	u32 name_size;
	u32 refused;              /* receives of the same message, in a row */
	u64 told_owner;           /* whose process and socket the call has told of last */
	u64 frames[STACK_FRAMES]; /* return addresses */
	struct matching match;
	struct call call; /* what is told of it */
#ifndef SOCKWARDEN_CGROUP
	struct giver giver;
#else
	struct lookup lookup; /* of the UNIX name that is asked for */
#endif
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_SLOTS);
	__type(key, u32);
	__type(value, struct slot);
} slots SEC(".maps");

/* What a task sends to the name of a UNIX socket, from where the kernel asks about the send to where it has looked up
 * whom the name is of and asks again. */
struct send {
	u64 socket; /* struct sock; 0 where nothing is sent */
	u32 length;
	u32 iovlen;
	u32 credentials; /* enum ancillary */
	u32 spare;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct send);
} named_sends SEC(".maps");

enum ancillary {
	ANCILLARY_NONE,
	ANCILLARY_THERE,
	ANCILLARY_UNKNOWN,
};

/* Sockets of which a receive was refused, by their key, and how many in a row: what is next to receive stays next. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u32);
} refusals SEC(".maps");

/* How often each rule has refused or reported, and each policy's default, behind those. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, POINT_COUNT *HITS_OF_POINT);
	__type(key, u32);
	__type(value, u64);
} hits SEC(".maps");

/* A guard tells only what it has judged. */
apart int may_be_asked_for(u32 event)
{
	return 1;
}

apart int may_be_wanted(struct call *call)
{
	return 1;
}

apart int know_socket(struct call *call)
{
	return 0;
}

/* ---- Slots. */

worker struct slot *take_slot(u32 wish)
{
	for (u32 i = 0; i < GUARD_SLOTS; i++) {
		u32 number = (wish + i) & (GUARD_SLOTS - 1);
		struct slot *slot = bpf_map_lookup_elem(&slots, &number);

		if (slot && !__sync_val_compare_and_swap(&slot->busy, 0, 1)) {
			slot->number = number;
			return slot;
		}
	}
	count(COUNTER_unjudged);
	return NULL;
}

worker void give_back(struct slot *slot)
{
	slot->busy = 0;
}

/* Whether the task is of the sockwarden that loaded this, or that has taken over what an earlier one left in force. Its
 * process id alone may since be another's. */
worker bool is_agent(struct task_struct *task)
{
	return shared.agent == (u32)task->tgid && shared.agent_start == task->group_leader->start_boottime / NS_OF_TICK;
}

/* Whether the hook is the one that sockwarden tries out on itself. */
worker bool is_canary(struct task_struct *task, u32 hook)
{
	return shared.canary == hook + 1 && is_agent(task);
}

/* The socket that sockwarden has packets queued to for proof, in the context of whoever the kernel was running. */
worker bool is_canary_socket(struct sock *sk)
{
	u64 inode = shared.canary_socket;

	return inode && inode == BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
}

/* Whether nobody is judged here: a thread of the kernel, or sockwarden itself, with what it has forked and not
 * executed. */
worker bool is_exempt(struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;

	return (task->flags & (PF_KTHREAD | PF_IO_WORKER)) == PF_KTHREAD || is_agent(task) ||
	       (is_agent(parent) && parent->self_exec_id == task->self_exec_id);
}

/* A slot for what is asked for at a point, with what the task's process leaves possible. */
worker struct slot *take_up(struct task_struct *task, enum point point, struct sock *sk)
{
	struct slot *slot = shared.released ? NULL : take_slot(4 * task->pid + point);
	u64 owner = owner_of(task);
	struct matching *match;

	if (!slot)
		return NULL;
	match = &slot->match;
	match->image = point;
	if (match->owner != owner || slot->point != point) {
		match->process_known = 0;
		match->socket_key = 0;
	}
	match->owner = owner;
	slot->point = point;
	slot->socket = (u64)sk;
	slot->peer = 0;
	slot->name = 0;
	slot->event = NO_EVENT;
	return slot;
}

/* The same for what the task asks for at a hook. NULL where nothing is judged: `ret` then is the answer. */
worker struct slot *begin_judging(struct task_struct *task, u32 hook, enum point point, struct sock *sk, int *ret)
{
	struct slot *slot;

	*ret = is_canary(task, hook) ? -ECANARY : 0;
	if (*ret || is_exempt(task))
		return NULL;
	slot = take_up(task, point, sk);
#ifdef SOCKWARDEN_CGROUP /* looking up a path takes long, and who is judged can have it take long often */
	if (!slot && !shared.released)
		*ret = -EAGAIN;
#endif
	return slot;
}

/* ---- Facts. */

static const u64 facts_of_peer = ASKED(remote_path) | ASKED(remote_path_text) | ASKED(remote_abstract) |
				 ASKED(remote_address) | ASKED(remote_port);

/* The event, where the registers of the task tell it; else it is one of io_uring's. */
worker u32 event_here(struct task_struct *task, u32 request)
{
	u32 event = operation_at(task, registers(task), NO_EVENT);

	return event == NO_EVENT ? request : event;
}

#ifdef SOCKWARDEN_CGROUP /* whose programs see no stack */
worker void find_request(struct slot *slot)
{
}
#else
const volatile struct request_function request_functions[REQUEST_FUNCTIONS] SEC(".rodata.requests") = {};

/* Whether a frame is of a function that serves a request, which it then leaves as the event. */
static long frame_step(u32 step, struct slot **context)
{
	struct slot *slot = *context;
	u64 at = slot->frames[BOUNDED(step, STACK_FRAMES - 1)];

	for (u32 i = 0; i < REQUEST_FUNCTIONS; i++) {
		if (at > request_functions[i].from && at < request_functions[i].to) {
			slot->event = request_functions[i].event;
			return 1;
		}
	}
	return !at;
}

apart int look_at_stack(struct slot *slot)
{
	if (!slot)
		return 0;
	__builtin_memset(slot->frames, 0, sizeof(slot->frames));
	bpf_get_task_stack(bpf_get_current_task_btf(), slot->frames, sizeof(slot->frames), 0);
	bpf_loop(STACK_FRAMES, frame_step, &slot, 0);
	return 0;
}

/* Which of these functions the present task is inside, the innermost, by its stack, which nobody else can write. The
 * event stays as it was, where the kernel does not show where they are. Looked for twice: another task that comes
 * between may have the kernel copy its own stack. */
apart int find_request(struct slot *slot)
{
	u32 before, first;

	if (!slot || !request_functions[0].to)
		return 0;
	before = slot->event;
	look_at_stack(slot);
	first = slot->event;
	slot->event = before;
	look_at_stack(slot);
	if (slot->event != first)
		slot->event = before;
	return 0;
}
#endif

/* The event of what the task asks for: `request`, or more exactly which, where it is one of io_uring's. */
worker void know_event(struct slot *slot, struct task_struct *task, u32 request)
{
	slot->event = event_here(task, request);
	if (slot->event == request && is_asked(FACT_event))
		find_request(slot);
}

enum {
	RECEIVED_BY_URING =
		1 << EVENT_io_uring | 1 << EVENT_io_uring_recv | 1 << EVENT_io_uring_recvmsg | 1 << EVENT_io_uring_read,
	SENT_BY_URING = 1 << EVENT_io_uring_out | 1 << EVENT_io_uring_send | 1 << EVENT_io_uring_sendmsg |
			1 << EVENT_io_uring_write,
};

worker void ask_event(struct slot *slot)
{
	struct matching *match = &slot->match;
	u32 event = slot->event;

	if (!is_asked(FACT_event))
		return;
	if (slot->point == POINT_descriptor) /* it arrives as such, and with a message if there is one */
		ask_either(match, FACT_event, 1 << event | 1 << EVENT_fd_received);
	else if (slot->point == POINT_splice && event == EVENT_io_uring)
		ask_among(match, FACT_event, 1 << EVENT_splice | 1 << EVENT_io_uring_read);
	else if (event == EVENT_io_uring)
		ask_among(match, FACT_event, RECEIVED_BY_URING);
	else if (event == EVENT_io_uring_out)
		ask_among(match, FACT_event, SENT_BY_URING);
	else
		ask_number(match, FACT_event, event);
}

worker void ask_none(struct matching *match, u32 fact)
{
	if (is_asked(fact))
		ask_absent(match, fact);
}

/* The IPv4 address that is asked for. None stands for the socket's own, or where it has none for this machine
 * (ip_route_output_key_hash_rcu). */
worker void ask_named4(struct matching *match, struct sock *sk, u32 address, u16 port)
{
	struct in6_addr there = {};

	if (!address)
		address = BPF_CORE_READ((struct inet_sock *)sk, inet_saddr);
	if (!address)
		address = bpf_htonl(INADDR_LOOPBACK);
	there.in6_u.u6_addr32[2] = bpf_htonl(0xffff);
	there.in6_u.u6_addr32[3] = address;
	ask_endpoint(match, &remote_facts, &there, port);
}

worker bool is_mapped(const struct in6_addr *address)
{
	return !address->in6_u.u6_addr32[0] && !address->in6_u.u6_addr32[1] &&
	       address->in6_u.u6_addr32[2] == bpf_htonl(0xffff);
}

/* The IPv6 address. None stands for ::1, or on a socket that is bound to an IPv4 address for 127.0.0.1 (tcp_v6_connect,
 * udpv6_sendmsg). */
worker void ask_named6(struct matching *match, struct sock *sk, const struct address_in6 *name)
{
	struct in6_addr there, own;

	__builtin_memcpy(&there, &name->address, sizeof(there));
	BPF_CORE_READ_INTO(&own, sk, __sk_common.skc_v6_rcv_saddr);
	if (!there.in6_u.u6_addr32[0] && !there.in6_u.u6_addr32[1] && !there.in6_u.u6_addr32[2] &&
	    !there.in6_u.u6_addr32[3]) {
		if (is_mapped(&own)) {
			ask_named4(match, sk, 0, name->port);
			return;
		}
		there.in6_u.u6_addr32[3] = bpf_htonl(1);
	} else if (is_mapped(&there)) {
		ask_named4(match, sk, there.in6_u.u6_addr32[3], name->port);
		return;
	}
	ask_endpoint(match, &remote_facts, &there, name->port);
}

#ifdef SOCKWARDEN_CGROUP
/* Looks up the path that is asked for. Nobody else has done so yet. */
apart int look_up_named(struct slot *slot)
{
	struct lookup *lookup;
	u32 size;

	if (!slot)
		return LOOKUP_UNKNOWN;
	lookup = &slot->lookup;
	size = slot->name_size - sizeof(u16);
	OPAQUE(size);
	if (size > 108 || bpf_probe_read_kernel(&lookup->text[LOOKUP_START], size, (void *)(slot->name + sizeof(u16))))
		return LOOKUP_UNKNOWN;
	lookup->text[LOOKUP_START + BOUNDED(size, 0x7f)] = 0;
	return look_up(lookup);
}

/* The UNIX name that is asked for, in the kernel's copy, which has been found to be one. */
worker void ask_named_unix(struct slot *slot)
{
	struct matching *match = &slot->match;
	u32 size = slot->name_size, from = sizeof(u16), state;

	ask_no_endpoint(match, &remote_facts);
	OPAQUE(size);
	if (size > sizeof(struct sockaddr_un) || bpf_probe_read_kernel(match->text, size, (void *)slot->name))
		return;
	if (!match->text[from]) {
		if (is_asked(FACT_remote_path))
			ask_absent(match, FACT_remote_path);
		if (is_asked(FACT_remote_abstract))
			ask_text(match, FACT_remote_abstract, from + 1, size - from - 1, false);
		return;
	}
	if (is_asked(FACT_remote_abstract))
		ask_absent(match, FACT_remote_abstract);
	if (!is_asked(FACT_remote_path))
		return;
	state = look_up_named(slot);
	if (state == LOOKUP_FOUND)
		ask_inode(match, FACT_remote_path, (void *)slot->lookup.inode);
	else if (state == LOOKUP_NOTHING)
		ask_absent(match, FACT_remote_path);
}
#else
/* Of UNIX sockets the kernel's hooks are told whom a name is of. */
worker void ask_named_unix(struct slot *slot)
{
}
#endif

/* The address that is asked for, in the kernel's copy, as the kernel takes it. */
worker void ask_named(struct slot *slot, struct sock *sk, u16 family)
{
	struct matching *match = &slot->match;
	struct address_in6 *name = (void *)match->text;
	u32 size = slot->name_size;
	u16 named;

	if (family == AF_UNIX) {
		ask_named_unix(slot);
		return;
	}
	ask_no_unix_address(match, &remote_facts);
	if (size > sizeof(*name))
		size = sizeof(*name);
	OPAQUE(size);
	if (size > sizeof(*name) || bpf_probe_read_kernel(name, size, (void *)slot->name))
		return;
	named = name->family;
	if (named == AF_UNSPEC && slot->point == AT_SEND) /* UDP sends to it over IPv4, and to the peer over IPv6 */
		named = family == AF_INET ? AF_INET : AF_UNSPEC;
	if (named == AF_INET && size >= sizeof(struct address_in))
		ask_named4(match, sk, ((struct address_in *)name)->address, name->port);
	else if (named == AF_INET6 && size >= 24) /* all but the scope may be left out */
		ask_named6(match, sk, name);
	else if (slot->point == AT_SEND && is_inet(family))
		ask_peer_endpoint(match, &remote_facts, sk, family == AF_INET6);
	else
		ask_no_endpoint(match, &remote_facts);
}

/* The socket: what it is, its own address, and the one that it is connected to or that is asked for. */
apart int ask_slot_socket(struct slot *slot)
{
	struct sock *sk, *peer;
	struct matching *match;
	u16 family;

	if (!slot)
		return 0;
	match = &slot->match;
	sk = (void *)slot->socket;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	ask_socket(match, sk, family);
	if (slot->point == AT_QUEUEING)
		return 0;
	if (slot->name) {
		ask_named(slot, sk, family);
		return 0;
	}
	peer = (void *)slot->peer;
	if (!peer && family == AF_UNIX)
		peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	ask_peer(match, sk, family, peer);
	return 0;
}

/* What prints_of leaves out of whom a socket is connected to, which may be another with the same print: the number of a
 * UNIX peer, whose address may be another's by now, and the greater part of an IPv6 address. */
worker u64 rest_of_print(struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	if (!(config.facts & facts_of_peer))
		return 0;
	if (family == AF_UNIX) {
		struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);

		return peer ? BPF_CORE_READ(peer, sk_socket, file, f_inode, i_ino) << 32 : 0;
	}
	if (family == AF_INET6) {
		u64 first = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[0];
		u64 second = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[1];

		return (first << 32 | second) * 0x9e3779b97f4a7c15 ^ sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[2];
	}
	return 0;
}

/* What a socket leaves possible as it is, without a name: kept until it changes, or another is asked about. */
worker void know_slot_socket(struct slot *slot, struct sock *sk)
{
	struct matching *match = &slot->match;
	u64 key = key_of_socket(sk), rest = rest_of_print(sk), local, remote;

	prints_of(sk, &local, &remote);
	if (match->socket_key != key || match->local_print != local || match->remote_print != remote ||
	    match->rest_of_print != rest) {
		match->socket_key = key;
		match->local_print = local;
		match->remote_print = remote;
		match->rest_of_print = rest;
		match->socket_address = (u64)sk;
		classify_socket(match);
	}
}

/* The process, the event and the socket. */
worker void ask_first(struct slot *slot, struct sock *sk)
{
	struct matching *match = &slot->match;
	bool is_kept = !slot->name && !slot->peer && slot->point != AT_CONNECT;

	if (config.facts & facts_of_process && !is_process_kept(match))
		classify_process(match);
	if (sk && config.facts & facts_of_socket && is_kept)
		know_slot_socket(slot, sk);
	begin_match(match, SPACE_MESSAGE);
	if (config.facts & facts_of_process)
		use_kept(match, KEPT_PROCESS, facts_of_process);
	if (sk && config.facts & facts_of_socket && is_kept)
		use_kept(match, KEPT_SOCKET, facts_of_socket);
	else if (sk && config.facts & facts_of_socket)
		ask_slot_socket(slot);
	ask_event(slot);
}

worker void ask_call_flags(struct slot *slot, struct task_struct *task, u32 flags)
{
	struct matching *match = &slot->match;
	struct call *call = &slot->call;
	u32 event = slot->event;

	if (!is_asked(FACT_args_flags) || is_of_pages(event)) /* flags of another kind, which no hook tells */
		return;
	if (is_among(event, EVENTS_unknown | EVENTS_of_request))
		call->message.flags = flags; /* as the request has them: no hook tells the caller's own */
	else
		restart_call(call, task, event);
	call->message.head.event = event;
	if (is_among(event, config.with_flags | EVENTS_unknown))
		ask_flags(match, FACT_args_flags, flag_value(&call->message));
	else
		ask_absent(match, FACT_args_flags);
}

/* Whether the kernel's copy of ancillary data has a part of this type, of level SOL_SOCKET. */
apart int find_ancillary(u64 control, u64 size, u32 type)
{
	u64 at = 0;

	for (u32 i = 0; i < CONTROL_PARTS && at + 16 <= size; i++) {
		struct {
			u64 length;
			s32 level, type;
		} header = {};

		if (bpf_probe_read_kernel(&header, sizeof(header), (void *)(control + at)) || header.length < 16)
			return ANCILLARY_UNKNOWN;
		if (header.level == SOL_SOCKET && (u32)header.type == type)
			return ANCILLARY_THERE;
		at += (header.length + 7) & ~7ULL;
	}
	return at + 16 > size ? ANCILLARY_NONE : ANCILLARY_UNKNOWN;
}

/* One passed file, as the only element of the list. */
apart int ask_one_fd(struct slot *slot)
{
	struct matching *match;

	if (!slot)
		return 0;
	match = &slot->match;
	begin_list(match);
	begin_match(match, SPACE_FDS);
	ask_fd(match, slot->file);
	end_element(match, 1);
	end_list(match, FACT_fds, KEPT_FDS, 1);
	return 0;
}

static long listed_step(u32 step, struct slot **context)
{
	struct slot *slot = *context;
	struct matching *match = &slot->match;
	u64 file = 0;

	bpf_probe_read_kernel(&file, sizeof(file), (void *)(slot->file + step * sizeof(file)));
	begin_match(match, SPACE_FDS);
	if (file)
		ask_fd(match, file);
	end_element(match, 1);
	return 0;
}

/* The files that a queued message carries. */
apart int ask_listed_fds(struct slot *slot)
{
	struct matching *match;

	if (!slot)
		return 0;
	match = &slot->match;
	begin_list(match);
	bpf_loop(slot->files, listed_step, &slot, 0);
	end_list(match, FACT_fds, KEPT_FDS, 1);
	return 0;
}

#ifndef SOCKWARDEN_CGROUP
/* Whoever gave what the present task receives, as the only sender: 1 where that is known. */
apart int ask_giver(struct slot *slot, u64 key)
{
	struct matching *match;
	struct giver *giver;

	if (!slot || !key)
		return 0;
	giver = &slot->giver;
	if (!copy_giver(giver, key))
		return 0;
	match = &slot->match;
	begin_list(match);
	begin_match(match, SPACE_SENDERS);
	tell_giver(match, giver);
	pair_giver(match, giver);
	end_element(match, 1);
	end_list(match, FACT_senders, KEPT_SENDERS, 1);
	return 1;
}
#endif

/* The task that sends to a UNIX socket, in whose context the message is queued, as the only sender. */
apart int ask_sender(struct slot *slot)
{
	struct matching *match;

	if (!slot)
		return 0;
	match = &slot->match;
	begin_list(match);
	begin_match(match, SPACE_SENDERS);
	ask_task(match, FACT_senders_exe - FACT_process_exe);
	end_element(match, 1);
	end_list(match, FACT_senders, KEPT_SENDERS, 1);
	return 0;
}

/* ---- Payload of a socket buffer, part by part. */

static long payload_step(u32 step, struct slot **context)
{
	struct slot *slot = *context;
	struct matching *match = &slot->match;
	struct skb_walk *walk = &slot->call.walk;
	u32 size = 0, part;
	u64 from;

	if (!slot->call.room) {
		if (!next_of_skb(walk, &from, &size))
			return !walk->skb;
		if (walk->offset >= size) {
			walk->offset -= size;
			return 0;
		}
		size -= walk->offset;
		if (!from)
			return 1;
		slot->call.name_at = from + walk->offset;
		slot->call.room = size;
		walk->offset = 0;
	}
	part = slot->call.room < MATCH_TEXT ? slot->call.room : MATCH_TEXT;
	if (part > walk->length)
		part = walk->length;
	OPAQUE(part);
	if (part > MATCH_TEXT || bpf_probe_read_kernel(match->text, part, (void *)slot->call.name_at))
		return 1;
	feed_text(match, 0, part);
	slot->call.name_at += part;
	slot->call.room -= part;
	walk->length -= part;
	return !walk->length;
}

/* `length` bytes of the buffer that call.walk begins at; what lies behind the first 4 KiB is unknown. */
apart int ask_payload(struct slot *slot)
{
	struct matching *match;
	u32 length, wanted;

	if (!slot)
		return 0;
	match = &slot->match;
	length = slot->length;
	wanted = length < MATCH_PAYLOAD ? length : MATCH_PAYLOAD;
	begin_text(match, FACT_payload);
	slot->call.room = 0;
	begin_walk(&slot->call.walk, slot->offset, wanted);
	if (wanted)
		bpf_loop(MATCH_STEPS, payload_step, &slot, 0);
	end_text(match, slot->call.walk.length || wanted < length);
	return 0;
}

/* ---- What becomes of a verdict. */

/* Begins to tell of what was judged. */
worker struct call *begin_report(struct slot *slot)
{
	struct call *call = &slot->call;

	clear_call(call);
	if (slot->told_owner != slot->match.owner) {
		slot->told_owner = slot->match.owner;
		call->told = 0;
		call->quick.told = 0;
	}
	call->scratch = slot->number;
	call->message.head.event = slot->event;
	return call;
}

worker void tell_verdict(struct slot *slot, struct call *call)
{
	emit_verdict(call, &slot->match.judging.verdict, slot->point, slot->refused);
}

worker void count_hit(u32 point, u32 number)
{
	u32 index = point * HITS_OF_POINT + number;
	u64 *hit = bpf_map_lookup_elem(&hits, &index);

	if (hit)
		__sync_fetch_and_add(hit, 1);
}

apart int count_hits(struct slot *slot)
{
	struct verdict *verdict;

	if (!slot)
		return 0;
	verdict = &slot->match.judging.verdict;
	if (verdict->action != ACTION_allow)
		count_hit(slot->point,
			  verdict->rule == VERDICT_NO_RULE ? IMAGE_CLAUSES + verdict->policy : verdict->rule);
	for (u32 i = 0; i < VERDICT_ALERTS && i < verdict->alerts; i++)
		count_hit(slot->point, verdict->alert[i] & ~VERDICT_UNCERTAIN);
	return 0;
}

/* What the kernel gets for an answer: 0, or a negative errno. */
worker int answer(const struct slot *slot)
{
	const struct verdict *verdict = &slot->match.judging.verdict;
	u64 error = verdict->error ? verdict->error : EACCES;
	s64 ret = 0;

	if (!verdict->enforced)
		return 0;
#ifndef SOCKWARDEN_CGROUP /* whose programs cannot */
	if (verdict->action == ACTION_kill && slot->point != AT_QUEUEING)
		bpf_send_signal(SIGKILL);
#endif
	error = BOUNDED(error, MAX_ERRNO);
	asm volatile("%0 -= %1" : "+r"(ret) : "r"(error)); /* of a negation the verifier knows no bounds */
	return ret;
}

/* Tells the name that was asked for, or that of the socket which the kernel has looked up. */
apart int report_name(struct slot *slot)
{
	struct unix_address *address;
	struct unix_sock *peer;

	if (!slot)
		return 0;
	peer = (void *)slot->peer;
	if (slot->name)
		return tell_name(&slot->call, (void *)slot->name, slot->name_size);
	if (!peer)
		return 0;
	address = BPF_CORE_READ(peer, addr);
	return address ? tell_name(&slot->call, &address->name, BPF_CORE_READ(address, len)) : 0;
}

/* Tells what a task asked for and was judged by. Its arguments are those of its registers. */
worker void report_call(struct slot *slot, struct task_struct *task, struct sock *sk, int ret)
{
	struct call *call = begin_report(slot);
	struct message_record *message = &call->message;

	if (!is_among(slot->event, EVENTS_unknown | EVENTS_of_request))
		restart_call(call, task, slot->event);
	report_name(slot);
	message->entry_state = REASON_none;
	message->name_state = call->named ? REASON_here : REASON_none;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	message->iov_state = REASON_none;
	message->payload_state = REASON_none;
	if (sk)
		socket_of(call, sk);
	else
		message->socket_state = REASON_none;
	tell_verdict(slot, call);
	emit_message(call, task, bpf_ktime_get_ns(), ret);
}

/* The file of the UNIX socket that is asked for, or that it is connected to; NULL where there is none. */
worker struct inode *asked_file(struct slot *slot, struct sock *sk)
{
	struct sock *peer = (void *)slot->peer;

#ifdef SOCKWARDEN_CGROUP
	if (slot->name) {
		u8 first = 0;

		bpf_probe_read_kernel(&first, 1, (void *)(slot->name + sizeof(u16)));
		return first && look_up_named(slot) == LOOKUP_FOUND ? (void *)slot->lookup.inode : NULL;
	}
#endif
	if (!peer)
		peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	return peer ? bound_file(peer) : NULL;
}

/* Whether it is about a connection to the socket that the guard is talked to by. */
apart int is_control(struct slot *slot)
{
	struct sock *sk;
	u64 number;
	u32 device;

	if (!slot || !config.control_inode || !slot->socket)
		return 0;
	sk = (void *)slot->socket;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	identify(asked_file(slot, sk), &number, &device);
	return number == config.control_inode && device == config.control_device;
}

/* Counts a receive that is refused, as those before it since one was let pass; or forgets them. */
apart int note_refusal(u64 key, u32 is_refused)
{
	u32 first = 1, *count;

	if (!is_refused) {
		bpf_map_delete_elem(&refusals, &key);
		return 0;
	}
	shared.refuses = 1;
	count = bpf_map_lookup_elem(&refusals, &key);
	if (count)
		return __sync_fetch_and_add(count, 1) + 1;
	bpf_map_update_elem(&refusals, &key, &first, BPF_ANY);
	return 1;
}

/* Whether a message that is refused there stays queued. */
worker bool stays_queued(u32 point)
{
	return point == POINT_receive || point == POINT_splice || point == POINT_zerocopy;
}

/* The last step of each point where a task asks for something. */
worker int conclude(struct slot *slot, struct task_struct *task, struct sock *sk)
{
	bool tells;
	int ret = 0;

	judge(&slot->match);
	slot->refused = 0;
	tells = is_worth_telling(&slot->match) && !is_control(slot);
	if (tells) {
		count_hits(slot);
		ret = answer(slot);
	}
	if (sk && stays_queued(slot->point) && (ret || shared.refuses))
		slot->refused = note_refusal(key_of_socket(sk), !!ret);
	if (tells) {
		if (slot->refused > TOLD_REFUSALS && slot->refused % TOLD_REFUSALS_EACH)
			count(COUNTER_repeated);
		else
			report_call(slot, task, sk, ret);
	}
	give_back(slot);
	return ret;
}

/* ---- Points. */

/* A connection is asked for. `peer` is a UNIX socket, which the kernel has looked up, or NULL. */
worker int asked_to_connect(u32 hook, struct sock *sk, struct sock *peer, const void *name, u32 size)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct slot *slot;
	u32 event;
	int ret;

	slot = begin_judging(task, hook, AT_CONNECT, sk, &ret);
	if (!slot)
		return ret;
	know_event(slot, task, EVENT_io_uring_connect);
	event = slot->event;
	if (hook % GUARD_COUNT == GUARD_gd_connect_peer && is_among(event, SENT_BY_URING)) {
		give_back(slot);
		return 0;
	}
	slot->event = is_among(event, EVENTS_of_request) ? EVENT_io_uring_connect : EVENT_connect; /* a send may, too */
	slot->peer = (u64)peer;
	slot->name = (u64)name;
	slot->name_size = size;
	ask_first(slot, sk);
	ask_none(&slot->match, FACT_payload);
	ask_none(&slot->match, FACT_payload_length);
	ask_none(&slot->match, FACT_args_flags);
	ask_none(&slot->match, FACT_iovlen);
	ask_none(&slot->match, FACT_peeked);
	slot->event = event;
	return conclude(slot, task, sk);
}

worker struct send send_of(struct sock *sk, struct msghdr *header, u32 size)
{
	struct send send = {.socket = (u64)sk, .length = size};
	bool is_one = header->msg_iter.iter_type == bpf_core_enum_value(enum iter_type, ITER_UBUF);

	send.iovlen = is_one ? 1 : header->msg_iter.nr_segs;
	if (is_asked(FACT_credentials) && header->msg_control)
		send.credentials = find_ancillary((u64)BPF_CORE_READ(header, msg_control), header->msg_controllen,
						  SCM_CREDENTIALS);
	return send;
}

/* What a send is besides its socket. */
worker void ask_send(struct slot *slot, struct task_struct *task, const struct send *send, u32 flags)
{
	struct matching *match = &slot->match;

	if (is_asked(FACT_payload_length))
		ask_number(match, FACT_payload_length, send->length);
	ask_call_flags(slot, task, flags);
	ask_of_events(match, FACT_iovlen, slot->event, config.with_iovlen, send->iovlen);
	if (is_asked(FACT_credentials) && send->credentials != ANCILLARY_UNKNOWN)
		ask_number(match, FACT_credentials, send->credentials);
}

/* Keeps what is sent to the name of a UNIX socket until whose that is is known. Forgets what never came so far, where
 * nothing is. */
worker int keep_named(struct task_struct *task, const struct send *send)
{
	u64 flags = send->socket ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0;
	struct send *kept = bpf_task_storage_get(&named_sends, task, NULL, flags);

	if (kept)
		*kept = *send;
	return send->socket && !kept ? -ENOMEM : 0;
}

worker int asked_to_send(u32 hook, struct socket *socket, struct msghdr *header, u32 size)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk = socket->sk;
	struct slot *slot;
	struct send send;
	int ret;

	if (!sk)
		return 0;
	if (sk->__sk_common.skc_family == AF_UNIX && sk->sk_type == SOCK_DGRAM && !is_exempt(task)) {
		struct send none = {};

		send = send_of(sk, header, size);
		ret = keep_named(task, header->msg_name ? &send : &none);
		if (ret || header->msg_name)
			return ret;
	}
	slot = begin_judging(task, hook, AT_SEND, sk, &ret);
	if (!slot)
		return ret;
	know_event(slot, task, EVENT_io_uring_out);
	if (is_inet(sk->__sk_common.skc_family) && (sk->sk_type != SOCK_STREAM || !sk->__sk_common.skc_dport)) {
		slot->name = (u64)header->msg_name; /* which a connected stream passes over */
		slot->name_size = header->msg_namelen;
	}
	ask_first(slot, sk);
	send = send_of(sk, header, size);
	ask_send(slot, task, &send, header->msg_flags);
	return conclude(slot, task, sk);
}

/* A send to a name, where the message is not to be had. */
worker int asked_to_send_named(u32 hook, struct sock *sk, const void *name, u32 size)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct slot *slot;
	int ret;

	slot = begin_judging(task, hook, AT_SEND, sk, &ret);
	if (!slot)
		return ret;
	know_event(slot, task, EVENT_io_uring_out);
	slot->name = (u64)name;
	slot->name_size = size;
	ask_first(slot, sk);
	return conclude(slot, task, sk);
}

/* The kernel has looked up whom a UNIX datagram goes to. Those without a name have been judged before. */
worker int asked_to_send_to(u32 hook, struct socket *socket, struct socket *other)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk = socket->sk;
	struct send *kept, send;
	struct slot *slot;
	int ret;

	if (!sk)
		return 0;
	if (is_canary(task, hook))
		return -ECANARY;
	kept = bpf_task_storage_get(&named_sends, task, NULL, 0);
	if (!kept || kept->socket != (u64)sk)
		return 0;
	send = *kept;
	kept->socket = 0;
	slot = begin_judging(task, hook, AT_SEND, sk, &ret);
	if (!slot)
		return ret;
	know_event(slot, task, EVENT_io_uring_out);
	slot->peer = (u64)other->sk;
	ask_first(slot, sk);
	ask_send(slot, task, &send, 0);
	return conclude(slot, task, sk);
}

worker int asked_to_receive(u32 hook, struct socket *socket, u32 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk = socket->sk;
	struct slot *slot;
	int ret;

	if (!sk)
		return 0;
	slot = begin_judging(task, hook, POINT_receive, sk, &ret);
	if (!slot)
		return ret;
	know_event(slot, task, EVENT_io_uring);
	if (slot->event == EVENT_sendfile) /* which reads from this socket */
		slot->event = EVENT_splice;
	ask_first(slot, sk);
	ask_call_flags(slot, task, flags);
	ask_of_events(&slot->match, FACT_peeked, slot->event, config.with_peeked | 1 << EVENT_io_uring,
		      !!(flags & MSG_PEEK));
	return conclude(slot, task, sk);
}

/* Tells of a message that was kept from being queued. Who would have received it is not known; over a UNIX socket the
 * present task sent it. */
worker void report_refused(struct slot *slot, struct task_struct *task, struct sock *sk, struct sk_buff *skb)
{
	struct call *call = begin_report(slot);
	struct message_record *message = &call->message;
	bool is_unix = sk->__sk_common.skc_family == AF_UNIX;

	message->head.event = EVENT_refused;
	message->sockfd = -1;
	message->entry_state = REASON_none;
	message->name_state = REASON_none;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	message->iov_state = REASON_none;
	socket_of(call, sk);
	message->sender_known = SENDER_NONE;
	if (!is_unix) /* a number that no thread has, to join its pieces by */
		message->writer = NO_THREAD | bpf_get_smp_processor_id() * GUARD_SLOTS | slot->number;
	capture_skb(call, skb, slot->offset, slot->length);
	message->origin = ORIGIN_KERNEL;
	if (call->user_payload)
		message->payload_state = REASON_engine;
	tell_verdict(slot, call);
	if (is_unix) {
		emit_message(call, task, bpf_ktime_get_ns(), slot->length);
		return;
	}
	emit_without_process(call, bpf_ktime_get_ns(), slot->length);
}

worker bool is_udp(struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_UDP || sk->sk_protocol == IPPROTO_UDPLITE;
}

/* Whether what is queued is one message, and nothing of the kernel's own. */
worker bool is_queue_of_messages(struct sock *sk)
{
	return sk->sk_type != SOCK_STREAM && sk->sk_protocol != IPPROTO_SCTP &&
	       !BPF_CORE_READ_BITFIELD(sk, sk_kern_sock);
}

/* A message is about to be queued, in the context of whoever the kernel was running. It begins `offset` bytes behind
 * the data of the buffer. */
worker int asked_to_queue(u32 hook, struct sock *sk, struct sk_buff *skb, u32 offset)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u16 family = sk->__sk_common.skc_family;
	struct slot *slot;
	int ret = 0;

	if (!is_queue_of_messages(sk))
		return 0;
	slot = family == AF_UNIX ? begin_judging(task, hook, AT_QUEUEING, sk, &ret) : take_up(task, AT_QUEUEING, sk);
	if (!slot)
		return ret;
	slot->offset = offset;
	slot->length = skb->len - offset;
	if (family == AF_UNIX) {
		struct unix_note note = unix_note_of(skb);
		struct scm_fp_list *list = note.files;

		slot->files = list ? (u16)BPF_CORE_READ(list, count) : 0;
		slot->file = (u64)list + bpf_core_field_offset(struct scm_fp_list, fp);
		slot->match.task = (u64)task;
		if (config.facts & ASKED(senders)) {
			comm_of(task, slot->match.comm);
			ask_sender(slot);
		}
	} else {
		slot->files = 0;
	}
	if (config.facts & ASKED(fds))
		ask_listed_fds(slot);
	begin_match(&slot->match, SPACE_MESSAGE);
	if (config.facts & ASKED(fds))
		use_kept(&slot->match, KEPT_FDS, ASKED(fds));
	if (family == AF_UNIX && config.facts & ASKED(senders))
		use_kept(&slot->match, KEPT_SENDERS, ASKED(senders));
	if (config.facts & facts_of_socket)
		ask_slot_socket(slot);
	if (is_asked(FACT_payload_length))
		ask_number(&slot->match, FACT_payload_length, slot->length);
	if (is_asked(FACT_payload)) {
		slot->call.walk.skb = skb;
		ask_payload(slot);
	}
	judge(&slot->match);
	if (is_worth_telling(&slot->match)) {
		count_hits(slot);
		ret = answer(slot);
		report_refused(slot, task, sk, skb);
	}
	give_back(slot);
	return ret;
}

/* A file is read. Of a socket that is a splice, or of io_uring perhaps a read. */
worker int asked_to_splice(u32 hook, struct file *file)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 event = event_here(task, EVENT_io_uring);
	struct slot *slot;
	struct sock *sk;
	int ret;

	if (event != EVENT_sendfile && event != EVENT_io_uring)
		return 0;
	sk = sock_of_file(file);
	if (!sk)
		return 0;
	slot = begin_judging(task, hook, POINT_splice, sk, &ret);
	if (!slot)
		return ret;
	slot->event = event == EVENT_sendfile ? EVENT_splice : event;
	if (event == EVENT_io_uring && is_asked(FACT_event))
		find_request(slot);
	ask_first(slot, sk);
	return conclude(slot, task, sk);
}

/* A zero-copy receive is asked for as an option. */
worker int asked_for_pages(u32 hook, struct sock *sk, s32 level, s32 name)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct slot *slot;
	int ret;

	if (level != IPPROTO_TCP || name != TCP_ZEROCOPY_RECEIVE)
		return 0;
	slot = begin_judging(task, hook, POINT_zerocopy, sk, &ret);
	if (!slot)
		return ret;
	slot->event = EVENT_zerocopy;
	ask_first(slot, sk);
	return conclude(slot, task, sk);
}

#ifndef SOCKWARDEN_CGROUP
/* What gives the task a file: a message that is received, or nothing but that. */
worker u32 giving_event(struct task_struct *task)
{
	u32 event = event_here(task, NO_EVENT);

	if (event == EVENT_recvmsg || event == EVENT_recvmmsg)
		return event;
	if (event == NO_EVENT && way_of(task) == WAY_NONE)
		return EVENT_io_uring_recvmsg;
	return EVENT_fd_received;
}

/* The present task gives descriptors over a socket. A first note is of all who gave, unless something was before when
 * the first message was seen. */
worker int note_giver(struct sock *sk, bool are_before)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = key_of_socket(sk);
	struct giver *noted = bpf_map_lookup_elem(&givers, &key);
	struct giver_id present;
	struct slot *slot;

	identify_giver(&present, task);
	if (noted && is_same_giver(&noted->id, &present))
		return 0;
	slot = take_slot(4 * task->pid + POINT_descriptor);
	if (!slot)
		return -EAGAIN;
	slot->giver.key = key;
	slot->giver.id = present;
	describe_giver(&slot->giver, &slot->match);
	if (!noted) {
		if (may_others_give(sk, are_before))
			slot->giver.differ = ~0ULL;
		bpf_map_update_elem(&givers, &key, &slot->giver, BPF_NOEXIST);
		noted = bpf_map_lookup_elem(&givers, &key);
	}
	if (noted)
		compare_givers(noted, &slot->giver);
	give_back(slot);
	return noted ? 0 : -ENOMEM;
}

/* A message is about to be sent over a stream. What is queued elsewhere is seen there. */
worker int gives_over_stream(u32 hook, struct socket *socket, struct msghdr *header)
{
	struct sock *sk = socket->sk;
	bool are_before;

	if (is_canary(bpf_get_current_task_btf(), hook))
		return -ECANARY;
	if (!sk || sk->__sk_common.skc_family != AF_UNIX || sk->sk_type != SOCK_STREAM)
		return 0;
	are_before = BPF_CORE_READ(sk, sk_wmem_alloc.refs.counter) > 1;
	if (header->msg_controllen && find_ancillary((u64)BPF_CORE_READ(header, msg_control), header->msg_controllen,
						     SCM_RIGHTS) != ANCILLARY_NONE)
		return note_giver(sk, are_before);
	see_message(sk, are_before);
	return 0;
}

/* A message is about to be queued. */
worker int gives_by_queueing(u32 hook, struct sock *sk, struct sk_buff *skb)
{
	struct unix_note note;
	bool are_before;

	if (sk->__sk_common.skc_family != AF_UNIX)
		return 0;
	if (is_canary(bpf_get_current_task_btf(), hook))
		return -ECANARY;
	note = unix_note_of(skb);
	are_before = BPF_CORE_READ(sk, sk_receive_queue.qlen);
	if (note.files)
		return note_giver(sk, are_before);
	see_message(sk, are_before);
	return 0;
}

/* A task is about to receive, descriptors perhaps. */
worker int receives_from(u32 hook, struct socket *socket)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk = socket->sk;
	u64 *from;

	if (is_canary(task, hook))
		return -ECANARY;
	if (!sk || sk->__sk_common.skc_family != AF_UNIX)
		return 0;
	from = bpf_task_storage_get(&received_from, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!from)
		return -ENOMEM;
	*from = (u64)sk;
	return 0;
}

/* Whether a file comes out of a message, and not by a supervisor that answers while the task is in a call to receive.
 */
worker bool comes_with_message(struct slot *slot)
{
	u32 event = slot->event;
	bool is_message;

	slot->event = NO_EVENT;
	find_request(slot);
	is_message = slot->event == FUNCTION_OF_MESSAGE;
	slot->event = event;
	return is_message && event != EVENT_fd_received;
}

/* A file is about to be installed for the task. */
worker int asked_to_install(u32 hook, struct file *file)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool is_giver_known = false;
	struct slot *slot;
	int ret;

	slot = begin_judging(task, hook, POINT_descriptor, NULL, &ret);
	if (!slot)
		return ret;
	slot->event = giving_event(task);
	slot->file = (u64)file;
	if (config.facts & ASKED(fds))
		ask_one_fd(slot);
	if (config.facts & ASKED(senders) && comes_with_message(slot))
		is_giver_known = ask_giver(slot, giver_key(task));
	ask_first(slot, NULL);
	if (config.facts & ASKED(fds))
		use_kept(&slot->match, KEPT_FDS, ASKED(fds));
	if (is_giver_known)
		use_kept(&slot->match, KEPT_SENDERS, ASKED(senders));
	return conclude(slot, task, NULL);
}
#endif

#endif
