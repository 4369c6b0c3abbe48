/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What the functions of recvmsg show of a call: the jobs that the trampoline and the kprobe engine share. Their shims
 * only adapt arguments. */
#ifndef SOCKWARDEN_GATHER_H
#define SOCKWARDEN_GATHER_H

#include "writer.h"

/* The present task's call in progress. */
worker struct call *call_inside(void)
{
	return present_call(bpf_get_current_task_btf());
}

apart int kernel_iovecs(struct call *call, u64 iov, u64 number)
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
	if (bpf_probe_read_kernel(piece_data(piece), size, (void *)iov)) {
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

/* The kernel's copy of the caller's buffers, before anything was copied into them. */
worker void gather_buffers(struct call *call, struct iov_iter *iter)
{
	struct message_record *message = &call->message;
	u8 type = GET(iter, iter_type);
	const struct iovec *iov;

	call->buffers = 1;
	call->room = GET(iter, count);
	if (is_among(message->head.event, EVENTS_of_buffer | EVENTS_of_pages | 1 << EVENT_kernel))
		return; /* its registers hold it */
	if (type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		message->iovlen = 1;
		message->iov_base = (u64)GET(iter, ubuf);
		message->iov_len = call->room;
		return;
	}
	message->iovlen = GET(iter, nr_segs);
	if (!message->iovlen)
		return;
	iov = iovecs_of(iter);
	message->iov_base = (u64)BPF_CORE_READ(iov, iov_base);
	message->iov_len = BPF_CORE_READ(iov, iov_len);
	if (message->iovlen > 1)
		kernel_iovecs(call, (u64)iov, message->iovlen);
}

/* A request is tried: what is known of it. */
worker void fill_request(struct call *call)
{
	struct message_record *message = &call->message;

	message->head.event = call->request_event;
	message->sockfd = call->request_fd;
	message->flags = call->request_flags;
	message->address = call->request_address;
	if (call->request_event == EVENT_io_uring_recv || call->request_event == EVENT_io_uring_send) {
		message->iov_base = call->request_address;
		message->iov_len = call->request_length;
		message->iovlen = 1;
	}
}

/* The end of a try that delivered or failed. */
worker void emit_request(struct call *call, struct task_struct *task, s64 ret)
{
	struct message_record *message = &call->message;

	message->name_state = REASON_none;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	if (!call->inside) {
		message->socket_state = REASON_failed;
		message->entry_state = REASON_failed;
		message->iov_state = REASON_failed;
	}
	if (ret >= 0 && message->head.event == EVENT_io_uring_recvmsg) { /* of a multishot request */
		message->name_state = REASON_engine;
		message->control_state = call->cmsgs || message->fds_delivered ? REASON_here : REASON_engine;
		message->flags_state = REASON_engine;
	}
	settle_payload(call, ret, 0, 0);
	emit_message(call, task, bpf_ktime_get_ns(), ret);
}

/* A multishot request goes on: what it received before was delivered. */
worker void next_of_request(struct call *call, struct task_struct *task)
{
	if (!call->inside)
		return;
	if (call->seen)
		emit_request(call, task, call->seen);
	call->owner |= CALL_BUSY;
	clear_call(call);
	fill_request(call);
}

worker int enter_call(struct socket *socket, struct msghdr *header)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;

	call = call_of(task);
	if (!call)
		return 0;
	call->scratch = SCRATCH_ENTERED;
	if (is_of_pages(call->message.head.event)) { /* which began before */
		gather_buffers(call, &header->msg_iter);
		return 0;
	}
	if (is_request(call->message.head.event))
		next_of_request(call, task);
	else if (call->inside || call->seen || call->message.pieces)
		end_unseen(call, task, operation_of(task, registers(task)));
	call->inside = 1;
	call->batch = 0;
	call->socket = socket;
	call->header = header;
	call->message.entry = bpf_ktime_get_ns();
	gather_buffers(call, &header->msg_iter);
	if (!has_header(call->message.head.event))
		socket_of(call, GET(socket, sk));
	return 0;
}

/* Where the kernel maps all memory, and the array of its pages: variables, because their places are drawn at boot. */
extern const void page_offset_base __ksym __weak;
extern const void vmemmap_base __ksym __weak;

enum {
	PAGE_SHIFT = 12,
	MAX_SEGMENTS = 1024, /* parts of one socket buffer that are looked at */
};

/* The address of a page's bytes, as page_address() computes it (include/asm-generic/memory_model.h); 0 when unknown. */
worker u64 page_bytes(u64 page)
{
	u64 all = 0, pages = 0;

	if (!&page_offset_base || !&vmemmap_base || page & 1) /* device memory */
		return 0;
	bpf_probe_read_kernel(&all, sizeof(all), &page_offset_base);
	bpf_probe_read_kernel(&pages, sizeof(pages), &vmemmap_base);
	return all + ((page - pages) / bpf_core_type_size(struct page) << PAGE_SHIFT);
}

worker u64 page_part(struct skb_shared_info *shared, u32 at, u32 *size)
{
	void *frags = (void *)shared + bpf_core_field_offset(struct skb_shared_info, frags);
	struct skb_frag *frag = frags + at * bpf_core_type_size(struct skb_frag);
	struct bio_vec *older = frags + at * bpf_core_type_size(struct bio_vec);
	u64 bytes;

	/* kernel 21d2e6737c97 (6.9): a fragment was a bio_vec and became a struct of its own */
	if (bpf_core_type_exists(struct skb_frag)) {
		*size = BPF_CORE_READ(frag, len);
		bytes = page_bytes(BPF_CORE_READ(frag, netmem));
		return bytes ? bytes + BPF_CORE_READ(frag, offset) : 0;
	}
	*size = BPF_CORE_READ(older, bv_len);
	bytes = page_bytes((u64)BPF_CORE_READ(older, bv_page));
	return bytes ? bytes + BPF_CORE_READ(older, bv_offset) : 0;
}

worker void begin_walk(struct skb_walk *walk, u32 offset, u32 length)
{
	walk->shared = NULL;
	walk->part = 0;
	walk->chained = 0;
	walk->offset = offset;
	walk->length = length;
}

/* The next part of a socket buffer, of which `from` is 0 where nobody can tell where it is; 0 where the walk goes on in
 * the next buffer, if there is one. */
worker bool next_of_skb(struct skb_walk *walk, u64 *from, u32 *size)
{
	struct skb_shared_info *shared = walk->shared;
	struct sk_buff *skb = walk->skb;

	if (!walk->part) {
		*from = (u64)BPF_CORE_READ(skb, data);
		*size = BPF_CORE_READ(skb, len) - BPF_CORE_READ(skb, data_len);
		walk->shared = (void *)BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end);
	} else if (walk->part <= BPF_CORE_READ(shared, nr_frags)) {
		*from = page_part(shared, walk->part - 1, size);
	} else {
		walk->skb = walk->chained ? BPF_CORE_READ(skb, next) : BPF_CORE_READ(shared, frag_list);
		walk->chained = 1;
		walk->part = 0;
		return false;
	}
	walk->part++;
	return true;
}

static long skb_step(u32 step, struct call **context)
{
	struct call *call = *context;
	struct skb_walk *walk = &call->walk;
	u32 size = 0;
	u64 from;

	if (!next_of_skb(walk, &from, &size))
		return !walk->skb;
	if (walk->offset >= size) {
		walk->offset -= size;
		return 0;
	}
	size -= walk->offset;
	if (size > walk->length)
		size = walk->length;
	if (!from)
		call->user_payload = 1;
	else
		capture_kernel(call, (void *)(from + walk->offset), size);
	walk->offset = 0;
	walk->length -= size;
	return !walk->length;
}

apart int capture_parts(struct call *call, u32 offset, u32 length)
{
	struct skb_walk *walk;

	if (!call)
		return 0;
	walk = &call->walk;
	begin_walk(walk, offset, length);
	bpf_loop(MAX_SEGMENTS, skb_step, &call, 0);
	if (walk->length)
		call->user_payload = 1;
	return 0;
}

worker void capture_skb(struct call *call, struct sk_buff *skb, u32 offset, u32 length)
{
	if (!length)
		return; /* an empty datagram can carry descriptors */
	if (offset + length <= GET(skb, len) - GET(skb, data_len)) {
		capture_kernel(call, GET(skb, data) + offset, length);
	} else {
		call->walk.skb = skb;
		capture_parts(call, offset, length);
	}
}

/* `length` bytes of a socket buffer, and who wrote them. */
worker void take_skb(struct call *call, struct sk_buff *skb, u32 offset, u32 length)
{
	struct sock *sk = GET(skb, sk);

	if (sk && GET(sk, __sk_common.skc_family) == AF_UNIX) {
		struct unix_note note = unix_note_of(skb);

		if (!config.light)
			unix_sender(call, sk, skb, offset, length);
		unix_note_taken(call, skb, &note);
	} else if (!config.light && sk && GET(sk, sk_protocol) == IPPROTO_TCP &&
		   call->message.head.event != EVENT_zerocopy) { /* whose writers are named at its end */
		tcp_sender(call, sk, skb, offset, length);
	}
	capture_skb(call, skb, offset, length);
}

/* Bytes of a socket buffer on their way to the caller. */
worker int skb_copied(struct sk_buff *skb, u32 offset, struct iov_iter *to, u32 length)
{
	struct call *call = call_of(bpf_get_current_task_btf());

	if (!call)
		return 0;
	if (call->message.head.event == EVENT_kernel &&
	    !call->inside) { /* not by the socket layer: nothing sees its end */
		end_call(call);
		return 0;
	}
	call->scratch = SCRATCH_COPIED;
	if (!call->buffers)
		gather_buffers(call, to);
	take_skb(call, skb, offset, length);
	return 0;
}

/* The buffers of a datagram that does not pass sock_recvmsg(): one of a batch, past the first. */
worker int udp_entered(struct msghdr *header)
{
	struct call *call = call_of(bpf_get_current_task_btf());

	if (!call || call->inside || call->buffers)
		return 0;
	call->scratch = SCRATCH_ENTERED;
	gather_buffers(call, &header->msg_iter);
	return 0;
}

/* UDP copies linear datagrams, and those whose checksum it has still to verify, by functions that show no address; the
 * buffer itself is at hand when that is done. */
worker int udp_consumed(struct sock *sk, struct sk_buff *skb)
{
	struct call *call = call_inside();
	u32 whole;

	if (!call)
		return 0;
	call->scratch = SCRATCH_UDP;
	if (!config.light)
		datagram_sender(call, skb);
	if (call->seen)
		return 0;
	whole = GET(skb, len);
	if (GET(sk, sk_peek_off) >= 0 || !call->buffers) {
		call->user_payload = 1;
		return 0;
	}
	capture_skb(call, skb, 0, call->room < whole ? call->room : whole);
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
	call->scratch = SCRATCH_CONTROL;
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
	call->cmsgs = 1;
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

/* A security module has judged a file that is about to be installed. */
worker int file_judged(s32 verdict)
{
	struct call *call;

	if (!verdict)
		return 0;
	call = call_inside();
	if (call && call->installing && is_among(call->message.head.event, EVENTS_with_header))
		call->message.fds_denied++;
	return 0;
}

/* A passed descriptor gets its number. */
worker int fd_arrived(struct call *call, s32 number)
{
	struct piece_record *piece;
	struct fd_number *entry;

	call->scratch = SCRATCH_INSTALL;
	piece = new_piece(call, PIECE_FD_NUMBER, 0);
	if (!piece)
		return 0;
	entry = (struct fd_number *)piece_data(piece);
	entry->fd = number;
	entry->place = call->message.fds_delivered++;
	emit_piece(call, piece, sizeof(*entry));
	return 0;
}

/* An address as the kernel holds it, on a stack frame that is gone when the call returns. */
worker int tell_name(struct call *call, const void *name, s32 length)
{
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

worker int take_name(struct call *call, const void *name, s32 length)
{
	if (call)
		call->scratch = SCRATCH_NAMED;
	return tell_name(call, name, length);
}

/* The source address on its way to the caller. */
worker int name_given(const void *name, s32 length)
{
	return take_name(call_inside(), name, length);
}

/* The kernel skipped the program at the entry. */
worker void entry_skipped(struct call *call)
{
	call->message.entry_state = REASON_skipped;
	if (!call->buffers)
		call->message.iov_state = REASON_skipped;
}

/* A message of a batch past the first has no entry of its own. Its buffers were seen when they were filled; else the
 * iterator still shows them, unless it has moved on. */
worker void later_of_batch(struct call *call, struct msghdr *header, s64 ret)
{
	struct iov_iter *iter = &header->msg_iter;
	bool whole = ret <= 0 || GET(iter, iter_type) == bpf_core_enum_value(enum iter_type, ITER_UBUF);

	call->message.entry = call->batch_time;
	if (!call->buffers && whole) {
		gather_buffers(call, iter);
		call->message.iov_len += ret > 0 ? GET(iter, iov_offset) : 0;
	}
	if (!call->buffers)
		call->message.iov_state = REASON_engine;
}

/* The kernel's msghdr when the protocol is done with it. */
worker void leave_socket(struct call *call, struct socket *socket, struct msghdr *header, s64 ret)
{
	struct message_record *message = &call->message;

	socket_of(call, GET(socket, sk));
	if (call->batch)
		later_of_batch(call, header, ret);
	else if (!call->inside)
		entry_skipped(call);
	message->name_state = REASON_none;
	message->control_state = REASON_none;
	if (ret < 0) {
		message->flags_state = REASON_none;
		return;
	}
	message->msg_flags = GET(header, msg_flags) & ~MSG_CMSG_COMPAT;
	if (call->named)
		message->name_state = REASON_here;
	if (call->cmsgs || message->fds_delivered)
		message->control_state = REASON_here;
	if (!ret)
		return;
	if (!config.snaplen)
		message->payload_state = REASON_snaplen;
	else if (call->seen && !call->user_payload)
		message->origin = ORIGIN_KERNEL;
	else
		capture_user_buffer(call, ret);
}

/* One message of a batch, or the receive that ends it. */
worker int batch_left(struct call *call, struct task_struct *task, struct socket *socket, struct msghdr *header,
		      s64 ret)
{
	if (ret < 0 && call->batch) {
		end_call(call);
		return 0;
	}
	leave_socket(call, socket, header, ret);
	call->inside = 1;
	if (ret >= 0)
		emit_batched(call, task, ret);
	return 0;
}

/* The call comes back from the socket layer. It is told here, but for a failure: that is told where calls that never
 * came here are too. */
worker int left_socket(struct socket *socket, struct msghdr *header, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);

	if (!call) {
		u32 event = operation_of(task, registers(task));

		if (ret >= 0 || (config.light && event == EVENT_recvmsg))
			count_unseen(task, event);
		return 0;
	}
	call->scratch = SCRATCH_LEFT;
	if (call->message.head.event == EVENT_recvmmsg)
		return batch_left(call, task, socket, header, ret);
	leave_socket(call, socket, header, ret);
	call->inside = 1;
	if (ret >= 0 || (config.light && call->message.head.event == EVENT_recvmsg))
		emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

/* A call that came through and yet is not told: the kernel skipped the program that tells it. */
worker int not_told(struct call *call, struct task_struct *task, s64 ret)
{
	struct message_record *message = &call->message;

	call->scratch = SCRATCH_RETURNED;
	message->socket_state = REASON_skipped;
	message->name_state = call->named ? REASON_here : REASON_skipped;
	message->control_state = call->cmsgs || message->fds_delivered ? REASON_here : REASON_skipped;
	message->flags_state = REASON_skipped;
	if (!call->inside)
		message->entry_state = REASON_skipped;
	if (!call->buffers)
		message->iov_state = REASON_skipped;
	if (ret && !config.snaplen)
		message->payload_state = REASON_snaplen;
	else if (lacks_payload(call, ret))
		message->payload_state = REASON_skipped;
	else if (ret)
		message->origin = ORIGIN_KERNEL;
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

/* A call that failed, also one that never reached a socket. */
worker int failed(struct call *call, struct task_struct *task, s64 ret)
{
	struct message_record *message = &call->message;

	call->scratch = SCRATCH_RETURNED;
	if (!call->inside && !message->iov_state && !call->buffers) {
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

/* The return of recvmmsg; `ret` counts its messages. A call that received none is told here. */
worker int batch_done(struct task_struct *task, s64 ret)
{
	struct call *call = ret < 0 ? ending_call(task, EVENT_recvmmsg) : present_call(task);

	if (ret < 0 && !call)
		count_unseen(task, EVENT_recvmmsg);
	if (!call)
		return 0;
	if (ret < 0 && (call->inside || !config.light))
		return failed(call, task, ret);
	end_call(call);
	return 0;
}

/* The end of an operation with one or several buffers and no msghdr: recvfrom, read and readv. */
worker int buffers_left(struct call *call, struct task_struct *task, s64 ret)
{
	struct message_record *message = &call->message;

	call->scratch = SCRATCH_RETURNED;
	message->name_state = call->named ? REASON_here : REASON_none;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	if (!call->inside) {
		message->socket_state = ret < 0 ? REASON_failed : REASON_skipped;
		message->entry_state = message->socket_state;
		if (message->head.event == EVENT_readv && !call->buffers)
			message->iov_state = message->socket_state;
	}
	settle_payload(call, ret, 0, 0);
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

#endif
