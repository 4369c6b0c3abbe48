/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What the kernel's objects are as facts. What is told here must be what the reader takes for the fact when it sees the
 * same message (src/output/message_facts.cpp); in doubt a fact is not told, which is unknown. */
#ifndef SOCKWARDEN_FACTS_H
#define SOCKWARDEN_FACTS_H

#include "call.h"

enum {
	SET_OF_MESSAGES, /* of flags: positions in the values of the fact args.flags */
	SET_OF_ACCEPT,
	SET_OF_SPLICE,
};

/* ---- Processes. */

worker void ask_inode(struct matching *match, u32 fact, struct inode *inode)
{
	u64 number;
	u32 device;

	if (!is_asked(fact) || !inode)
		return;
	identify(inode, &number, &device);
	if (number)
		ask_file(match, fact, device, number);
}

/* A path that a walk wrote into the text from its end on. */
worker void ask_path(struct matching *match, u32 fact, u32 at)
{
	if (at >= MATCH_TEXT) {
		at = MATCH_TEXT - 1;
		match->text[at] = '/';
	}
	ask_text(match, fact, at, MATCH_TEXT - at, false);
}

worker u32 length_of(const u8 *text, u32 room)
{
	u32 length = 0;

	while (length < room && text[length])
		length++;
	return length;
}

_Static_assert(FACT_senders_parent_exe_path - FACT_senders_exe == FACT_process_parent_exe_path - FACT_process_exe,
	       "senders have the facts of processes, in their order");

/* The facts of match->task, a process; with `shift` those of a sender. */
worker void ask_task(struct matching *match, u32 shift)
{
	struct task_struct *task = (void *)match->task;
	struct file *exe = NULL;
	struct mm_struct *mm;
	u32 at;

	mm = BPF_CORE_READ(task, mm);
	if (mm)
		exe = BPF_CORE_READ(mm, exe_file);
	if (is_asked(FACT_process_pid + shift))
		ask_number(match, FACT_process_pid + shift, BPF_CORE_READ(task, tgid));
	if (is_asked(FACT_process_comm + shift)) {
		__builtin_memcpy(match->text, match->comm, sizeof(match->comm));
		ask_text(match, FACT_process_comm + shift, 0, length_of(match->text, sizeof(match->comm)), false);
	}
	if (is_asked(FACT_process_uid + shift))
		ask_number(match, FACT_process_uid + shift, BPF_CORE_READ(task, cred, uid.val));
	if (is_asked(FACT_process_gid + shift))
		ask_number(match, FACT_process_gid + shift, BPF_CORE_READ(task, cred, gid.val));
	if (exe)
		ask_inode(match, FACT_process_exe + shift, BPF_CORE_READ(exe, f_inode));
	ask_inode(match, FACT_process_parent_exe + shift, BPF_CORE_READ(task, real_parent, mm, exe_file, f_inode));
	if (exe && is_asked(FACT_process_exe_path + shift)) {
		at = write_path(match, BPF_CORE_READ(exe, f_path.mnt), BPF_CORE_READ(exe, f_path.dentry));
		if (at)
			ask_path(match, FACT_process_exe_path + shift, at);
	}
	if (is_asked(FACT_process_cgroup + shift)) {
		at = write_cgroup(match, BPF_CORE_READ(task, cgroups, dfl_cgrp, kn));
		if (at)
			ask_path(match, FACT_process_cgroup + shift, at);
	}
}

/* What the process of match->task leaves possible. */
apart int classify_process(struct matching *match)
{
	if (!match)
		return 0;
	begin_match(match, SPACE_MESSAGE);
	ask_task(match, 0);
	keep_match(match, KEPT_PROCESS, facts_of_process);
	return 0;
}

/* The name that the reader will see: a worker of io_uring goes by one of the kernel's. */
worker void name_of(struct task_struct *task, u64 comm[2])
{
	if (task->flags & PF_IO_WORKER)
		BPF_CORE_READ_INTO((char(*)[16])comm, task, group_leader, comm);
	else
		__builtin_memcpy(comm, task->comm, 16);
}

/* The same where it is asked for. */
worker void comm_of(struct task_struct *task, u64 comm[2])
{
	comm[0] = 0;
	comm[1] = 0;
	if (is_asked(FACT_process_comm) || is_asked(FACT_senders_comm))
		name_of(task, comm);
}

/* Whether what the present process leaves possible is kept, of the process as it is now; if not it notes how it is.
 * The stack of 6.1 does not reach deep enough for this function to call classify_process. */
apart int is_process_kept(struct matching *match)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 uid = 0, gid = 0, exec = 0;
	u64 cgroup_id = 0, comm[2];

	if (!match)
		return 1;
	if (config.facts & facts_of_process & ~ASKED(process_comm)) {
		exec = task->self_exec_id;
		ids_of(task, &uid, &gid, &cgroup_id);
	}
	comm_of(task, comm);
	if (match->process_known && match->exec == exec && match->uid == uid && match->gid == gid &&
	    match->cgroup_id == cgroup_id && match->comm[0] == comm[0] && match->comm[1] == comm[1])
		return 1;
	match->comm[0] = comm[0];
	match->comm[1] = comm[1];
	match->exec = exec;
	match->uid = uid;
	match->gid = gid;
	match->cgroup_id = cgroup_id;
	match->task = (u64)task;
	match->process_known = 1;
	return 0;
}

worker void know_process(struct matching *match)
{
	if (config.facts & facts_of_process && !is_process_kept(match))
		classify_process(match);
}

/* ---- Sockets. */

struct address_facts {
	u32 path;
	u32 path_text;
	u32 abstract;
	u32 address;
	u32 port;
};

worker void ask_unix_address(struct matching *match, const struct address_facts *facts, struct sock *sk)
{
	u32 length = unix_address_of(sk, match->text), from = sizeof(u16);
	bool is_path, is_abstract;

	match->text[BOUNDED(length, MATCH_TEXT - 1)] = 0;
	is_path = length > from && match->text[from];
	is_abstract = length > from && !match->text[from];
	if (is_asked(facts->abstract)) {
		if (is_abstract)
			ask_text(match, facts->abstract, from + 1, length - from - 1, false);
		else
			ask_absent(match, facts->abstract);
	}
	if (is_asked(facts->path_text)) {
		if (is_path)
			ask_text(match, facts->path_text, from, length_of(match->text + from, 108), false);
		else
			ask_absent(match, facts->path_text);
	}
	if (is_path)
		ask_inode(match, facts->path, bound_file(sk));
	else if (is_asked(facts->path))
		ask_absent(match, facts->path);
}

worker void ask_no_unix_address(struct matching *match, const struct address_facts *facts)
{
	if (is_asked(facts->path))
		ask_absent(match, facts->path);
	if (is_asked(facts->path_text))
		ask_absent(match, facts->path_text);
	if (is_asked(facts->abstract))
		ask_absent(match, facts->abstract);
}

worker void ask_no_endpoint(struct matching *match, const struct address_facts *facts)
{
	if (is_asked(facts->address))
		ask_absent(match, facts->address);
	if (is_asked(facts->port))
		ask_absent(match, facts->port);
}

worker void ask_endpoint(struct matching *match, const struct address_facts *facts, const struct in6_addr *address,
			 u16 port)
{
	if (is_asked(facts->address))
		ask_address(match, facts->address,
			    (u64)bpf_ntohl(address->in6_u.u6_addr32[0]) << 32 | bpf_ntohl(address->in6_u.u6_addr32[1]),
			    (u64)bpf_ntohl(address->in6_u.u6_addr32[2]) << 32 | bpf_ntohl(address->in6_u.u6_addr32[3]));
	if (is_asked(facts->port))
		ask_number(match, facts->port, bpf_ntohs(port));
}

/* Not of a socket that is still to be bound, by its first send perhaps. */
worker void ask_own_endpoint(struct matching *match, const struct address_facts *facts, struct sock *sk, bool is_inet6)
{
	u16 port = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
	struct in6_addr here = {};

	if (!port)
		return;
	if (is_inet6) {
		BPF_CORE_READ_INTO(&here, sk, __sk_common.skc_v6_rcv_saddr);
	} else {
		here.in6_u.u6_addr32[2] = bpf_htonl(0xffff);
		here.in6_u.u6_addr32[3] = BPF_CORE_READ((struct inet_sock *)sk, inet_saddr);
	}
	ask_endpoint(match, facts, &here, port);
}

worker void ask_peer_endpoint(struct matching *match, const struct address_facts *facts, struct sock *sk, bool is_inet6)
{
	u16 port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	struct in6_addr there = {};

	if (is_inet6) {
		BPF_CORE_READ_INTO(&there, sk, __sk_common.skc_v6_daddr);
	} else {
		there.in6_u.u6_addr32[2] = bpf_htonl(0xffff);
		there.in6_u.u6_addr32[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	}
	if (port)
		ask_endpoint(match, facts, &there, port);
	else
		ask_no_endpoint(match, facts);
}

static const struct address_facts local_facts = {FACT_local_path, FACT_local_path_text, FACT_local_abstract,
						 FACT_local_address, FACT_local_port};
static const struct address_facts remote_facts = {FACT_remote_path, FACT_remote_path_text, FACT_remote_abstract,
						  FACT_remote_address, FACT_remote_port};

worker bool is_inet(u16 family)
{
	return family == AF_INET || family == AF_INET6;
}

/* What the socket is, and its own address. */
worker void ask_socket(struct matching *match, struct sock *sk, u16 family)
{
	if (is_asked(FACT_socket_family))
		ask_number(match, FACT_socket_family, family);
	if (is_asked(FACT_socket_type))
		ask_number(match, FACT_socket_type, BPF_CORE_READ(sk, sk_type));
	if (is_asked(FACT_socket_protocol))
		ask_number(match, FACT_socket_protocol, BPF_CORE_READ(sk, sk_protocol));
	if (is_asked(FACT_socket_netns))
		ask_number(match, FACT_socket_netns, BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
	if (family == AF_UNIX)
		ask_unix_address(match, &local_facts, sk);
	else
		ask_no_unix_address(match, &local_facts);
	if (is_inet(family))
		ask_own_endpoint(match, &local_facts, sk, family == AF_INET6);
	else
		ask_no_endpoint(match, &local_facts);
}

/* Where it is connected to. `peer` is of a UNIX socket, NULL for none. */
worker void ask_peer(struct matching *match, struct sock *sk, u16 family, struct sock *peer)
{
	if (family == AF_UNIX && peer)
		ask_unix_address(match, &remote_facts, peer);
	else
		ask_no_unix_address(match, &remote_facts);
	if (is_inet(family))
		ask_peer_endpoint(match, &remote_facts, sk, family == AF_INET6);
	else
		ask_no_endpoint(match, &remote_facts);
}

apart int classify_socket(struct matching *match)
{
	struct sock *sk, *peer = NULL;
	u16 family;

	if (!match)
		return 0;
	begin_match(match, SPACE_MESSAGE);
	sk = (void *)match->socket_address;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_UNIX)
		peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	ask_socket(match, sk, family);
	ask_peer(match, sk, family, peer);
	keep_match(match, KEPT_SOCKET, facts_of_socket);
	return 0;
}

/* ---- Messages. */

worker u64 flag_value(const struct message_record *message)
{
	u32 event = message->head.event, set = SET_OF_MESSAGES;

	if (event == EVENT_splice)
		set = SET_OF_SPLICE;
	else if (is_among(event, EVENTS_connections | 1 << EVENT_fd_received))
		set = SET_OF_ACCEPT;
	return message->flags | 1ULL << (32 + set);
}

/* A number of the events of `events`, which others do not have. */
worker void ask_of_events(struct matching *match, u32 fact, u32 event, u32 events, u64 value)
{
	if (!is_asked(fact))
		return;
	if (is_among(event, events))
		ask_number(match, fact, value);
	else
		ask_absent(match, fact);
}

#endif
