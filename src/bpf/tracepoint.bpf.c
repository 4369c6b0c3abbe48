// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* The tracepoint engine: recvmsg as far as tracepoints show it, on kernels that refuse BPF trampolines.
 *
 * Parts of a message are captured while they are copied; the socket layer's tracepoint names the socket; the call's
 * return, by the only system call tracepoint that sockwarden ever attaches, completes and sends the record. With
 * --light that last hook is absent and the record leaves from the socket layer. */
#include "user.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern int bpf_dynptr_from_skb(struct sk_buff *skb, u64 flags, struct bpf_dynptr *to) __ksym __weak;

/* Where in the buffer the copied bytes begin. The tracepoint does not say; the protocols keep it in their own place. */
worker u32 offset_in_skb(struct sk_buff *skb, struct sock *sk, u32 flags)
{
	u32 consumed, sequence;

	if (flags & MSG_ERRQUEUE || sk->sk_type != SOCK_STREAM || sk->sk_protocol != IPPROTO_TCP)
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

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(tp_copied, struct sk_buff *skb, int length)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);
	struct sock *sk;
	u32 offset = 0;

	if (!call)
		return 0;
	if (call->inside)
		end_unseen(call, task);
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

SEC("tp_btf/sock_recv_length")
int BPF_PROG(tp_received, struct sock *sk, int ret, int flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);

	if (!call) {
		if ((config.light || is_compat(task)) && in_recvmsg(task, registers(task)))
			count_unseen(task);
		return 0;
	}
	if (call->inside)
		end_unseen(call, task);
	call->scratch = SCRATCH_RECEIVED;
	socket_of(call, sk);
	/* where the bytes begin in the buffer is then not known */
	if (sk->__sk_common.skc_family == AF_VSOCK || (call->message.flags & MSG_PEEK && sk->sk_peek_off >= 0))
		call->user_payload = 1;
	call->inside = 1;
	if (!config.light && !call->message.compat)
		return 0;
	/* no tracepoint shows the return of an i386 caller */
	finish_early(call, ret, call->message.compat ? REASON_compat : REASON_light);
	call->message.entry_state = REASON_engine;
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_recvmsg")
int tp_returned(struct syscall_exit *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct message_record *message;
	struct user_msghdr64 header;
	struct user_iovec first = {};
	struct call *call = ending_call(task);
	s64 ret = context->ret;

	if (!call) {
		count_unseen(task);
		return 0;
	}
	call->scratch = SCRATCH_RETURNED;
	message = &call->message;
	if (!call->inside)
		message->socket_state = ret < 0 ? REASON_failed : REASON_skipped;
	if (read_header(call, &header, &first)) {
		message->iov_state = REASON_fault;
		message->name_state = REASON_fault;
		message->control_state = REASON_fault;
		message->flags_state = REASON_fault;
	} else {
		gather_iovecs(call, &header, &first);
		if (ret < 0) {
			message->name_state = REASON_none;
			message->control_state = REASON_none;
			message->flags_state = REASON_none;
		} else {
			message->msg_flags = header.flags;
			message->name_state = REASON_none;
			message->control_state = REASON_none;
			if (header.name && header.namelen > 0) {
				message->name_state = REASON_here;
				user_name(call, header.name, header.namelen);
			}
			if (header.control && header.controllen) {
				message->control_state = REASON_here;
				user_control(call, header.control, header.controllen);
			}
		}
		settle_payload(call, ret, header.iov, header.iovlen, message->iov_base, message->iov_len);
	}
	message->entry_state = REASON_engine;
	emit_message(call, task, bpf_ktime_get_ns(), ret);
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
