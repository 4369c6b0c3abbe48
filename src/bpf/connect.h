/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Connections: who asks for one, and who takes it. They carry no message. */
#ifndef SOCKWARDEN_CONNECT_H
#define SOCKWARDEN_CONNECT_H

#include "gather.h"

/* Who asks for a TCP connection, noted before its first segment leaves. Addresses and ports can be those of a
 * connection in another network namespace, or of an earlier one: the first sequence number tells which is meant. */
struct connector {
	u32 sequence;
	u32 spare;
	struct writer writer;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct connector);
} connectors SEC(".maps");

worker bool is_connection(u32 event)
{
	return is_among(event, EVENTS_connections);
}

worker bool is_accept(u32 event)
{
	return is_among(event, EVENTS_of_accept);
}

/* The socket behind a file; NULL where it is none. */
worker struct sock *sock_of_file(struct file *file)
{
	struct socket *socket;

#ifdef SOCKWARDEN_KPROBE
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
#else
	socket = bpf_sock_from_file(file);
#endif
	return socket ? GET(socket, sk) : NULL;
}

/* The call that connects or accepts, begun now if no hook has seen it yet. */
worker struct call *connecting_call(struct task_struct *task)
{
	struct call *call = call_at(task, NO_EVENT);

	return call && is_connection(call->message.head.event) ? call : NULL;
}

/* The socket layer is asked to connect `file`, or to take a connection of it. */
worker int connection_entered(struct file *file, const void *address, s32 length)
{
	struct call *call = connecting_call(bpf_get_current_task_btf());
	struct sock *sk;

	if (!call)
		return 0;
	call->scratch = SCRATCH_ENTERED;
	sk = sock_of_file(file);
	if (!sk)
		return 0;
	call->inside = 1;
	call->socket = GET(sk, sk_socket);
	call->message.entry = bpf_ktime_get_ns();
	socket_of(call, sk);
	if (address)
		take_name(call, address, length);
	return 0;
}

/* Why the socket layer was not seen to be entered. */
worker u8 unseen_reason(const struct call *call, s64 ret)
{
#ifdef SOCKWARDEN_KPROBE
	if (!call->called)
		return REASON_late_attach;
#endif
	return ret < 0 ? REASON_failed : REASON_skipped;
}

/* What a record of a connection has not, and what it lacks. */
worker void finish_connection(struct call *call, s64 ret)
{
	struct message_record *message = &call->message;

	call->scratch = SCRATCH_RETURNED;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	message->name_state = call->named ? REASON_here : REASON_none;
	if (call->inside)
		return;
	message->socket_state = unseen_reason(call, ret);
	message->entry_state = message->socket_state;
	if (!is_accept(message->head.event))
		message->name_state = ret == -EFAULT ? REASON_fault : message->socket_state;
}

worker int connection_left(struct call *call, struct task_struct *task, s64 ret)
{
	finish_connection(call, ret);
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

/* A call that failed in the socket layer, or found no socket. Where the return of the call is seen, it is told there.
 */
worker int connection_failed(struct call *call, struct task_struct *task, s64 error)
{
#ifndef SOCKWARDEN_KPROBE
	if (!config.light)
		return 0;
	if (!call->inside) {
		end_call(call);
		return 0;
	}
#endif
	return connection_left(call, task, error);
}

/* Counts a call that nobody asked for: where the return of a failed one is seen, there; and the kprobe engine at entry.
 */
worker void count_uncalled(struct task_struct *task, s64 ret)
{
#ifndef SOCKWARDEN_KPROBE
	if (ret >= 0 || config.light)
		count_unseen(task, operation_at(task, registers(task), NO_EVENT));
#endif
}

/* The socket layer is done with connect(). A request of io_uring is told when the try is over. */
worker int connected(struct file *file, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = connecting_call(task);
	struct sock *sk;

	if (!call) {
		count_uncalled(task, ret);
		return 0;
	}
	call->scratch = SCRATCH_LEFT;
	sk = sock_of_file(file);
	if (sk && call->inside)
		socket_of(call, sk);
	if (is_request(call->message.head.event))
		return 0;
	return ret < 0 ? connection_failed(call, task, ret) : connection_left(call, task, ret);
}

/* The return of a call that connects or accepts, where no other hook has told it: it failed early. */
worker int connection_returned(u32 event, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = present_call(task);

	if (call && call->message.head.event == event && call->inside)
		return connection_left(call, task, ret);
	if (ret >= 0 || config.light)
		return 0;
	call = ending_call(task, event);
	if (call)
		return connection_left(call, task, ret);
	count_unseen(task, event);
	return 0;
}

/* Who asked for the connection that was taken. */
worker void connector_of(struct call *call, struct sock *sk)
{
	struct message_record *message = &call->message;
	u16 family = GET(sk, __sk_common.skc_family);
	u32 begin = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	struct connector *connector;
	struct flow flow;

	if (family == AF_UNIX) {
		message->sender_known = message->sender_known ? SENDER_NOTED : SENDER_NONE;
		return;
	}
	if (GET(sk, sk_protocol) != IPPROTO_TCP)
		return;
	message->sender_known = SENDER_UNNOTED;
	flow_of(&flow, sk, true);
	connector = bpf_map_lookup_elem(&connectors, &flow);
	if (connector && connector->sequence + 1 == begin)
		add_sender(call, &connector->writer, SENDER_TASK, 0);
}

/* A connection was taken: `file` is its new socket, which has no number yet. */
worker int accepted(struct file *file, s64 error)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = connecting_call(task);
	struct sock *sk;

	if (!call) {
		count_uncalled(task, error);
		return 0;
	}
	call->scratch = SCRATCH_LEFT;
	if (error)
		return is_request(call->message.head.event) ? 0 : connection_failed(call, task, error);
	sk = sock_of_file(file);
	if (!sk)
		return 0;
	call->message.sender_known = SENDER_NONE; /* the listening socket noted who listens */
	call->message.sender_pid = 0;
	socket_of(call, sk);
	connector_of(call, sk);
	call->installing = 1;
	return 0;
}

/* The new socket gets its number: that is what the call returns. */
worker int accepted_as(struct call *call, s32 number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 event = call->message.head.event;

	call->installing = 0;
	connection_left(call, task, number);
	if (is_request(event)) { /* which may go on */
		call->owner |= CALL_BUSY;
		clear_call(call);
		fill_request(call);
	}
	return 0;
}

/* The present task asks for a TCP connection; the addresses and ports are chosen. */
worker int tcp_connecting(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct connector connector = {};
	struct flow flow;

	flow_of(&flow, sk, false);
	connector.sequence = BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
	name_writer(&connector.writer, task);
	bpf_map_update_elem(&connectors, &flow, &connector, BPF_ANY);
	describe_writer(task);
	return 0;
}

#endif
