// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* The kprobe engine: the jobs of the trampoline engine on kernels without trampolines.
 *
 * A kretprobe loses returns of functions that block. So the return of recvmsg is probed where it arrives: at the
 * instruction behind the call of ___sys_recvmsg, whose address a first call of our own tells. Such a probe also sees
 * calls that were blocked before it came. A call whose descriptor is none never gets there: it is told at entry. */
#define SOCKWARDEN_KPROBE
#include "arrive.h"
#include "send.h"
#include "splice.h"
#include "follow.h"
#include "wanted.h"
#include "user.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Attached to one function after the other. */
SEC("kprobe")
int kp_site(struct pt_regs *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 address = 0;

	if ((u32)task->tgid != config.self)
		return 0;
	bpf_probe_read_kernel(&address, sizeof(address), (void *)context->sp);
	shared.return_site = address;
	return 0;
}

/* A call before it has a socket: the errors that no later probe would see. */
worker int called(u32 event, s64 early_error)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);
	s64 error;

	if (!call) { /* a send is counted at its end, if it comes there */
		if (!is_send(event) || descriptor_error(task, registers(task)->di))
			count_unseen(task, operation_of(task, registers(task)));
		return 0;
	}
	if (call->called) {
		count(COUNTER_probe_missed);
		restart_call(call, task, event);
	}
	call->called = 1;
	call->batch = 0;
	error = descriptor_error(task, call->message.sockfd);
	if (early_error && (error != -EBADF || event != EVENT_accept)) /* which looks the descriptor up first */
		error = early_error;
	if (error == -ENOTSOCK && is_connection(event)) /* which comes as far as a probe behind this */
		error = 0;
	if (!error)
		return 0;
	if (is_send(event))
		return send_left(call, task, error);
	if (is_connection(event))
		return connection_left(call, task, error);
	return has_header(event) ? failed(call, task, error) : buffers_left(call, task, error);
}

SEC("kprobe/__sys_recvmsg")
int kp_called(struct pt_regs *context)
{
	return called(EVENT_recvmsg, context->cx & 1 && context->dx & MSG_CMSG_COMPAT ? -EINVAL : 0);
}

SEC("kprobe/__sys_recvfrom")
int kp_called_from(struct pt_regs *context)
{
	return called(EVENT_recvfrom, 0);
}

SEC("kprobe/do_recvmmsg")
int kp_called_batch(struct pt_regs *context)
{
	return called(EVENT_recvmmsg, 0);
}

SEC("kprobe/__sys_sendmsg")
int kp_called_send(struct pt_regs *context)
{
	return called(EVENT_sendmsg, context->cx & 1 && context->dx & MSG_CMSG_COMPAT ? -EINVAL : 0);
}

SEC("kprobe/__sys_sendmmsg")
int kp_called_sends(struct pt_regs *context)
{
	return called(EVENT_sendmmsg, context->r8 & 1 && context->cx & MSG_CMSG_COMPAT ? -EINVAL : 0);
}

SEC("kprobe/__sys_sendto")
int kp_called_to(struct pt_regs *context)
{
	return called(EVENT_sendto, 0);
}

SEC("kprobe/sock_splice_read")
int kp_splicing(struct pt_regs *context)
{
	return splice_entered((struct file *)context->di, context->cx);
}

/* How many of them fit is not known yet: where it is not all, the end finds that what was seen is too much. */
SEC("kprobe/skb_splice_bits")
int kp_skb_spliced(struct pt_regs *context)
{
	return skb_spliced((struct sk_buff *)context->di, context->dx, context->r8);
}

SEC("kprobe/tcp_zerocopy_receive")
int kp_zerocopy(struct pt_regs *context)
{
	return zerocopy_entered((struct sock *)context->di, (struct tcp_zerocopy_receive *)context->si);
}

SEC("kprobe/receive_fd")
int kp_given(struct pt_regs *context)
{
	return file_given(context->di);
}

SEC("kprobe/seccomp_notify_ioctl")
int kp_supervised(struct pt_regs *context)
{
	return supervisor_asks((struct file *)context->di, context->si);
}

SEC("kprobe/__sys_connect")
int kp_called_connect(struct pt_regs *context)
{
	return called(EVENT_connect, 0);
}

SEC("kprobe/__sys_accept4")
int kp_called_accept(struct pt_regs *context)
{
	return called(EVENT_accept, context->cx & ~(SOCK_CLOEXEC | SOCK_NONBLOCK) ? -EINVAL : 0);
}

SEC("kprobe/__sys_connect_file")
int kp_connecting(struct pt_regs *context)
{
	return connection_entered((struct file *)context->di, (void *)context->si, context->dx);
}

SEC("kprobe/do_accept")
int kp_accepting(struct pt_regs *context)
{
	return connection_entered((struct file *)context->di, NULL, 0);
}

SEC("kprobe/tcp_connect")
int kp_tcp_connect(struct pt_regs *context)
{
	return tcp_connecting((struct sock *)context->di);
}

SEC("kprobe/security_socket_sendmsg")
int kp_sending(struct pt_regs *context)
{
	return send_entered((struct socket *)context->di, (struct msghdr *)context->si);
}

SEC("kprobe/skb_copy_datagram_from_iter")
int kp_filled(struct pt_regs *context)
{
	return send_filled((struct sk_buff *)context->di, 0, 0, false);
}

/* The end of a send in the socket layer. A message of a batch that goes where the one before it went has no entry. */
worker int send_ended(struct sock *sk, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = sending_call(task);
	bool batched;

	if (!call) {
		count_unseen(task, operation_at(task, registers(task), EVENT_io_uring_out));
		return 0;
	}
	if (!sk && (call->inside || call->batch)) { /* all messages of a batch go to one socket */
		struct socket *socket = call->socket;

		sk = BPF_CORE_READ(socket, sk);
	}
	call->scratch = SCRATCH_RETURNED;
	batched = call->message.head.event == EVENT_sendmmsg;
	if (batched && ret < 0 && call->batch) {
		end_call(call);
		return 0;
	}
	if (batched && ret >= 0)
		place_in_batch(call);
	if (call->inside) {
		finish_sent(call, ret);
	} else {
		if (sk)
			socket_of(call, sk);
		else
			call->message.socket_state = REASON_engine;
		finish_send(call, ret, call->called || call->batch > 1 ? REASON_engine : REASON_late_attach);
	}
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(kp_sent, struct sock *sk, int ret)
{
	return send_ended(sk, ret);
}

SEC("kprobe/sock_recvmsg")
int kp_entered(struct pt_regs *context)
{
	return enter_call((struct socket *)context->di, (struct msghdr *)context->si);
}

SEC("kprobe/skb_consume_udp")
int kp_udp(struct pt_regs *context)
{
	return udp_consumed((struct sock *)context->di, (struct sk_buff *)context->si);
}

SEC("kprobe/skb_copy_datagram_iter")
int kp_copied(struct pt_regs *context)
{
	return skb_copied((struct sk_buff *)context->di, context->si, (struct iov_iter *)context->dx, context->cx);
}

SEC("kprobe/udp_recvmsg")
int kp_udp4(struct pt_regs *context)
{
	return udp_entered((struct msghdr *)context->si);
}

SEC("kprobe/udpv6_recvmsg")
int kp_udp6(struct pt_regs *context)
{
	return udp_entered((struct msghdr *)context->si);
}

SEC("kprobe/put_cmsg")
int kp_control(struct pt_regs *context)
{
	return control_written((struct msghdr *)context->di, context->si, context->dx, context->cx,
			       (void *)context->r8);
}

SEC("kprobe/scm_detach_fds")
int kp_detach(struct pt_regs *context)
{
	return fds_arrive(true);
}

SEC("kprobe/fd_install")
int kp_install(struct pt_regs *context)
{
	return numbered(context->di, context->si);
}

/* It does not block, so no return is lost. */
SEC("kretprobe/security_file_receive")
int kp_judged(struct pt_regs *context)
{
	return file_judged(context->ax);
}

SEC("kprobe/move_addr_to_user")
int kp_named(struct pt_regs *context)
{
	return name_given((void *)context->di, context->si);
}

/* The programs below are attached at return sites that kp_site told, not by their section's name. */
worker struct call *returned_call(struct task_struct *task)
{
	struct call *call;

	if ((u32)task->tgid == config.self)
		shared.return_hits++;
	call = call_of(task);
	if (call)
		call->scratch = SCRATCH_RETURNED;
	return call;
}

SEC("kprobe")
int kp_returned(struct pt_regs *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = returned_call(task);
	s64 ret = (s32)context->ax;

	if (!call)
		return 0;
	if (call->inside)
		leave_socket(call, call->socket, call->header, ret);
	else if (ret != -EFAULT && ret != -EMSGSIZE)
		finish_early(call, ret, REASON_late_attach);
	if (ret < 0)
		return failed(call, task, ret);
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

/* Messages past the first are on the same socket, and their msghdr stands where the first one's did. */
SEC("kprobe")
int kp_returned_batch(struct pt_regs *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = returned_call(task);
	s64 ret = (s32)context->ax;

	if (!call)
		return 0;
	if (ret < 0 && call->batch) {
		end_call(call);
		return 0;
	}
	if (call->inside || call->batch)
		leave_socket(call, call->socket, call->header, ret);
	else if (ret != -EFAULT && ret != -EMSGSIZE)
		finish_early(call, ret, REASON_late_attach);
	if (ret < 0)
		return failed(call, task, ret);
	if (!call->inside && !call->batch)
		call->message.index_state = REASON_late_attach;
	emit_batched(call, task, ret);
	return 0;
}

/* The end of recvfrom or of a read in the socket layer. The source address stands in its caller's frame. */
worker int returned_buffers(s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = returned_call(task);
	struct msghdr *header;
	void *name;

	if (!call)
		return 0;
	if (!call->inside) {
		finish_early(call, ret, REASON_late_attach);
		emit_message(call, task, bpf_ktime_get_ns(), ret);
		return 0;
	}
	header = call->header;
	name = BPF_CORE_READ(header, msg_name);
	if (name && ret >= 0)
		name_given(name, BPF_CORE_READ(header, msg_namelen));
	return buffers_left(call, task, ret);
}

SEC("kprobe")
int kp_returned_from(struct pt_regs *context)
{
	return returned_buffers((s32)context->ax);
}

SEC("kprobe")
int kp_returned_read(struct pt_regs *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);

	if (!call)
		count_unseen(task, operation_of(task, registers(task)));
	else if (is_of_pages(call->message.head.event))
		return 0;
	return returned_buffers((s32)context->ax);
}

/* The end of a call in progress on this socket, whatever came of it. */
SEC("kprobe")
int kp_connected(struct pt_regs *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = returned_call(task);
	s64 ret = (s32)context->ax;
	struct socket *socket;

	if (!call || call->message.head.event != EVENT_connect)
		return 0;
	socket = call->socket;
	if (call->inside)
		socket_of(call, BPF_CORE_READ(socket, sk));
	return connection_left(call, task, ret);
}

/* Where splices of all files come back. */
SEC("kprobe")
int kp_spliced_in(struct pt_regs *context)
{
	if ((u32)bpf_get_current_task_btf()->tgid == config.self)
		shared.return_hits++;
	return splice_left((s64)context->ax);
}

SEC("kprobe")
int kp_zerocopied(struct pt_regs *context)
{
	struct call *call = call_inside();
	struct socket *socket;

	if ((u32)bpf_get_current_task_btf()->tgid == config.self)
		shared.return_hits++;
	if (!call)
		return 0;
	socket = call->socket;
	return zerocopy_left(BPF_CORE_READ(socket, sk), (s32)context->ax);
}

/* What do_accept() returns: a file, or an error. */
SEC("kprobe")
int kp_accepted(struct pt_regs *context)
{
	s64 ret = context->ax;

	if ((u32)bpf_get_current_task_btf()->tgid == config.self)
		shared.return_hits++;
	return accepted((struct file *)context->ax, ret < 0 && ret >= -MAX_ERRNO ? ret : 0);
}

/* Where the kernel has no tracepoint at the end of a send. */
worker int send_came_back(struct pt_regs *context)
{
	if ((u32)bpf_get_current_task_btf()->tgid == config.self)
		shared.return_hits++;
	return send_ended(NULL, (s32)context->ax);
}

SEC("kprobe")
int kp_sent_msg(struct pt_regs *context)
{
	return send_came_back(context);
}

SEC("kprobe")
int kp_sent_to(struct pt_regs *context)
{
	return send_came_back(context);
}

SEC("kprobe")
int kp_sent_written(struct pt_regs *context)
{
	return send_came_back(context);
}

SEC("kprobe/skb_copy_datagram_from_iter")
int kp_wrote(struct pt_regs *context)
{
	return buffer_filled((struct sk_buff *)context->di);
}

SEC("kprobe/skb_splice_from_iter")
int kp_spliced(struct pt_regs *context)
{
	return buffer_filled((struct sk_buff *)context->di);
}

SEC("kprobe/unix_stream_sendpage")
int kp_paged(struct pt_regs *context)
{
	struct socket *socket = (struct socket *)context->di;

	return unix_written(GET(socket, sk), NULL);
}

SEC("kprobe/tcp_sendmsg_locked")
int kp_tcp_wrote(struct pt_regs *context)
{
	return tcp_written((struct sock *)context->di, context->dx);
}

SEC("kprobe/do_tcp_sendpages")
int kp_tcp_paged(struct pt_regs *context)
{
	return tcp_written((struct sock *)context->di, context->cx);
}

SEC("kprobe/ip_send_skb")
int kp_udp4_wrote(struct pt_regs *context)
{
	return datagram_written((struct sk_buff *)context->si);
}

SEC("kprobe/ip6_send_skb")
int kp_udp6_wrote(struct pt_regs *context)
{
	return datagram_written((struct sk_buff *)context->di);
}

SEC("kprobe/sk_destruct")
int kp_gone(struct pt_regs *context)
{
	struct sock *sk = (struct sock *)context->di;

	return GET(sk, __sk_common.skc_family) == AF_UNIX ? socket_gone(sk) : 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(kp_forked, struct task_struct *child, u64 flags)
{
	return inherit_mark(child, flags);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(kp_exited, struct task_struct *task)
{
	return leave_place(task);
}

SEC("iter/task")
int kp_tasks(struct bpf_iter__task *context)
{
	return mark_task(context->task);
}
