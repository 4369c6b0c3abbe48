/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Descriptions: a process is told once per image, a socket once per state, and again when what was told has changed.
 * Told is marked only when the record was really written. */
#ifndef SOCKWARDEN_DESCRIBE_H
#define SOCKWARDEN_DESCRIBE_H

#include "text.h"

/* The file's identity: what no other file of the machine has. */
worker void identify(struct inode *inode, u64 *number, u32 *device)
{
	*number = inode ? BPF_CORE_READ(inode, i_ino) : 0;
	*device = inode ? BPF_CORE_READ(inode, i_sb, s_dev) : 0;
}

/* Out of line: it runs once per process image. */
apart int tell_process(u64 time, u32 place)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *room = scratch(place);
	struct process_record *record;
	struct mm_struct *mm;
	struct file *exe = NULL;
	u32 exe_size = 0, cgroup_size;
	u64 size;

	if (!room)
		return 0;
	record = (struct process_record *)room->bytes;
	record->head.time = time;
	record->head.kind = RECORD_PROCESS;
	record->head.event = 0;
	record->start = BPF_CORE_READ(task, group_leader, start_boottime);
	record->exec = BPF_CORE_READ(task, self_exec_id);
	record->pid = task->tgid;
	BPF_CORE_READ_INTO(&record->comm, task, group_leader, comm);
	record->ppid = BPF_CORE_READ(task, real_parent, tgid);
	record->uid = BPF_CORE_READ(task, cred, uid.val);
	record->gid = BPF_CORE_READ(task, cred, gid.val);
	record->exe_deleted = 0;
	record->exe_cut = 0;
	mm = BPF_CORE_READ(task, mm);
	if (mm)
		exe = BPF_CORE_READ(mm, exe_file);
	identify(exe ? BPF_CORE_READ(exe, f_inode) : NULL, &record->exe_inode, &record->exe_device);
	identify(BPF_CORE_READ(task, real_parent, mm, exe_file, f_inode), &record->parent_inode,
		 &record->parent_device);
	if (exe) {
		struct dentry *dentry = BPF_CORE_READ(exe, f_path.dentry);

		exe_size =
			append_path(place, sizeof(*record), BPF_CORE_READ(exe, f_path.mnt), dentry, &record->exe_cut);
		record->exe_deleted = BPF_CORE_READ(exe, f_inode, i_nlink) == 0 || !BPF_CORE_READ(dentry, d_hash.pprev);
	}
	record->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	cgroup_size = append_cgroup(place, sizeof(*record) + exe_size, BPF_CORE_READ(task, cgroups, dfl_cgrp, kn));
	record->exe_size = exe_size;
	record->cgroup_size = cgroup_size;
	size = sizeof(*record) + exe_size + cgroup_size;
	record->head.size = size;
	size = BOUNDED(size, 0xfff);
	return emit(record, size);
}

/* Who a task acts for, and the number of its cgroup. */
worker void ids_of(struct task_struct *task, u32 *uid, u32 *gid, u64 *cgroup_id)
{
	*uid = task->cred->uid.val;
	*gid = task->cred->gid.val;
	*cgroup_id = task->cgroups->dfl_cgrp->kn->id;
}

/* Tells the process of the present task unless it has been, as it is now. Apart, since for each pointer that it follows
 * the verifier searches all names of the kernel's types, which is the longest part of a start. Helpers that tell the
 * same cost each message a hundred instructions more. */
apart int describe_process(struct call *call, u64 time, u32 place)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 cgroup_id;
	u32 uid, gid, exec;

	if (!call)
		return 0;
	exec = task->self_exec_id;
	ids_of(task, &uid, &gid, &cgroup_id);
	if (call->told && call->exec == exec && call->uid == uid && call->gid == gid && call->cgroup_id == cgroup_id)
		return 0;
	if (!tell_process(time, place)) {
		count(COUNTER_description_lost);
		return 0;
	}
	call->told = 1;
	call->exec = exec;
	call->uid = uid;
	call->gid = gid;
	call->cgroup_id = cgroup_id;
	return 0;
}

worker void process_of(struct call *call, struct task_struct *task)
{
	struct message_record *message = &call->message;

	message->start = task->group_leader->start_boottime;
	message->exec = task->self_exec_id;
	message->tgid = task->tgid;
	message->tid = task->pid;
	__builtin_memcpy(message->comm, task->comm, sizeof(message->comm));
	if (task->flags & PF_IO_WORKER) { /* a thread of the kernel's, in the process that submitted the request */
		message->tid = task->tgid;
		BPF_CORE_READ_INTO(&message->comm, task, group_leader, comm);
	}
}

/* The layouts of struct sockaddr_in, sockaddr_in6 and sockaddr_nl (user interface of the kernel). */
struct address_in {
	u16 family;
	__be16 port;
	__be32 address;
	u8 zero[8];
};

struct address_in6 {
	u16 family;
	__be16 port;
	u32 flow;
	struct {
		u64 half[2];
	} address;
	u32 scope;
};

struct address_nl {
	u16 family;
	u16 pad;
	u32 portid;
	u32 groups;
};

worker u32 unix_address_of(struct sock *sk, u8 *to)
{
	struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, addr);
	u32 length;

	if (!address)
		return 0;
	length = BPF_CORE_READ(address, len);
	if (length > 110)
		length = 110;
	length = BOUNDED(length, 0x7f);
	if (bpf_probe_read_kernel(to, length, (void *)address + bpf_core_field_offset(struct unix_address, name)))
		return 0;
	return length;
}

/* The file that a UNIX socket, or the listener that an accepted one is of, was bound to. */
worker struct inode *bound_file(struct sock *sk)
{
	return BPF_CORE_READ((struct unix_sock *)sk, path.dentry, d_inode);
}

worker void inet_addresses(struct sock *sk, struct socket_record *record, u8 *local, u8 *remote)
{
	struct address_in *from = (void *)local, *to = (void *)remote;

	__builtin_memset(from, 0, sizeof(*from));
	__builtin_memset(to, 0, sizeof(*to));
	from->family = AF_INET;
	from->address = BPF_CORE_READ((struct inet_sock *)sk, inet_saddr);
	from->port = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
	to->family = AF_INET;
	to->address = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	to->port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	record->local_size = sizeof(*from);
	record->remote_size = to->port ? sizeof(*to) : 0;
}

worker void inet6_addresses(struct sock *sk, struct socket_record *record, u8 *local, u8 *remote)
{
	struct address_in6 *from = (void *)local, *to = (void *)remote;

	__builtin_memset(from, 0, sizeof(*from));
	__builtin_memset(to, 0, sizeof(*to));
	from->family = AF_INET6;
	from->port = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
	BPF_CORE_READ_INTO(&from->address, sk, __sk_common.skc_v6_rcv_saddr);
	from->scope = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	to->family = AF_INET6;
	to->port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	BPF_CORE_READ_INTO(&to->address, sk, __sk_common.skc_v6_daddr);
	to->scope = from->scope;
	record->local_size = sizeof(*from);
	record->remote_size = to->port ? sizeof(*to) : 0;
}

worker void netlink_addresses(struct sock *sk, struct socket_record *record, u8 *local, u8 *remote)
{
	struct address_nl *from = (void *)local, *to = (void *)remote;
	struct netlink_sock *netlink = (void *)sk;
	unsigned long *groups;

	__builtin_memset(from, 0, sizeof(*from));
	__builtin_memset(to, 0, sizeof(*to));
	from->family = AF_NETLINK;
	from->portid = BPF_CORE_READ(netlink, portid);
	groups = BPF_CORE_READ(netlink, groups);
	if (groups)
		bpf_probe_read_kernel(&from->groups, sizeof(from->groups), groups);
	to->family = AF_NETLINK;
	to->portid = BPF_CORE_READ(netlink, dst_portid);
	to->groups = BPF_CORE_READ(netlink, dst_group) ? 1u << ((BPF_CORE_READ(netlink, dst_group) - 1) & 31) : 0;
	record->local_size = sizeof(*from);
	record->remote_size = sizeof(*to);
}

/* struct sockaddr_vm (include/uapi/linux/vm_sockets.h). */
struct address_vm {
	u16 family;
	u16 reserved;
	u32 port;
	u32 cid;
	u8 flags;
	u8 zero[3];
};

/* What follows struct sock in struct vsock_sock (include/net/af_vsock.h), which is a module's and in no BTF of the
 * kernel. The scenarios over vsock hold it to the addresses that 6.1, 6.12 and 7.3 give out. */
struct vsock_names {
	u64 transport;
	struct address_vm local;
	struct address_vm remote;
};

worker int read_vsock_names(struct sock *sk, struct vsock_names *names)
{
	return bpf_probe_read_kernel(names, sizeof(*names), (void *)sk + bpf_core_type_size(struct sock));
}

worker void vsock_addresses(struct sock *sk, struct socket_record *record, u8 *local, u8 *remote)
{
	struct vsock_names names;

	if (read_vsock_names(sk, &names) || names.local.family != AF_VSOCK)
		return;
	__builtin_memcpy(local, &names.local, sizeof(names.local));
	record->local_size = sizeof(names.local);
	if (names.remote.family == AF_VSOCK && names.remote.port != (u32)-1) {
		__builtin_memcpy(remote, &names.remote, sizeof(names.remote));
		record->remote_size = sizeof(names.remote);
	}
}

worker bool same16(const u8 *a, const volatile u8 *b)
{
	for (int i = 0; i < 16; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* A socket is sockwarden's own business when it is, or is connected to, one that sockwarden writes to. */
worker bool is_own(struct sock *sk, struct socket_record *record, const u8 *local, const u8 *remote)
{
	u64 peer = 0;

	if (record->family == AF_UNIX) {
		struct sock *other = BPF_CORE_READ((struct unix_sock *)sk, peer);

		if (other)
			peer = BPF_CORE_READ(other, sk_socket, file, f_inode, i_ino);
	}
	for (u32 i = 0; i < MAX_OWN; i++) {
		const volatile struct own_socket *own = &config.own[i];
		u8 here[16] = {}, there[16] = {};

		if (i >= config.own_count)
			break;
		if (own->inode == record->inode || (peer && own->inode == peer))
			return true;
		if (record->family != own->family)
			continue;
		if (record->family == AF_INET) {
			__builtin_memcpy(here, &((struct address_in *)local)->address, 4);
			__builtin_memcpy(there, &((struct address_in *)remote)->address, 4);
		} else if (record->family == AF_INET6) {
			__builtin_memcpy(here, &((struct address_in6 *)local)->address, 16);
			__builtin_memcpy(there, &((struct address_in6 *)remote)->address, 16);
		} else {
			continue;
		}
		if (((struct address_in *)local)->port == own->remote_port &&
		    ((struct address_in *)remote)->port == own->local_port && same16(here, own->remote) &&
		    same16(there, own->local))
			return true;
	}
	return false;
}

/* Out of line: it runs once per socket state. */
apart int tell_socket(struct told_socket *told, u32 place)
{
	struct scratch *room = scratch(place);
	struct socket_record *record;
	struct sock *sk;
	u8 *local, *remote;
	u64 size;

	if (!room || !told)
		return 0;
	sk = (void *)told->address;
	record = (struct socket_record *)room->bytes;
	local = room->bytes + sizeof(*record);
	remote = local + ADDRESS_ROOM;
	record->head.time = bpf_ktime_get_ns();
	record->head.kind = RECORD_SOCKET;
	record->head.event = 0;
	record->key = told->key;
	record->sequence = told->sequence + 1;
	record->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	record->type = BPF_CORE_READ(sk, sk_type);
	record->protocol = BPF_CORE_READ(sk, sk_protocol);
	record->inode = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
	record->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	record->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	record->local_size = 0;
	record->remote_size = 0;
	identify(NULL, &record->local_inode, &record->local_device);
	identify(NULL, &record->remote_inode, &record->remote_device);
	/* by kprobes this may have been another socket's, at the same address */
	told->peer_pid = told->peer_uid = told->peer_gid = 0;
	if (record->family == AF_UNIX) {
		struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
		struct pid *pid = BPF_CORE_READ(sk, sk_peer_pid);

		told->peer_pid = pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
		told->peer_uid = BPF_CORE_READ(sk, sk_peer_cred, uid.val);
		told->peer_gid = BPF_CORE_READ(sk, sk_peer_cred, gid.val);

		record->local_size = unix_address_of(sk, local);
		identify(bound_file(sk), &record->local_inode, &record->local_device);
		if (peer) {
			identify(bound_file(peer), &record->remote_inode, &record->remote_device);
			/* a peer without a name is a peer: its family stands alone */
			record->remote_size = unix_address_of(peer, remote);
			if (!record->remote_size) {
				*(u16 *)remote = AF_UNIX;
				record->remote_size = sizeof(u16);
			}
		}
	} else if (record->family == AF_INET) {
		inet_addresses(sk, record, local, remote);
	} else if (record->family == AF_INET6) {
		inet6_addresses(sk, record, local, remote);
	} else if (record->family == AF_NETLINK) {
		netlink_addresses(sk, record, local, remote);
	} else if (record->family == AF_VSOCK) {
		vsock_addresses(sk, record, local, remote);
	}
	told->own = is_own(sk, record, local, remote);
	size = sizeof(*record) + 2 * ADDRESS_ROOM;
	record->head.size = size;
	told->told = emit(record, size);
	if (told->told)
		told->sequence++;
	else
		count(COUNTER_description_lost);
	return 0;
}

/* Values that change when the socket's addresses do. */
worker void prints_of(struct sock *sk, u64 *local, u64 *remote)
{
	u16 family = GET(sk, __sk_common.skc_family);

	*local = GET(sk, __sk_common.skc_num);
	*remote = GET(sk, __sk_common.skc_dport);
	if (family == AF_UNIX) {
#if defined(SOCKWARDEN_KPROBE) || defined(SOCKWARDEN_CGROUP)
		*local = (u64)BPF_CORE_READ((struct unix_sock *)sk, addr);
		*remote = (u64)BPF_CORE_READ((struct unix_sock *)sk, peer);
#else
		struct unix_sock *unix_socket = bpf_skc_to_unix_sock(sk);

		if (unix_socket) {
			*local = (u64)unix_socket->addr;
			*remote = (u64)unix_socket->peer;
		}
#endif
	} else if (family == AF_INET) {
		*remote |= (u64)GET(sk, __sk_common.skc_daddr) << 32;
		*local |= (u64)GET(sk, __sk_common.skc_rcv_saddr) << 32;
	} else if (family == AF_INET6) {
		*remote |= (u64)GET(sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32[3]) << 32;
		*local |= (u64)GET(sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[3]) << 32;
	} else if (family == AF_NETLINK) {
		*local = BPF_CORE_READ((struct netlink_sock *)sk, portid);
	} else if (family == AF_VSOCK) {
		struct vsock_names names = {};

		read_vsock_names(sk, &names);
		*local = names.local.port | (u64)names.local.cid << 32;
		*remote = names.remote.port | (u64)names.remote.cid << 32;
	}
}

#ifdef SOCKWARDEN_KPROBE
worker u64 key_of_socket(struct sock *sk)
{
	return (u64)sk;
}

/* An address that has come to a new socket is told anew. */
worker void tell_reused(struct told_socket *told, struct sock *sk)
{
	u64 inode = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);

	if (told->inode != inode)
		told->told = 0;
	told->inode = inode;
}
#else
/* A number that no other socket has in the time of the kernel. In a cgroup the program has had the kernel give the
 * socket one: there the helper takes nothing but the context. */
worker u64 key_of_socket(struct sock *sk)
{
#ifdef SOCKWARDEN_CGROUP
	return sk->__sk_common.skc_cookie.counter;
#else
	return bpf_get_socket_cookie(sk);
#endif
}

worker void tell_reused(struct told_socket *told, struct sock *sk)
{
}
#endif

/* Tells the socket when it is new or has changed. */
static __noinline struct told_socket *tell_changed(struct sock *sk, u64 local, u64 remote, u32 place)
{
	struct told_socket *told;
#ifdef SOCKWARDEN_NO_SOCKET_STORAGE
	u64 key = key_of_socket(sk);

	told = bpf_map_lookup_elem(&sockets, &key);
	if (!told) {
		bpf_map_update_elem(&sockets, &key, (const void *)&untold_socket, BPF_ANY);
		told = bpf_map_lookup_elem(&sockets, &key);
	}
	if (!told)
		return NULL;
	told->key = key;
	tell_reused(told, sk);
#else
	told = bpf_sk_storage_get(&sockets, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!told)
		return NULL;
	if (!told->key)
		told->key = key_of_socket(sk);
#endif
	if (!told->told || told->local_print != local || told->remote_print != remote) {
		told->local_print = local;
		told->remote_print = remote;
		told->address = (u64)sk;
		tell_socket(told, place);
	}
	return told;
}

/* Whether this socket is the one of the task's last call, unchanged. Its cookie is never reused; kprobes cannot have
 * one made. */
worker bool is_quick(const struct told_socket *quick, struct sock *sk, u64 local, u64 remote)
{
#ifdef SOCKWARDEN_KPROBE
	return false;
#else
	return quick->told && quick->key == (u64)sk->__sk_common.skc_cookie.counter && quick->local_print == local &&
	       quick->remote_print == remote;
#endif
}

/* Finds out which clauses the socket leaves possible (wanted.h). */
apart int know_socket(struct call *call);

/* Gives the message its socket's key, which has been told. */
worker void socket_of(struct call *call, struct sock *sk)
{
	struct message_record *message = &call->message;
	struct told_socket *quick = &call->quick, *told;
	u64 local, remote;

	prints_of(sk, &local, &remote);
	if (!is_quick(quick, sk, local, remote)) {
		told = tell_changed(sk, local, remote, call->scratch);
		if (!told) {
			message->socket_state = REASON_description_lost;
			return;
		}
		*quick = *told;
	}
	message->socket_key = quick->key;
	message->socket_state = REASON_here;
	if (config.facts & facts_of_socket)
		know_socket(call);
	call->skipped = quick->own;
	if (!message->sender_known && quick->peer_pid) {
		message->sender_pid = quick->peer_pid;
		message->sender_uid = quick->peer_uid;
		message->sender_gid = quick->peer_gid;
		message->sender_known = SENDER_PEER;
	}
}

#endif
