/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Descriptors that arrive without a message: taken by pidfd_getfd, or put in by the supervisor of a seccomp filter. */
#ifndef SOCKWARDEN_PASSED_H
#define SOCKWARDEN_PASSED_H

#include "call.h"

/* The process or thread that a pidfd refers to; NULL where the file is none. */
worker struct pid *pid_of_file(struct file *file)
{
	u64 magic = BPF_CORE_READ(file, f_inode, i_sb, s_magic);

	/* kernel cb12fd8e0dab (6.9): pidfds became files of a file system of their own */
	if (magic == PIDFS_MAGIC)
		return BPF_CORE_READ(file, f_inode, i_private);
	return magic == ANON_INODE_MAGIC ? BPF_CORE_READ(file, private_data) : NULL;
}

/* The task of a pid that has this role; NULL where none has. */
worker struct task_struct *task_of(struct pid *pid, u32 role)
{
	struct hlist_head *heads = (void *)pid + bpf_core_field_offset(struct pid, tasks);
	struct hlist_node *node = BPF_CORE_READ(&heads[role], first);
	u32 at = bpf_core_field_offset(struct task_struct, pid_links) + role * bpf_core_type_size(struct hlist_node);

	return node ? (void *)node - at : NULL;
}

/* The process whose descriptor is taken by the pidfd_getfd that the present task is in. */
worker void taken_from(struct call *call, struct task_struct *task)
{
	struct message_record *message = &call->message;
	struct pt_regs *regs = registers(task);
	struct pid *pid = pid_of_file(file_at(task, is_compat(task) ? regs->bx : regs->di));
	struct task_struct *owner = NULL;

	if (pid)
		owner = task_of(pid, PIDTYPE_TGID);
	if (pid && !owner) /* of a thread (Linux 6.9) */
		owner = task_of(pid, PIDTYPE_PID);
	if (!owner)
		return;
	message->sender_pid = BPF_CORE_READ(owner, tgid);
	message->sender_uid = BPF_CORE_READ(owner, cred, uid.val);
	message->sender_gid = BPF_CORE_READ(owner, cred, gid.val);
	message->sender_known = SENDER_NOTED;
}

/* What a record of a descriptor that came alone has not. */
worker void arrived_alone(struct call *call, struct task_struct *task, u8 way)
{
	struct message_record *message = &call->message;

	message->way = way;
	message->compat = is_compat(task);
	message->sockfd = -1;
	message->socket_state = REASON_none;
	message->entry_state = REASON_none;
	without_header(message);
}

#endif
