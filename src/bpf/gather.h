/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What the functions of recvmsg show of a call: the jobs that the trampoline and the kprobe engine share. Their shims
 * only adapt arguments. */
#ifndef SOCKWARDEN_GATHER_H
#define SOCKWARDEN_GATHER_H

#include "call.h"

/* The state of the present task's call, if it is inside recvmsg and wanted. */
worker struct call *call_inside(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;

	if (!in_recvmsg(task, registers(task)))
		return NULL;
	call = call_of(task);
	return call && call->inside ? call : NULL;
}

static __noinline int kernel_iovecs(struct call *call, const struct iovec *iov, u64 number)
{
	struct piece_record *piece;
	u32 size;

	if (!call)
		return 0;
	if (number > MAX_IOVECS)
		number = MAX_IOVECS;
	size = number * sizeof(struct user_iovec);
	piece = new_piece(call, PIECE_IOVEC, 0);
	if (!piece || size > MAX_IOVECS * sizeof(struct user_iovec))
		return 0;
	if (bpf_probe_read_kernel(piece_data(piece), size, iov)) {
		call->message.iov_state = REASON_fault;
		return 0;
	}
	emit_piece(call, piece, size);
	return 0;
}

worker const struct iovec *iovecs_of(struct iov_iter *iter)
{
	struct iov_iter___6_3 *older = (void *)iter;

	/* kernel de4f5fed3f23 (6.4): iov_iter.iov became __iov */
	if (bpf_core_field_exists(iter->__iov))
		return BPF_CORE_READ(iter, __iov);
	return BPF_CORE_READ(older, iov);
}

/* The kernel's copy of the caller's buffers, before the protocol consumes it. */
worker void gather_buffers(struct call *call, struct msghdr *header)
{
	struct message_record *message = &call->message;
	struct iov_iter *iter = &header->msg_iter;
	u8 type = GET(header, msg_iter.iter_type);
	const struct iovec *iov;

	call->room = GET(header, msg_iter.count);
	if (type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		message->iovlen = 1;
		message->iov_base = (u64)GET(header, msg_iter.ubuf);
		message->iov_len = call->room;
		return;
	}
	message->iovlen = GET(header, msg_iter.nr_segs);
	if (!message->iovlen)
		return;
	iov = iovecs_of(iter);
	message->iov_base = (u64)BPF_CORE_READ(iov, iov_base);
	message->iov_len = BPF_CORE_READ(iov, iov_len);
	if (message->iovlen > 1)
		kernel_iovecs(call, iov, message->iovlen);
}

worker int enter_call(struct socket *socket, struct msghdr *header)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;

	if (!in_recvmsg(task, registers(task)))
		return 0;
	call = call_of(task);
	if (!call)
		return 0;
	if (call->inside || call->message.pieces)
		next_call(call);
	call->inside = 1;
	call->socket = socket;
	call->header = header;
	call->message.entry = bpf_ktime_get_ns();
	gather_buffers(call, header);
	return 0;
}

/* Linear UDP datagrams are copied by a function that shows no address; the buffer itself is at hand when it is done. */
worker int udp_consumed(struct sock *sk, struct sk_buff *skb)
{
	struct call *call = call_inside();
	u32 whole, linear;

	if (!call || call->seen)
		return 0;
	whole = GET(skb, len);
	linear = whole - GET(skb, data_len);
	if (GET(sk, sk_peek_off) >= 0 || (linear < whole && linear < call->room)) {
		call->user_payload = 1;
		return 0;
	}
	if (call->room < whole)
		whole = call->room;
	capture_kernel(call, GET(skb, data), whole);
	return 0;
}

/* Passed files and the writer's credentials hang on UNIX buffers. */
worker int skb_copied(struct sk_buff *skb)
{
	struct call *call = call_inside();
	struct unix_skb_parms *parms;
	struct scm_fp_list *files;
	struct sock *sk;

	if (!call)
		return 0;
	sk = GET(skb, sk);
	if (!sk || GET(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	parms = (struct unix_skb_parms *)skb->cb;
	sender_of_skb(call, parms);
	files = BPF_CORE_READ(parms, fp);
	if (files && !call->message.fds_sent)
		capture_files(call, files);
	return 0;
}

/* One control message, cut as put_cmsg() will cut it: it writes none where the header does not fit. */
worker int control_written(struct msghdr *header, s32 level, s32 type, s32 length, const void *data)
{
	struct call *call = call_inside();
	u64 room = BPF_CORE_READ(header, msg_controllen);
	struct piece_record *piece;
	struct cmsg_part *part;
	u32 size = length;

	if (!call || !BPF_CORE_READ(header, msg_control) || room < 16 || length < 0)
		return 0;
	piece = new_piece(call, PIECE_CMSG, 0);
	if (!piece)
		return 0;
	part = (struct cmsg_part *)piece_data(piece);
	part->level = level;
	part->type = type;
	part->length = length;
	part->pad = 0;
	if (level == SOL_SOCKET && type == SCM_PIDFD)
		call->installing = 0; /* its descriptor is not one of SCM_RIGHTS */
	if (size > room - 16)
		size = room - 16;
	if (size > PIECE_DATA)
		size = PIECE_DATA;
	if (bpf_probe_read_kernel(part + 1, BOUNDED(size, PIECE_MASK), data))
		return 0;
	call->cmsgs++;
	emit_piece(call, piece, sizeof(*part) + size);
	return 0;
}

worker int fds_arrive(bool begin)
{
	struct call *call = call_inside();

	if (call)
		call->installing = begin;
	return 0;
}

worker int fd_arrived(s32 number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct piece_record *piece;
	struct fd_number *entry;
	struct call *call;

	if (!task->bpf_storage || !in_recvmsg(task, registers(task)))
		return 0;
	call = call_of(task);
	if (!call || !call->installing)
		return 0;
	piece = new_piece(call, PIECE_FD_NUMBER, 0);
	if (!piece)
		return 0;
	entry = (struct fd_number *)piece_data(piece);
	entry->fd = number;
	entry->place = call->message.fds_delivered++;
	emit_piece(call, piece, sizeof(*entry));
	return 0;
}

/* The source address on its way to the caller: it stands on a stack frame that is gone when the call returns. */
worker int name_given(const void *name, s32 length)
{
	struct call *call = call_inside();
	struct piece_record *piece;
	u32 size = length;

	if (!call || length <= 0)
		return 0;
	piece = new_piece(call, PIECE_NAME, 0);
	if (!piece)
		return 0;
	if (size > ADDRESS_ROOM)
		size = ADDRESS_ROOM;
	call->named = 1;
	if (bpf_probe_read_kernel(piece_data(piece), BOUNDED(size, 0xff), name))
		return 0;
	emit_piece(call, piece, size);
	return 0;
}

/* Bytes that passed no hook, from the first buffer. */
worker void capture_user_buffer(struct call *call, s64 ret)
{
	struct message_record *message = &call->message;
	u64 length = (u64)ret < message->iov_len ? (u64)ret : message->iov_len;
	u32 part = inline_part(0, length);

	message->origin = ORIGIN_USER;
	message->inline_payload = 0;
	if (bpf_probe_read_user(call->payload, part, (void *)message->iov_base)) {
		message->payload_state = REASON_fault;
		return;
	}
	message->inline_payload = part;
	if (config.snaplen > INLINE_PAYLOAD && length > INLINE_PAYLOAD)
		capture_user_rest(call, message->iov_base, length);
}

/* The kernel's msghdr when the protocol is done with it. */
worker int leave_socket(struct socket *socket, struct msghdr *header, s64 ret)
{
	struct call *call = call_inside();
	struct message_record *message;
	struct sock *sk;

	if (!call)
		return 0;
	message = &call->message;
	sk = GET(socket, sk);
	socket_of(call, sk);
	message->name_state = REASON_none;
	message->control_state = REASON_none;
	if (ret < 0) {
		message->flags_state = REASON_none;
		return 0;
	}
	message->msg_flags = GET(header, msg_flags) & ~MSG_CMSG_COMPAT;
	if (call->named)
		message->name_state = REASON_here;
	if (call->cmsgs || message->fds_delivered)
		message->control_state = REASON_here;
	if (!ret)
		return 0;
	if (!config.snaplen)
		message->payload_state = REASON_snaplen;
	else if (call->seen && !call->user_payload)
		message->origin = ORIGIN_KERNEL;
	else
		capture_user_buffer(call, ret);
	return 0;
}

/* The return of recvmsg, also of calls that never came to a socket. */
worker int leave_call(s32 sockfd, u64 address, u32 flags, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);
	struct message_record *message;

	if (!call) {
		count_unseen(task);
		return 0;
	}
	message = &call->message;
	message->sockfd = sockfd;
	message->address = address;
	message->flags = flags & ~MSG_CMSG_COMPAT;
	message->compat = is_compat(task);
	if (!call->inside && !message->iov_state && !message->iovlen) {
		message->socket_state = REASON_failed;
		message->entry_state = REASON_failed;
		message->iov_state = ret == -EFAULT ? REASON_fault : REASON_failed;
		message->name_state = REASON_none;
		message->control_state = REASON_none;
		message->flags_state = REASON_none;
	}
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

#endif
