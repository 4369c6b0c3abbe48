/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Marks of followed processes: set by an iterator over the tasks that already run, inherited before a child's first
 * instruction. */
#ifndef SOCKWARDEN_FOLLOW_H
#define SOCKWARDEN_FOLLOW_H

#include "wanted.h"

/* Whether no hook sees the end of a call that began before the trace: a trampoline is not on its way back. */
worker bool ends_unseen(u32 event)
{
#if defined(SOCKWARDEN_KPROBE) || defined(SOCKWARDEN_TRACEPOINT)
	return false;
#else
	return is_among(event, EVENTS_connections);
#endif
}

worker int set_mark(struct task_struct *task)
{
	if (!bpf_task_storage_get(&marks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE)) {
		count(COUNTER_no_storage);
		return 0;
	}
	return 1;
}

worker int inherit_mark(struct task_struct *child, u64 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (is_marked(task) && (config.inherit || flags & CLONE_THREAD))
		set_mark(child);
	return 0;
}

/* Run until it marks nothing new: a task may fork while the others are walked. */
worker int mark_task(struct task_struct *task)
{
	u32 tgid, event;

	if (!task)
		return 0;
	tgid = task->tgid;
	event = operation_of(task, registers(task));
	if (event != NO_EVENT && !(task->flags & PF_KTHREAD) && wanted_task(task) &&
	    is_on_socket(task, registers(task), event) && (!is_matched() || may_be_of(task, event))) {
		if (ends_unseen(event))
			shared.blocked_unseen++;
		else
			shared.blocked_calls++;
	}
	if (is_marked(task))
		return 0;
	if (bpf_map_lookup_elem(&wanted, &tgid) ||
	    (config.inherit && task->real_parent && is_marked(task->real_parent)))
		shared.newly_marked += set_mark(task);
	return 0;
}

#endif
