// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* The tracepoint engine: operations as far as tracepoints show them, on kernels that refuse BPF trampolines.
 *
 * Parts of a message are captured while they are copied; the socket layer's tracepoint names the socket; the call's
 * return, by the only system call tracepoint that sockwarden ever attaches, completes and sends the record. With
 * --light that last hook is absent and the record leaves from the socket layer. */
#define SOCKWARDEN_TRACEPOINT
#include "passed.h"
#include "thread.h"
#include "wanted.h"
#include "user.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern int bpf_dynptr_from_skb(struct sk_buff *skb, u64 flags, struct bpf_dynptr *to) __ksym __weak;

/* Where in the buffer the copied bytes begin. The tracepoint does not say; the protocols keep it in their own place. */
worker u32 offset_in_skb(struct sk_buff *skb, struct sock *sk, u32 flags)
{
	u32 consumed, sequence;

	if (flags & MSG_ERRQUEUE || sk->sk_type != SOCK_STREAM)
		return 0;
	if (sk->sk_protocol == IPPROTO_MPTCP && bpf_core_type_exists(struct mptcp_skb_cb))
		return *(u32 *)((void *)skb->cb + bpf_core_field_offset(struct mptcp_skb_cb, offset));
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	sequence = *(u32 *)((void *)skb->cb + bpf_core_field_offset(struct tcp_skb_cb, seq));
	consumed = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq) - sequence;
	return (s32)consumed > 0 ? consumed : 0;
}

static long long_skb_step(u32 step, struct long_capture *capture)
{
	u32 part = next_part(capture);
	struct piece_record *piece = new_piece(capture->call, PIECE_PAYLOAD, capture->at);
	struct bpf_dynptr bytes;

	if (!part || !piece || bpf_dynptr_from_skb(capture->skb, 0, &bytes))
		return 1;
	if (bpf_dynptr_read(piece_data(piece), BOUNDED(part, PIECE_MASK), &bytes, capture->offset, 0))
		capture->call->user_payload = 1;
	part_done(capture, piece, part);
	return 0;
}

/* Captures bytes of a socket buffer that do not stand contiguously. */
worker void capture_skb(struct call *call, struct sk_buff *skb, u32 offset, u32 length)
{
	u32 at = call->seen, part = inline_part(at, length);
	struct long_capture rest = {};
	struct bpf_dynptr bytes;

	call->seen += length;
	if (!config.skb_dynptr || bpf_dynptr_from_skb(skb, 0, &bytes)) {
		call->user_payload = 1;
		return;
	}
	if (part) {
		at = BOUNDED(at, INLINE_PAYLOAD - 1);
		if (bpf_dynptr_read(&call->payload[at], part, &bytes, offset, 0))
			call->user_payload = 1;
		call->message.inline_payload = at + part;
	}
	if (config.snaplen <= INLINE_PAYLOAD || part == length)
		return;
	rest.call = call;
	rest.skb = skb;
	rest.offset = offset + part;
	rest.at = at + part;
	rest.end = capture_end(at, length);
	bpf_loop(MAX_PIECES, long_skb_step, &rest, 0);
}

/* A read of a tap device by io_uring copies bytes as a receive does, and ends where nothing sees it. */
worker bool is_left_request(const struct call *call, struct task_struct *task)
{
	return call->message.head.event == EVENT_io_uring && operation_of(task, registers(task)) != EVENT_io_uring;
}

/* Whether what is known is of an operation before this one. */
worker bool is_stale(const struct call *call, struct task_struct *task)
{
	return call->inside || (call->seen && is_left_request(call, task));
}

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(tp_copied, struct sk_buff *skb, int length)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);
	struct sock *sk;
	u32 offset = 0;

	if (!call)
		return 0;
	if (is_stale(call, task))
		end_unseen(call, task, operation_of(task, registers(task)));
	call->scratch = SCRATCH_COPIED;
	sk = skb->sk;
	if (sk && sk->__sk_common.skc_family == AF_UNIX) {
		struct unix_note note = unix_note_of(skb);

		unix_note_taken(call, skb, &note);
		if (sk->sk_type == SOCK_STREAM)
			offset = note.consumed;
	} else if (sk) {
		offset = offset_in_skb(skb, sk, call->message.flags);
	}
	if (length <= 0)
		return 0; /* an empty datagram can carry descriptors */
	if (offset + length <= skb->len - skb->data_len)
		capture_kernel(call, skb->data + offset, length);
	else
		capture_skb(call, skb, offset, length);
	return 0;
}

/* Whether no later hook sees the operation: none is attached to reads, and none runs for i386 callers. Each message of
 * a batch ends here. */
worker bool ends_here(u32 event, bool compat)
{
	return config.light || compat || (event != EVENT_recvmsg && event != EVENT_recvfrom);
}

/* Why what is written behind this hook is missing. */
worker u8 early_reason(const struct call *call)
{
	if (call->message.compat)
		return REASON_compat;
	return config.light ? REASON_light : REASON_engine;
}

/* A message of a batch where no hook is at the return of the call: its place is unknown, and with it where its msghdr
 * stands. */
worker void finish_placeless(struct call *call, s64 ret, u8 reason)
{
	struct message_record *message = &call->message;

	message->address = 0;
	message->index_state = reason;
	message->name_state = reason;
	message->iov_state = reason;
	message->control_state = reason;
	message->flags_state = reason;
	if (lacks_payload(call, ret)) {
		message->payload_state = reason;
		message->inline_payload = 0;
	} else {
		settle_payload(call, ret, 0, 0);
	}
}

/* A message of a batch, or the receive that ends it: which of the two a failure is, shows the return of the call. */
worker int batch_received(struct call *call, struct task_struct *task, s64 ret)
{
	u8 reason = early_reason(call);

	if (ret < 0) {
		if (reason != REASON_engine || call->batch)
			end_call(call);
		return 0;
	}
	if (reason != REASON_engine) {
		finish_placeless(call, ret, reason);
	} else {
		place_in_batch(call);
		finish_early(call, ret, reason);
	}
	call->message.entry_state = REASON_engine;
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

/* A receive of io_uring's, whose request no tracepoint shows. Its tries that find nothing are not told apart from
 * failures. */
worker int request_received(struct call *call, struct task_struct *task, s64 ret)
{
	struct message_record *message = &call->message;

	if (ret == -EAGAIN) {
		end_call(call);
		return 0;
	}
	message->entry_state = REASON_engine;
	message->control_state = REASON_engine;
	message->name_state = REASON_none;
	message->flags_state = REASON_none;
	if (lacks_payload(call, ret)) {
		message->payload_state = REASON_engine;
		message->inline_payload = 0;
	} else {
		settle_payload(call, ret, 0, 0);
	}
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

/* Whether the hook on the copy cannot tell where in its buffer the bytes begin. */
worker bool is_offset_unknown(struct sock *sk, u32 flags)
{
	struct tcp_sock *tcp;

	if (sk->__sk_common.skc_family == AF_VSOCK || (flags & MSG_PEEK && sk->sk_peek_off >= 0))
		return true;
	if (sk->sk_protocol != IPPROTO_TCP)
		return false;
	tcp = bpf_skc_to_tcp_sock(sk);
	return tcp && tcp->inet_conn.icsk_ulp_ops; /* records of TLS */
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(tp_received, struct sock *sk, int ret, int flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);
	u32 event;

	if (!call) {
		event = operation_of(task, registers(task));
		if (ends_here(event, is_compat(task)) &&
		    (ret >= 0 || (event != EVENT_recvmmsg && event != EVENT_io_uring)))
			count_unseen(task, event);
		return 0;
	}
	if (call->inside || is_left_request(call, task))
		end_unseen(call, task, operation_of(task, registers(task)));
	event = call->message.head.event;
	call->scratch = SCRATCH_RECEIVED;
	if (event == EVENT_io_uring) /* whose request is not seen */
		call->message.flags = flags & MSG_PEEK;
	socket_of(call, sk);
	if (is_offset_unknown(sk, call->message.flags))
		call->user_payload = 1;
	call->inside = 1;
	if (!ends_here(event, call->message.compat))
		return 0;
	if (event == EVENT_recvmmsg)
		return batch_received(call, task, ret);
	if (event == EVENT_kernel)
		return thread_received(call, task, ret, flags, REASON_engine);
	if (event == EVENT_io_uring)
		return request_received(call, task, ret);
	finish_early(call, ret, early_reason(call));
	call->message.entry_state = REASON_engine;
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

/* What the return of the call shows in the caller's msghdr. */
worker void finish_message(struct call *call, s64 ret)
{
	struct message_record *message = &call->message;
	struct user_msghdr64 header;
	struct user_iovec first = {};

	if (read_header(call, &header, &first)) {
		message->iov_state = REASON_fault;
		message->name_state = REASON_fault;
		message->control_state = REASON_fault;
		message->flags_state = REASON_fault;
		return;
	}
	gather_iovecs(call, &header, &first);
	message->name_state = REASON_none;
	message->control_state = REASON_none;
	if (ret < 0) {
		message->flags_state = REASON_none;
	} else {
		message->msg_flags = header.flags;
		if (header.name && header.namelen > 0) {
			message->name_state = REASON_here;
			user_name(call, header.name, header.namelen);
		}
		if (header.control && header.controllen) {
			message->control_state = REASON_here;
			user_control(call, header.control, header.controllen);
		}
	}
	settle_payload(call, ret, header.iov, header.iovlen);
}

/* The call that returns, where it was asked for. */
worker struct call *returning_call(struct task_struct *task, u32 event, s64 ret)
{
	struct call *call = ending_call(task, event);

	if (!call) {
		count_unseen(task, event);
		return NULL;
	}
	call->scratch = SCRATCH_RETURNED;
	if (!call->inside)
		call->message.socket_state = ret < 0 ? REASON_failed : REASON_skipped;
	call->message.entry_state = REASON_engine;
	return call;
}

SEC("tracepoint/syscalls/sys_exit_recvmsg")
int tp_returned(struct syscall_exit *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = returning_call(task, EVENT_recvmsg, context->ret);

	if (!call)
		return 0;
	finish_message(call, context->ret);
	emit_message(call, task, bpf_ktime_get_ns(), context->ret);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_recvfrom")
int tp_returned_from(struct syscall_exit *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = returning_call(task, EVENT_recvfrom, context->ret);
	struct message_record *message;
	u32 size = 0;

	if (!call)
		return 0;
	message = &call->message;
	message->name_state = REASON_none;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	if (context->ret >= 0 && call->name_at && call->name_size_at) {
		message->name_state = REASON_fault;
		if (!bpf_probe_read_user(&size, sizeof(size), (void *)call->name_size_at))
			message->name_state = size ? REASON_here : REASON_none;
		if (size)
			user_name(call, call->name_at, size);
	}
	settle_payload(call, context->ret, 0, 0);
	emit_message(call, task, bpf_ktime_get_ns(), context->ret);
	return 0;
}

/* The return of recvmmsg: its value counts messages, which have been told. */
SEC("tracepoint/syscalls/sys_exit_recvmmsg")
int tp_returned_batch(struct syscall_exit *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;

	if (context->ret >= 0) {
		end_batch(task);
		return 0;
	}
	call = returning_call(task, EVENT_recvmmsg, context->ret);
	if (!call)
		return 0;
	call->batch = 0;
	finish_message(call, context->ret);
	emit_message(call, task, bpf_ktime_get_ns(), context->ret);
	return 0;
}

/* The end of a send in the socket layer: nothing of it was seen before. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(tp_sent, struct sock *sk, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = sending_call(task);
	u8 reason;

	if (!call) {
		count_unseen(task, operation_at(task, registers(task), EVENT_io_uring_out));
		return 0;
	}
	call->scratch = SCRATCH_RECEIVED;
	socket_of(call, sk);
	if (call->message.head.event == EVENT_sendmmsg) {
		reason = early_reason(call);
		if (ret < 0 && (call->batch || reason != REASON_engine)) {
			end_call(call);
			return 0;
		}
		if (reason != REASON_engine) {
			finish_placeless(call, ret, reason);
			call->message.entry_state = REASON_engine;
			emit_message(call, task, bpf_ktime_get_ns(), ret);
			return 0;
		}
		if (ret >= 0)
			place_in_batch(call);
	}
	finish_send(call, ret, REASON_engine);
	if (call->message.head.event == EVENT_sendmmsg && ret < 0) {
		call->inside = 1; /* told at the return of the call, whose error it is */
		return 0;
	}
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_sendmmsg")
int tp_sent_batch(struct syscall_exit *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;

	if (context->ret >= 0) {
		end_batch(task);
		return 0;
	}
	call = returning_call(task, EVENT_sendmmsg, context->ret);
	if (!call)
		return 0;
	call->batch = 0;
	if (!call->inside)
		finish_send(call, context->ret, REASON_engine);
	emit_message(call, task, bpf_ktime_get_ns(), context->ret);
	return 0;
}

/* The socket behind a descriptor of the present task. No hook hands it over, so it is described anew each time, under a
 * key of its own where it has no cookie yet. */
worker void socket_at(struct call *call, struct task_struct *task, u32 number)
{
	struct message_record *message = &call->message;
	struct told_socket *quick = &call->quick;
	struct file *file = file_at(task, number);
	struct socket *socket;
	struct sock *sk;

	message->socket_state = REASON_skipped; /* closed meanwhile by another thread */
	if (descriptor_error(task, number))
		return;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return;
	quick->address = (u64)sk;
	quick->key = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	if (!quick->key)
		quick->key = bpf_ktime_get_ns() | 1ULL << 63;
	tell_socket(quick, call->scratch);
	quick->told = 0;
	message->socket_key = quick->key;
	message->socket_state = REASON_here;
	call->skipped = quick->own;
	if (!is_among(message->head.event, EVENTS_of_accept))
		return;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX) {
		message->sender_pid = quick->peer_pid;
		message->sender_uid = quick->peer_uid;
		message->sender_gid = quick->peer_gid;
		message->sender_known = quick->peer_pid ? SENDER_NOTED : SENDER_NONE;
	} else {
		message->sender_known = SENDER_UNNOTED;
	}
}

/* The return of a call that connects or accepts. `number` is the descriptor that tells most of it. */
worker int connection_returned(u32 event, s64 ret, bool of_result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = returning_call(task, event, ret);
	struct message_record *message;
	u32 size = 0;

	if (!call)
		return 0;
	message = &call->message;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	message->name_state = REASON_none;
	if (ret != -EBADF && ret != -ENOTSOCK)
		socket_at(call, task, of_result ? ret : message->sockfd);
	if (event == EVENT_connect) {
		size = call->name_size_at;
	} else if (ret >= 0 && call->name_at && call->name_size_at) {
		message->name_state = REASON_fault;
		if (!bpf_probe_read_user(&size, sizeof(size), (void *)call->name_size_at))
			message->name_state = REASON_none;
	}
	if (size && call->name_at) {
		message->name_state = REASON_here;
		user_name(call, call->name_at, size);
	}
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_connect")
int tp_connected(struct syscall_exit *context)
{
	return connection_returned(EVENT_connect, context->ret, false);
}

SEC("tracepoint/syscalls/sys_exit_accept")
int tp_accepted(struct syscall_exit *context)
{
	return connection_returned(EVENT_accept, context->ret, context->ret >= 0);
}

SEC("tracepoint/syscalls/sys_exit_accept4")
int tp_accepted_4(struct syscall_exit *context)
{
	return connection_returned(EVENT_accept, context->ret, context->ret >= 0);
}

/* A descriptor of another process, taken. It stands in the caller's table by now. */
SEC("tracepoint/syscalls/sys_exit_pidfd_getfd")
int tp_taken(struct syscall_exit *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;

	if (context->ret < 0)
		return 0;
	call = ending_call(task, EVENT_fd_received);
	if (!call) {
		count_unseen(task, EVENT_fd_received);
		return 0;
	}
	call->scratch = SCRATCH_RETURNED;
	arrived_alone(call, task, WAY_TAKEN);
	taken_from(call, task);
	capture_arriving(call, slot_of(task, context->ret), 1);
	emit_message(call, task, bpf_ktime_get_ns(), context->ret);
	return 0;
}

#include "follow.h"

SEC("tp_btf/task_newtask")
int BPF_PROG(tp_forked, struct task_struct *child, u64 flags)
{
	return inherit_mark(child, flags);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tp_exited, struct task_struct *task)
{
	return leave_place(task);
}

SEC("iter/task")
int tp_tasks(struct bpf_iter__task *context)
{
	return mark_task(context->task);
}
