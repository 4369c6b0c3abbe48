/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Receives that hand over pages: splice from a socket, and TCP_ZEROCOPY_RECEIVE. They are begun by hooks of their own.
 */
#ifndef SOCKWARDEN_SPLICE_H
#define SOCKWARDEN_SPLICE_H

#include "connect.h"

/* The arguments of the system call `number` that the task is in; false where it is in another, as a worker of io_uring
 * is. */
worker bool arguments_in(struct arguments *to, struct task_struct *task, u64 number, u64 number_i386, u32 subcall)
{
	struct pt_regs *regs = registers(task);

	if ((s32)regs->ax != -ENOSYS || task->flags & (PF_IO_WORKER | PF_KTHREAD))
		return false;
	if (!is_compat(task)) {
		*to = (struct arguments){{regs->di, regs->si, regs->dx, regs->r10, regs->r8, regs->r9}};
		return regs->orig_ax == number;
	}
	compat_arguments(to, regs);
	if ((u32)regs->orig_ax == NR_SOCKETCALL_I386)
		return subcall && (u32)regs->bx == subcall;
	return (u32)regs->orig_ax == number_i386;
}

/* Begins an operation of pages on `sk`, where it is asked for. */
worker struct call *begin_pages(struct task_struct *task, struct sock *sk, u32 event)
{
	struct call *call;

	call = is_asked_for(task, event) ? begin_call(task, place_of(task), event) : NULL;
	if (!call) {
		count_unseen(task, event);
		return NULL;
	}
	call->scratch = SCRATCH_ENTERED;
	call->inside = 1;
	call->message.entry = bpf_ktime_get_ns();
	call->message.compat = is_compat(task);
	call->message.sockfd = -1;
	call->message.in_fd = -1;
	socket_of(call, sk);
	return call;
}

worker int splice_entered(struct file *file, u64 size)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk = sock_of_file(file);
	struct arguments all = {};
	struct call *call;

	if (!sk)
		return 0;
	call = begin_pages(task, sk, EVENT_splice);
	if (!call)
		return 0;
	call->message.iov_len = size;
	if (arguments_in(&all, task, NR_SPLICE, NR_SPLICE_I386, 0)) {
		call->message.sockfd = all.at[0];
		call->message.in_fd = all.at[2];
		call->message.flags = all.at[5];
	}
	return 0;
}

/* The call of pages in progress. */
worker struct call *pages_call(struct task_struct *task, u32 event)
{
	struct call *call = present_call(task);

	return call && call->message.head.event == event ? call : NULL;
}

/* `length` bytes of a socket buffer go into a pipe. */
worker int skb_spliced(struct sk_buff *skb, u32 offset, s32 length)
{
	struct call *call = pages_call(bpf_get_current_task_btf(), EVENT_splice);

	if (!call || length <= 0)
		return 0;
	call->scratch = SCRATCH_COPIED;
	take_skb(call, skb, offset, length);
	return 0;
}

/* The end of an operation of pages: those of its bytes that a hook saw are shown, if they are all. */
worker int pages_left(struct call *call, struct task_struct *task, s64 ret)
{
	call->scratch = SCRATCH_RETURNED;
	without_header(&call->message);
	settle_seen(call, ret, REASON_pages);
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

worker int splice_left(s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = pages_call(task, EVENT_splice);

	return call ? pages_left(call, task, ret) : 0;
}

worker int zerocopy_entered(struct sock *sk, struct tcp_zerocopy_receive *asked)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = begin_pages(task, sk, EVENT_zerocopy);
	struct arguments all = {};

	if (!call)
		return 0;
	call->header = (void *)asked;
	call->message.address = BPF_CORE_READ(asked, address);
	call->message.iov_len = BPF_CORE_READ(asked, length);
	call->request_length = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	call->socket = GET(sk, sk_socket);
	if (arguments_in(&all, task, NR_GETSOCKOPT, NR_GETSOCKOPT_I386, SYS_GETSOCKOPT))
		call->message.sockfd = all.at[0];
	return 0;
}

/* It returns no count: the bytes are those that it mapped and those that it copied. */
worker int zerocopy_left(struct sock *sk, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = pages_call(task, EVENT_zerocopy);
	struct tcp_zerocopy_receive *done;
	s32 copied;

	if (!call)
		return 0;
	if (!ret) {
		done = (void *)call->header;
		copied = BPF_CORE_READ(done, copybuf_len);
		ret = BPF_CORE_READ(done, length) + (copied > 0 ? copied : 0);
	}
	if (ret > 0 && !config.light) {
		call->scratch = SCRATCH_LEFT;
		tcp_sequence_sender(call, sk, call->request_length, ret);
	}
	return pages_left(call, task, ret);
}

#endif
