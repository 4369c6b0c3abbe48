/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Sends: what the kernel has copied of a call when it hands the message to the protocol, and what came of it. */
#ifndef SOCKWARDEN_SEND_H
#define SOCKWARDEN_SEND_H

#include "gather.h"

/* Bytes of a page, which a file or a pipe gives. */
static long page_step(u32 step, struct call **context)
{
	struct call *call = *context;
	struct buffer_walk *walk = &call->buffer_walk;
	struct bio_vec *part = (void *)(walk->vector + step * bpf_core_type_size(struct bio_vec));
	u64 page = page_bytes((u64)BPF_CORE_READ(part, bv_page));
	u64 from = page + BPF_CORE_READ(part, bv_offset) + walk->at;
	u32 size = BPF_CORE_READ(part, bv_len) - walk->at;

	walk->at = 0;
	if (size > walk->length)
		size = walk->length;
	walk->length -= size;
	if (page)
		capture_kernel(call, (void *)from, size);
	else
		call->user_payload = 1;
	return !walk->length;
}

apart int capture_pages(struct call *call, u64 vector, u64 number, u32 skip, u32 total)
{
	struct buffer_walk *walk;

	if (!call)
		return 0;
	walk = &call->buffer_walk;
	walk->vector = vector;
	walk->at = skip;
	walk->length = total;
	bpf_loop(number < MAX_BUFFERS ? number : MAX_BUFFERS, page_step, &call, 0);
	return 0;
}

/* The same for a kernel that hands datagrams over as plain memory, before 6.5. */
worker void capture_kvec(struct call *call, const struct iovec *from, u64 count)
{
	u64 size = BPF_CORE_READ(from, iov_len);

	capture_kernel(call, BPF_CORE_READ(from, iov_base), size < count ? size : count);
}

/* The payload as the caller gives it: its own memory, which the protocol has still to copy, or pages. */
worker void gather_given(struct call *call, struct iov_iter *iter)
{
	u64 count = GET(iter, count), skip = GET(iter, iov_offset), number = GET(iter, nr_segs);
	u32 type = GET(iter, iter_type);

	if (!config.snaplen || !count)
		return;
	if (type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		call->message.origin = ORIGIN_USER;
		capture_user(call, (u64)BPF_CORE_READ(iter, ubuf) + skip, 0, count);
	} else if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC)) {
		capture_buffers(call, (u64)iovecs_of(iter), number, count, 0);
	} else if (type == bpf_core_enum_value(enum iter_type, ITER_BVEC)) {
		capture_pages(call, (u64)BPF_CORE_READ(iter, bvec), number, skip, count);
	} else if (type == bpf_core_enum_value(enum iter_type, ITER_KVEC)) {
		capture_kvec(call, BPF_CORE_READ(iter, kvec), count);
	}
}

/* Ancillary data in the kernel's copy, in the 64-bit form also for i386 callers. */
apart int kernel_control(struct call *call, u64 control, u64 length)
{
	u32 size = length > PIECE_DATA ? PIECE_DATA : length;
	struct piece_record *piece;

	if (!call)
		return 0;
	piece = new_piece(call, PIECE_CONTROL, 0);
	if (!piece || bpf_probe_read_kernel(piece_data(piece), BOUNDED(size, PIECE_MASK), (void *)control))
		return 0;
	call->cmsgs = 1;
	emit_piece(call, piece, size);
	return 0;
}

/* Whether a later hook sees the bytes in the kernel's memory: those that a UNIX socket queues. */
worker bool is_copied_later(struct sock *sk)
{
#ifdef SOCKWARDEN_KPROBE
	return false;
#else
	return GET(sk, __sk_common.skc_family) == AF_UNIX;
#endif
}

/* Whether a hook sees the end of sendfile and splice. */
worker bool has_end_of_transfer(void)
{
#ifdef SOCKWARDEN_KPROBE
	return bpf_core_type_exists(btf_trace_sock_send_length);
#else
	return true;
#endif
}

/* The first that is seen of a send in the socket layer. */
worker void begin_send(struct call *call, struct socket *socket)
{
	if (call->inside)
		return;
	call->inside = 1;
	call->socket = socket;
	call->message.entry = bpf_ktime_get_ns();
	socket_of(call, GET(socket, sk));
}

/* A message on its way to the protocol. A socket without a file is the kernel's own, which it uses to serve a call on
 * another file. */
worker int send_entered(struct socket *socket, struct msghdr *header)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;
	bool transfer;
	u64 control;

	call = sending_call(task);
	if (!call || !GET(socket, file))
		return 0;
	call->scratch = SCRATCH_ENTERED;
	transfer = call->message.head.event == EVENT_sendfile; /* comes here once for each part */
	if (transfer && !has_end_of_transfer()) {
		end_call(call);
		return 0;
	}
	if (call->inside && !transfer)
		end_unseen(call, task, operation_at(task, registers(task), EVENT_io_uring_out));
	begin_send(call, socket);
	if (call->skipped)
		return 0;
	if (transfer) {
		gather_given(call, &header->msg_iter);
		return 0;
	}
	gather_buffers(call, &header->msg_iter);
	if (GET(header, msg_name))
		take_name(call, GET(header, msg_name), GET(header, msg_namelen));
	call->scratch = SCRATCH_ENTERED;
	control = (u64)BPF_CORE_READ(header, msg_control);
	if (control && GET(header, msg_controllen))
		kernel_control(call, control, GET(header, msg_controllen));
	if (!is_copied_later(GET(socket, sk)))
		gather_given(call, &header->msg_iter);
	return 0;
}

/* A page that sendfile or splice gives to a socket, before 6.5 (kernel 2dc334f1a63a). */
worker int page_entered(struct socket *socket, u64 page, u32 offset, u32 size)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;
	u64 bytes;

	call = sending_call(task);
	if (!call || call->message.head.event != EVENT_sendfile)
		return 0;
	call->scratch = SCRATCH_ENTERED;
	begin_send(call, socket);
	bytes = page_bytes(page);
	if (config.snaplen && bytes)
		capture_kernel(call, (void *)(bytes + offset), size);
	return 0;
}

/* Bytes of a UNIX message in the socket buffer that will be queued, and the files that it carries. */
worker int send_filled(struct sk_buff *skb, u32 offset, u32 length, bool copied)
{
	struct sock *sk = GET(skb, sk);
	struct unix_note note;
	struct call *call;

	if (!sk || GET(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	call = sending_call(bpf_get_current_task_btf());
	if (!call)
		return 0;
	call->scratch = SCRATCH_COPIED;
	note = unix_note_of(skb);
	if (note.files && !call->message.fds_sent)
		capture_listed(call, note.files, false);
	if (copied && call->message.head.event != EVENT_sendfile) /* pages were seen when they were given */
		capture_skb(call, skb, offset, length);
	return 0;
}

/* Decides what the payload is: bytes in the kernel's memory, else those that the caller had there at entry. */
worker void settle_sent(struct call *call, s64 ret)
{
	struct message_record *message = &call->message;

	if (ret <= 0) {
		message->inline_payload = 0;
		message->origin = ORIGIN_NONE;
		message->payload_state = REASON_here;
	} else if (!config.snaplen) {
		message->payload_state = REASON_snaplen;
	} else if (call->seen >= ret && !call->user_payload) {
		message->origin = ORIGIN_KERNEL;
	} else if (message->origin != ORIGIN_USER) {
		message->inline_payload = 0;
		message->payload_state = REASON_engine;
	}
	if (message->inline_payload > ret && ret > 0)
		message->inline_payload = ret;
}

/* What is known of a send that is over. */
worker void finish_sent(struct call *call, s64 ret)
{
	struct message_record *message = &call->message;
	u8 unknown = ret < 0 ? REASON_failed : REASON_skipped;

	call->scratch = SCRATCH_RETURNED;
	message->flags_state = REASON_none;
	message->name_state = call->named ? REASON_here : REASON_none;
	message->control_state = call->cmsgs ? REASON_here : REASON_none;
	if (!call->inside) {
		message->socket_state = unknown;
		message->entry_state = unknown;
		if (!is_among(message->head.event, EVENTS_of_buffer))
			message->iov_state = ret == -EFAULT ? REASON_fault : unknown;
		if (ret >= 0) {
			message->name_state = unknown;
			message->control_state = unknown;
		}
	}
	settle_sent(call, ret);
}

worker int send_left(struct call *call, struct task_struct *task, s64 ret)
{
	finish_sent(call, ret);
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

/* The return of a system call that sends one message. */
worker int send_returned(u32 event, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = ending_call(task, event);

	if (!call) {
		count_unseen(task, event);
		return 0;
	}
	if (!call->inside && ret < 0 && config.light) {
		end_call(call);
		return 0;
	}
	return send_left(call, task, ret);
}

/* A message of a batch that goes to the same address as the one before it: the kernel asks nobody again. */
worker void later_of_sendmmsg(struct call *call, struct socket *socket, struct msghdr *header)
{
	struct message_record *message = &call->message;
	struct iov_iter *iter = &header->msg_iter;

	call->inside = 1;
	message->entry = call->batch_time;
	socket_of(call, GET(socket, sk));
	if (GET(header, msg_name))
		take_name(call, GET(header, msg_name), GET(header, msg_namelen));
	if (GET(iter, iter_type) == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		gather_buffers(call, iter);
		message->iov_len += GET(iter, iov_offset);
	} else {
		message->iov_state = REASON_engine; /* it has moved on */
	}
}

/* The end of one message of a batch. One that failed was not sent: the call returns how many were, or its error. */
worker int batch_sent(struct socket *socket, struct msghdr *header, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = sending_call(task);
	bool later;

	if (!call) {
		if (ret >= 0)
			count_unseen(task, operation_at(task, registers(task), EVENT_io_uring_out));
		return 0;
	}
	if (call->message.head.event != EVENT_sendmmsg)
		return 0;
	call->scratch = SCRATCH_LEFT;
	if (ret < 0 && call->batch) {
		end_call(call);
		return 0;
	}
	later = !call->inside;
	if (later)
		later_of_sendmmsg(call, socket, header);
	if (ret < 0)
		return 0; /* told at the return */
	finish_sent(call, ret);
	if (later) {
		if (GET(header, msg_controllen))
			call->message.control_state = REASON_engine;
		if (!call->message.iov_state && config.snaplen && ret > call->seen) {
			call->message.payload_state = REASON_here;
			capture_user_buffer(call, ret);
		}
	}
	emit_batched(call, task, ret);
	return 0;
}

/* The return of sendmmsg; `ret` counts its messages. */
worker int batch_returned(s64 ret)
{
	if (ret < 0)
		return send_returned(EVENT_sendmmsg, ret);
	end_batch(bpf_get_current_task_btf());
	return 0;
}

#endif
