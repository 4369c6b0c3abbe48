/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Descriptors that arrive without a message, where the kernel's own function of giving them is seen: begun there, and
 * told when the file gets its number. */
#ifndef SOCKWARDEN_ARRIVE_H
#define SOCKWARDEN_ARRIVE_H

#include "connect.h"
#include "passed.h"

enum {
	MOST_FILTERS = 16,                      /* of a task that are looked at */
	SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103, /* include/uapi/linux/seccomp.h */
};

/* Who last gave a descriptor for a seccomp filter. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, u64); /* address of the struct seccomp_filter */
	__type(value, struct writer);
} supervisors SEC(".maps");

/* A supervisor asks something of its listener. */
worker int supervisor_asks(struct file *listener, u32 command)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct writer writer = {};
	u64 filter;

	if (command != SECCOMP_IOCTL_NOTIF_ADDFD)
		return 0;
	filter = (u64)BPF_CORE_READ(listener, private_data);
	name_writer(&writer, task);
	bpf_map_update_elem(&supervisors, &filter, &writer, BPF_ANY);
	describe_writer(task);
	return 0;
}

worker void given_by(struct call *call, struct task_struct *task)
{
	struct seccomp_filter *filter = BPF_CORE_READ(task, seccomp.filter);

	for (u32 i = 0; i < MOST_FILTERS && filter; i++) {
		u64 key = (u64)filter;
		struct writer *writer = bpf_map_lookup_elem(&supervisors, &key);

		if (writer) {
			add_sender(call, writer, SENDER_TASK, 0);
			return;
		}
		filter = BPF_CORE_READ(filter, prev);
	}
}

/* How the present task comes to be given a file: those that come with a message are told with it. */
worker u8 way_of(struct task_struct *task)
{
	u64 number = registers(task)->orig_ax;

	if (task->flags & (PF_IO_WORKER | PF_KTHREAD))
		return WAY_NONE;
	if (number == NR_PIDFD_GETFD) /* on i386 too */
		return WAY_TAKEN;
	if (number == NR_RECVMSG || number == NR_RECVMMSG || number == NR_IO_URING_ENTER)
		return WAY_NONE;
	return BPF_CORE_READ(task, seccomp.filter) ? WAY_GIVEN : WAY_NONE;
}

/* A file is about to be given to the present task. */
worker struct call *file_comes(u64 file)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = present_call(task);
	u8 way;

	if (call && call->installing && call->message.head.event != EVENT_fd_received)
		return NULL; /* with a message */
	way = way_of(task);
	if (!way)
		return NULL;
	call = is_asked_for(task, EVENT_fd_received) ? begin_call(task, place_of(task), EVENT_fd_received) : NULL;
	if (!call) {
		count_unseen(task, EVENT_fd_received);
		return NULL;
	}
	call->scratch = SCRATCH_ENTERED;
	call->request_address = file;
	arrived_alone(call, task, way);
	if (way == WAY_TAKEN)
		taken_from(call, task);
	else
		given_by(call, task);
	return call;
}

worker int file_given(u64 file)
{
	struct call *call = file_comes(file);

	if (call)
		call->installing = 1;
	return 0;
}

/* The file stands in the table of the present process. */
worker int file_arrived(struct call *call, s32 number)
{
	call->scratch = SCRATCH_INSTALL;
	/* the address as a number: a pointer to a map's memory is none to the verifier */
	*(volatile u64 *)&call->room = (u64)&call->request_address;
	capture_arriving(call, *(volatile u64 *)&call->room, 1);
	emit_message(call, bpf_get_current_task_btf(), bpf_ktime_get_ns(), number);
	return 0;
}

/* A file has taken the place of another. */
worker int file_replaced(u64 file, s32 number, s64 ret)
{
	struct call *call = ret >= 0 ? file_comes(file) : NULL;

	return call ? file_arrived(call, number) : 0;
}

/* A file gets a number in the present process: one that came with a message, a connection, or one that came alone. */
worker int numbered(s32 number, u64 file)
{
	struct call *call = call_inside();
	u32 event;

	if (!call || !call->installing)
		return 0;
	event = call->message.head.event;
	if (is_accept(event))
		return accepted_as(call, number);
	if (event != EVENT_fd_received)
		return fd_arrived(call, number);
	if (file == call->request_address)
		return file_arrived(call, number);
	end_call(call); /* it came to nothing, and this is another file */
	return 0;
}

#endif
