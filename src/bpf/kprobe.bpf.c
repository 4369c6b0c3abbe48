// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* The kprobe engine: the jobs of the trampoline engine on kernels without trampolines.
 *
 * A kretprobe loses returns of functions that block. So the return of recvmsg is probed where it arrives: at the
 * instruction behind the call of ___sys_recvmsg, whose address a first call of our own tells. Such a probe also sees
 * calls that were blocked before it came. A call whose descriptor is none never gets there: it is told at entry. */
#define SOCKWARDEN_KPROBE
#include "gather.h"
#include "follow.h"
#include "user.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("kprobe/___sys_recvmsg")
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

/* What the look-up of a descriptor will say: 0, -EBADF or -ENOTSOCK. */
worker s64 descriptor_error(struct task_struct *task, u32 number)
{
	struct files_struct *files = BPF_CORE_READ(task, files);
	struct fdtable *table = BPF_CORE_READ(files, fdt);
	struct file **slots = BPF_CORE_READ(table, fd);
	struct file *file = NULL;

	if (number >= BPF_CORE_READ(table, max_fds))
		return -EBADF;
	bpf_probe_read_kernel(&file, sizeof(file), slots + number);
	if (!file || BPF_CORE_READ(file, f_mode) & FMODE_PATH)
		return -EBADF;
	return (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK ? 0 : -ENOTSOCK;
}

SEC("kprobe/__sys_recvmsg")
int kp_called(struct pt_regs *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = call_of(task);
	s64 error;

	if (!call) {
		if (in_recvmsg(task, registers(task)))
			count_unseen(task);
		return 0;
	}
	if (call->called) {
		count(COUNTER_probe_missed);
		restart_call(call, task);
	}
	call->called = 1;
	error = descriptor_error(task, context->di);
	if (context->cx & 1 && context->dx & MSG_CMSG_COMPAT)
		error = -EINVAL;
	if (!error)
		return 0;
	return failed(call, task, error);
}

SEC("kprobe/____sys_recvmsg")
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
	return fd_arrived(context->di);
}

SEC("kprobe/move_addr_to_user")
int kp_named(struct pt_regs *context)
{
	return name_given((void *)context->di, context->si);
}

/* Attached at the return site that kp_site told, not by its section's name. */
SEC("kprobe")
int kp_returned(struct pt_regs *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	s64 ret = (s32)context->ax;
	struct call *call;

	if ((u32)task->tgid == config.self)
		shared.return_hits++;
	call = call_of(task);
	if (!call)
		return 0;
	call->scratch = SCRATCH_RETURNED;
	if (call->inside)
		leave_socket(call, call->socket, call->header, ret);
	else if (ret != -EFAULT && ret != -EMSGSIZE)
		finish_early(call, ret, REASON_late_attach);
	if (ret < 0)
		return failed(call, task, ret);
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
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
