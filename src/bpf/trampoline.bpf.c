// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* The trampoline engine: operations from their entry to their return, from the kernel's own copies. */
#include "arrive.h"
#include "request.h"
#include "splice.h"
#include "thread.h"
#include "follow.h"
#include "user.h"
#include "wanted.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("fentry/sock_recvmsg")
int BPF_PROG(tr_entered, struct socket *socket, struct msghdr *header)
{
	return enter_call(socket, header);
}

SEC("fexit/sock_recvmsg")
int BPF_PROG(tr_thread_received, struct socket *socket, struct msghdr *header, int flags, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;

	if (!(task->flags & PF_KTHREAD))
		return 0;
	call = present_call(task);
	if (!call || call->message.head.event != EVENT_kernel) {
		count_unseen(task, operation_of(task, registers(task)));
		return 0;
	}
	call->scratch = SCRATCH_RECEIVED;
	return thread_received(call, task, ret, flags, REASON_here);
}

SEC("fentry/skb_copy_datagram_iter")
int BPF_PROG(tr_copied, struct sk_buff *skb, int offset, struct iov_iter *to, int length)
{
	return skb_copied(skb, offset, to, length);
}

SEC("fentry/skb_consume_udp")
int BPF_PROG(tr_udp, struct sock *sk, struct sk_buff *skb)
{
	return udp_consumed(sk, skb);
}

SEC("fentry/udp_recvmsg")
int BPF_PROG(tr_udp4, struct sock *sk, struct msghdr *header)
{
	return udp_entered(header);
}

SEC("fentry/udpv6_recvmsg")
int BPF_PROG(tr_udp6, struct sock *sk, struct msghdr *header)
{
	return udp_entered(header);
}

SEC("fentry/put_cmsg")
int tr_control(u64 *context)
{
	u64 header = 0, level = 0, type = 0, length = 0, data = 0;

	bpf_get_func_arg(context, 0, &header);
	bpf_get_func_arg(context, 1, &level);
	bpf_get_func_arg(context, 2, &type);
	bpf_get_func_arg(context, 3, &length);
	bpf_get_func_arg(context, 4, &data);
	return control_written((struct msghdr *)header, level, type, length, (void *)data);
}

SEC("fentry/scm_detach_fds")
int BPF_PROG(tr_detach)
{
	return fds_arrive(true);
}

SEC("fentry/fd_install")
int BPF_PROG(tr_install, unsigned int number, struct file *file)
{
	return numbered(number, (u64)file);
}

SEC("fexit/security_file_receive")
int BPF_PROG(tr_judged, struct file *file, int ret)
{
	return file_judged(ret);
}

SEC("fexit/scm_detach_fds")
int BPF_PROG(tr_detached)
{
	return fds_arrive(false);
}

SEC("fentry/move_addr_to_user")
int BPF_PROG(tr_named, void *name, int length)
{
	return name_given(name, length);
}

SEC("fexit/____sys_recvmsg")
int BPF_PROG(tr_done, struct socket *socket, struct msghdr *header, void *msg, void *uaddr, unsigned int flags,
	     int nosec, int ret)
{
	return left_socket(socket, header, ret);
}

SEC("fexit/__sys_recvmsg")
int BPF_PROG(tr_failed, int sockfd, void *address, unsigned int flags, bool forbid, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;

	if (ret >= 0) {
		call = present_call(task);
		return call ? not_told(call, task, ret) : 0;
	}
	call = ending_call(task, EVENT_recvmsg);
	if (!call) {
		count_unseen(task, EVENT_recvmsg);
		return 0;
	}
	return failed(call, task, ret);
}

SEC("fexit/do_recvmmsg")
int BPF_PROG(tr_batched, int sockfd, void *vector, unsigned int vlen, unsigned int flags, void *timeout, int ret)
{
	return batch_done(bpf_get_current_task_btf(), ret);
}

SEC("fexit/__sys_recvfrom")
int BPF_PROG(tr_recvfrom, int sockfd, void *buffer, unsigned long size, unsigned int flags, void *address,
	     int *address_size, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = ending_call(task, EVENT_recvfrom);

	if (!call) {
		count_unseen(task, EVENT_recvfrom);
		return 0;
	}
	if (!call->inside && ret < 0 && config.light) {
		end_call(call);
		return 0;
	}
	return buffers_left(call, task, ret);
}

SEC("fexit/sock_read_iter")
int BPF_PROG(tr_read, void *request, void *buffers, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);

	if (!call) {
		count_unseen(task, operation_of(task, registers(task)));
		return 0;
	}
	if (is_request(call->message.head.event) || is_of_pages(call->message.head.event))
		return 0;
	if (!call->inside && ret <= 0) { /* a read of nothing, or at an offset: it asked the socket nothing */
		end_call(call);
		return 0;
	}
	return buffers_left(call, task, ret);
}

SEC("fentry/io_recv")
int BPF_PROG(tr_uring_recv, struct io_kiocb *request)
{
	return request_tried(request, EVENT_io_uring_recv);
}

SEC("fexit/io_recv")
int BPF_PROG(tr_uring_recv_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

SEC("fentry/io_recvmsg")
int BPF_PROG(tr_uring_recvmsg, struct io_kiocb *request)
{
	return request_tried(request, EVENT_io_uring_recvmsg);
}

SEC("fexit/io_recvmsg")
int BPF_PROG(tr_uring_recvmsg_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

SEC("fentry/io_read")
int BPF_PROG(tr_uring_read, struct io_kiocb *request)
{
	return request_tried(request, EVENT_io_uring_read);
}

SEC("fexit/io_read")
int BPF_PROG(tr_uring_read_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

/* A call that was blocked before the hooks came passes none of them but this. */
SEC("tp_btf/sock_recv_length")
int BPF_PROG(tr_received, struct sock *sk, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);

	if (!call || call->inside || call->batch)
		return 0;
	call->scratch = SCRATCH_RECEIVED;
	socket_of(call, sk);
	finish_early(call, ret, REASON_late_attach);
	call->message.index_state = REASON_late_attach;
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

SEC("fentry/skb_copy_datagram_from_iter")
int BPF_PROG(tr_wrote, struct sk_buff *skb)
{
	return buffer_filled(skb);
}

SEC("fentry/skb_splice_from_iter")
int BPF_PROG(tr_spliced, struct sk_buff *skb)
{
	return buffer_filled(skb);
}

SEC("fentry/unix_stream_sendpage")
int BPF_PROG(tr_paged, struct socket *socket)
{
	return unix_written(socket->sk, NULL);
}

SEC("fentry/tcp_sendmsg_locked")
int BPF_PROG(tr_tcp_wrote, struct sock *sk, struct msghdr *header, unsigned long size)
{
	return tcp_written(sk, size);
}

SEC("fentry/do_tcp_sendpages")
int BPF_PROG(tr_tcp_paged, struct sock *sk, struct page *page, int offset, unsigned long size)
{
	return tcp_written(sk, size);
}

SEC("fentry/ip_send_skb")
int BPF_PROG(tr_udp4_wrote, struct net *net, struct sk_buff *skb)
{
	return datagram_written(skb);
}

SEC("fentry/ip6_send_skb")
int BPF_PROG(tr_udp6_wrote, struct sk_buff *skb)
{
	return datagram_written(skb);
}

SEC("fentry/security_socket_sendmsg")
int BPF_PROG(tr_sending, struct socket *socket, struct msghdr *header)
{
	return send_entered(socket, header);
}

SEC("fexit/skb_copy_datagram_from_iter")
int BPF_PROG(tr_filled, struct sk_buff *skb, int offset, struct iov_iter *from, int length, int ret)
{
	return send_filled(skb, offset, length, !ret);
}

SEC("fexit/__sys_sendmsg")
int BPF_PROG(tr_sent, int sockfd, void *address, unsigned int flags, bool forbid, long ret)
{
	return send_returned(EVENT_sendmsg, ret);
}

SEC("fexit/____sys_sendmsg")
int BPF_PROG(tr_sent_of_batch, struct socket *socket, struct msghdr *header, unsigned int flags, void *used,
	     unsigned int allowed, int ret)
{
	return batch_sent(socket, header, ret);
}

SEC("fexit/__sys_sendmmsg")
int BPF_PROG(tr_sent_batch, int sockfd, void *vector, unsigned int vlen, unsigned int flags, bool forbid, int ret)
{
	return batch_returned(ret);
}

SEC("fexit/__sys_sendto")
int BPF_PROG(tr_sent_to, int sockfd, void *buffer, unsigned long size, unsigned int flags, void *address,
	     int address_size, int ret)
{
	return send_returned(EVENT_sendto, ret);
}

SEC("fexit/sock_write_iter")
int BPF_PROG(tr_wrote_file, void *request, void *buffers, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = sending_call(task);

	if (!call) {
		count_unseen(task, operation_at(task, registers(task), EVENT_io_uring_out));
		return 0;
	}
	if (is_request(call->message.head.event))
		return 0;
	if (!call->inside && ret <= 0) {
		end_call(call);
		return 0;
	}
	return send_left(call, task, ret);
}

/* The page as a number: a typed pointer cannot be reckoned with. */
worker int page_given(u64 *context)
{
	u64 page = 0, offset = 0, size = 0;

	bpf_get_func_arg(context, 1, &page);
	bpf_get_func_arg(context, 2, &offset);
	bpf_get_func_arg(context, 3, &size);
	return page_entered((struct socket *)context[0], page, offset, size);
}

SEC("fentry/unix_stream_sendpage")
int tr_page_unix(u64 *context)
{
	return page_given(context);
}

SEC("fentry/inet_sendpage")
int tr_page_inet(u64 *context)
{
	struct socket *socket = (struct socket *)context[0];

	if (BPF_CORE_READ(socket, sk, sk_protocol) == IPPROTO_MPTCP)
		return 0; /* becomes a send, which tr_sending sees */
	return page_given(context);
}

/* Both are called for files of all kinds. */
worker int transferred(s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = present_call(task);

	if (!call || call->message.head.event != EVENT_sendfile)
		return 0;
	return send_left(call, task, ret);
}

SEC("fexit/do_sendfile")
int BPF_PROG(tr_transferred, int out, int in, void *offset, unsigned long count, long long max, long ret)
{
	return transferred(ret);
}

SEC("fexit/__do_splice")
int BPF_PROG(tr_spliced_out, void *in, void *in_offset, void *out, void *out_offset, unsigned long size,
	     unsigned int flags, long ret)
{
	return transferred(ret);
}

SEC("fentry/sock_splice_read")
int BPF_PROG(tr_splicing, struct file *file, void *position, void *pipe, unsigned long size)
{
	return splice_entered(file, size);
}

SEC("fexit/skb_splice_bits")
int BPF_PROG(tr_skb_spliced, struct sk_buff *skb, struct sock *sk, unsigned int offset, void *pipe, unsigned int wanted,
	     unsigned int flags, int ret)
{
	return skb_spliced(skb, offset, ret);
}

SEC("fexit/sock_splice_read")
int BPF_PROG(tr_spliced_in, struct file *file, void *position, void *pipe, unsigned long size, unsigned int flags,
	     long ret)
{
	return splice_left(ret);
}

SEC("fentry/tcp_zerocopy_receive")
int BPF_PROG(tr_zerocopy, struct sock *sk, struct tcp_zerocopy_receive *asked)
{
	return zerocopy_entered(sk, asked);
}

SEC("fexit/tcp_zerocopy_receive")
int BPF_PROG(tr_zerocopied, struct sock *sk, struct tcp_zerocopy_receive *asked, void *stamps, int ret)
{
	return zerocopy_left(sk, ret);
}

SEC("fentry/receive_fd")
int BPF_PROG(tr_given, struct file *file)
{
	return file_given((u64)file);
}

SEC("fexit/receive_fd_replace")
int BPF_PROG(tr_replaced, int number, struct file *file, unsigned int flags, int ret)
{
	return file_replaced((u64)file, number, ret);
}

SEC("fentry/seccomp_notify_ioctl")
int BPF_PROG(tr_supervised, struct file *listener, unsigned int command)
{
	return supervisor_asks(listener, command);
}

SEC("fentry/__sys_connect_file")
int BPF_PROG(tr_connecting, struct file *file, void *address, int length)
{
	return connection_entered(file, address, length);
}

SEC("fexit/__sys_connect_file")
int BPF_PROG(tr_connected, struct file *file, void *address, int length, int flags, int ret)
{
	return connected(file, ret);
}

SEC("fexit/__sys_connect")
int BPF_PROG(tr_connect_failed, int sockfd, void *address, int length, int ret)
{
	return connection_returned(EVENT_connect, ret);
}

SEC("fentry/do_accept")
int BPF_PROG(tr_accepting, struct file *file)
{
	return connection_entered(file, NULL, 0);
}

/* The file that it returns may be an error. */
SEC("fexit/do_accept")
int BPF_PROG(tr_accepted, struct file *file, void *flags, void *address, void *length, int wanted, struct file *taken)
{
	u64 ret = 0;

	bpf_get_func_ret(ctx, &ret);
	return accepted(taken, (s64)ret < 0 && (s64)ret >= -MAX_ERRNO ? (s64)ret : 0);
}

SEC("fexit/__sys_accept4")
int BPF_PROG(tr_accept_failed, int sockfd, void *address, int *length, int flags, int ret)
{
	return connection_returned(EVENT_accept, ret);
}

SEC("fentry/tcp_connect")
int BPF_PROG(tr_tcp_connect, struct sock *sk)
{
	return tcp_connecting(sk);
}

SEC("fentry/io_connect")
int BPF_PROG(tr_uring_connect, struct io_kiocb *request)
{
	return request_tried(request, EVENT_io_uring_connect);
}

SEC("fexit/io_connect")
int BPF_PROG(tr_uring_connect_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

SEC("fentry/io_accept")
int BPF_PROG(tr_uring_accept, struct io_kiocb *request)
{
	return request_tried(request, EVENT_io_uring_accept);
}

SEC("fexit/io_accept")
int BPF_PROG(tr_uring_accept_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

SEC("fentry/io_send")
int BPF_PROG(tr_uring_send, struct io_kiocb *request)
{
	return request_tried(request, EVENT_io_uring_send);
}

SEC("fexit/io_send")
int BPF_PROG(tr_uring_send_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

SEC("fentry/io_send_zc")
int BPF_PROG(tr_uring_send_zc, struct io_kiocb *request)
{
	return request_tried(request, EVENT_io_uring_send);
}

SEC("fexit/io_send_zc")
int BPF_PROG(tr_uring_send_zc_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

SEC("fentry/io_sendmsg")
int BPF_PROG(tr_uring_sendmsg, struct io_kiocb *request)
{
	return request_tried(request, EVENT_io_uring_sendmsg);
}

SEC("fexit/io_sendmsg")
int BPF_PROG(tr_uring_sendmsg_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

/* Newer kernels have no io_send_zc: this serves its requests, too. */
SEC("fentry/io_sendmsg_zc")
int BPF_PROG(tr_uring_sendmsg_zc, struct io_kiocb *request)
{
	return request_tried(request,
			     request->opcode == IORING_OP_SEND_ZC ? EVENT_io_uring_send : EVENT_io_uring_sendmsg);
}

SEC("fexit/io_sendmsg_zc")
int BPF_PROG(tr_uring_sendmsg_zc_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

SEC("fentry/io_write")
int BPF_PROG(tr_uring_write, struct io_kiocb *request)
{
	return request_tried(request, EVENT_io_uring_write);
}

SEC("fexit/io_write")
int BPF_PROG(tr_uring_write_tried, struct io_kiocb *request, unsigned int flags, int ret)
{
	return request_left(request, ret);
}

/* A call that was blocked before the hooks came passes none of them but this. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(tr_sent_late, struct sock *sk, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = sending_call(task);

	if (!call || call->inside || call->batch)
		return 0;
	call->scratch = SCRATCH_RECEIVED;
	socket_of(call, sk);
	finish_send(call, ret, REASON_late_attach);
	call->message.index_state = REASON_late_attach;
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(tr_forked, struct task_struct *child, u64 flags)
{
	return inherit_mark(child, flags);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tr_exited, struct task_struct *task)
{
	return leave_place(task);
}

SEC("iter/task")
int tr_tasks(struct bpf_iter__task *context)
{
	return mark_task(context->task);
}
