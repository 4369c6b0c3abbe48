/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What io_uring makes for a request: begun where it tries one, and told when the try is over. */
#ifndef SOCKWARDEN_REQUEST_H
#define SOCKWARDEN_REQUEST_H

#include "connect.h"
#include "send.h"

/* Descriptors of requests that wait: the kernel forgets the number when it waits for the file. */
struct waiting {
	u64 file;
	s32 fd;
	u32 spare;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); /* address of the request */
	__type(value, struct waiting);
} waiting_requests SEC(".maps");

worker s32 descriptor_of(struct io_kiocb *request)
{
	u64 key = (u64)request;
	struct waiting *known;
	s32 fd = BPF_CORE_READ(request, cqe.fd);

	if (fd)
		return fd;
	known = bpf_map_lookup_elem(&waiting_requests, &key);
	return known && known->file == (u64)BPF_CORE_READ(request, file) ? known->fd : 0;
}

worker void request_waits(struct io_kiocb *request, s32 fd)
{
	struct waiting note = {.file = (u64)BPF_CORE_READ(request, file), .fd = fd};
	u64 key = (u64)request;

	bpf_map_update_elem(&waiting_requests, &key, &note, BPF_ANY);
}

/* Whether a request that finds nothing fails and does not wait. */
worker bool never_waits(const struct call *call, struct io_kiocb *request)
{
	return call->request_flags & MSG_DONTWAIT || BPF_CORE_READ(request, file, f_flags) & O_NONBLOCK;
}

/* Requests whose command is no struct io_sr_msg. */
enum {
	IORING_OP_SEND_ZC = 47, /* include/uapi/linux/io_uring.h */
	EVENTS_by_file = 1 << EVENT_io_uring_read | 1 << EVENT_io_uring_write | 1 << EVENT_io_uring_connect,
};

worker int request_tried(struct io_kiocb *request, u32 event)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct io_sr_msg *command = (struct io_sr_msg *)request;
	struct call *call;

	if (config.only_marked && !may_be_marked(task))
		return 0;
	if (is_among(event, 1 << EVENT_io_uring_read | 1 << EVENT_io_uring_write) &&
	    (BPF_CORE_READ(request, file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	if (!is_asked_for(task, event))
		return 0;
	call = begin_call(task, place_of(task), event);
	if (!call)
		return 0;
	call->request_event = event;
	call->request_fd = descriptor_of(request);
	call->request_flags = 0;
	call->request_address = 0;
	if (event == EVENT_io_uring_accept) {
		call->request_flags = BPF_CORE_READ((struct io_accept *)request, flags);
	} else if (!is_among(event, EVENTS_by_file)) {
		call->request_flags = BPF_CORE_READ(command, msg_flags);
		call->request_address = (u64)BPF_CORE_READ(command, buf);
		call->request_length = BPF_CORE_READ(command, len);
	}
	fill_request(call);
	return 0;
}

/* What came of a try to send. A message of which a part was sent is told when the rest is. */
worker void request_sent(struct call *call, struct task_struct *task, struct io_kiocb *request, s64 ret)
{
	if (call->inside && !ret)
		send_left(call, task, BPF_CORE_READ(request, cqe.res));
	else if (call->inside && ret == -EAGAIN && never_waits(call, request))
		send_left(call, task, ret);
	else if (!call->inside && ret == -ENOTSOCK && !config.light)
		send_left(call, task, ret);
	else
		end_call(call);
}

/* What came of a try to connect or to accept. A connection that got a number has been told. */
worker void request_connected(struct call *call, struct task_struct *task, s64 ret, s64 result)
{
	bool known = call->inside ? result < 0 || !is_accept(call->message.head.event) || call->installing
				  : result < 0 && !config.light;

	if (!ret && known)
		connection_left(call, task, result);
	else
		end_call(call);
}

/* `ret` is 0 where the request is complete, with its result; else it is tried again, or has gone on meanwhile. */
worker int request_left(struct io_kiocb *request, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = present_call(task);
	s64 result;

	if (!call || !is_request(call->message.head.event))
		return 0;
	call->scratch = SCRATCH_RETURNED;
	result = BPF_CORE_READ(request, cqe.res);
	if (is_connection(call->message.head.event))
		request_connected(call, task, ret, result);
	else if (is_send(call->message.head.event))
		request_sent(call, task, request, ret);
	else if (call->inside && call->seen)
		emit_request(call, task, !ret && result > call->seen ? result : call->seen);
	else if (call->inside && !ret)
		emit_request(call, task, result);
	else if (!call->inside && ret == -ENOTSOCK && !config.light)
		emit_request(call, task, ret);
	else if (call->inside && ret == -EAGAIN && never_waits(call, request))
		emit_request(call, task, ret);
	else
		end_call(call);
	if (ret)
		request_waits(request, call->request_fd);
	return 0;
}

#endif
