/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Whether somebody wants to see a call: what a filter is asked when it begins, and before its record is written. Where
 * policies are judged once a message is delivered, what they say of it. */
#ifndef SOCKWARDEN_WANTED_H
#define SOCKWARDEN_WANTED_H

#include "facts.h"
#include "verdict.h"

/* The place to match in of the present task, or NULL where it shares its place with another. */
worker struct matching *matching_of(struct task_struct *task)
{
	u32 number = task->pid & config.place_mask;
	struct call *place = place_of(task);
	u64 owner = owner_of(task);
	struct matching *match;

	if (!place || (place->owner && (place->owner & ~(u64)CALL_BUSY) != owner) || claim(task, place) != place)
		return NULL;
	match = bpf_map_lookup_elem(&matchings, &number);
	if (match && match->owner != owner) {
		match->owner = owner;
		match->process_known = 0;
		match->socket_key = 0;
	}
	return match;
}

/* The facts that are known before the call has done anything. Descriptors that arrive are events of their own, so where
 * they are asked for the event is not certain yet. */
worker void ask_early(struct matching *match, u32 event)
{
	begin_match(match, SPACE_MESSAGE);
	if (config.facts & facts_of_process)
		use_kept(match, KEPT_PROCESS, facts_of_process);
	if (is_asked(FACT_event) && !(config.asked >> EVENT_fd_received & 1))
		ask_number(match, FACT_event, event);
}

/* Whether the agent's child asks, which is to be killed for proof. Its number alone may be another's. */
worker bool is_doomed(struct task_struct *task)
{
	return config.verdicts && shared.canary && shared.canary == (u32)task->tgid &&
	       shared.agent_start == BPF_CORE_READ(task, group_leader, start_boottime) / NS_OF_TICK;
}

/* Whether nobody is judged: the policies are not in force, or the task is sockwarden's, forked and not executed. */
worker bool is_unjudged(struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;

	return shared.released || ((u32)parent->tgid == config.self && parent->self_exec_id == task->self_exec_id);
}

apart int may_be_asked_for(u32 event)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct matching *match = matching_of(task);

	if (!match || config.verdicts == VERDICTS_OF_ALL || is_doomed(task))
		return 1;
	know_process(match);
	ask_early(match, event);
	return may_hold(match);
}

/* The same of another task, at whose call no program ran. The present task's place serves. */
worker bool may_be_of(struct task_struct *task, u32 event)
{
	struct matching *match = matching_of(bpf_get_current_task_btf());

	if (!match || config.verdicts == VERDICTS_OF_ALL)
		return true;
	if (config.facts & facts_of_process) {
		comm_of(task, match->comm);
		match->task = (u64)task;
		match->process_known = 0;
		classify_process(match);
	}
	ask_early(match, event);
	return may_hold(match);
}

/* Whether the socket of this key is the one that match->socket is of, as it was last told. */
worker bool is_known(const struct matching *match, u64 key, const struct told_socket *told)
{
	return match->socket_key == key && told->key == key && match->local_print == told->local_print &&
	       match->remote_print == told->remote_print && match->rest_of_print == told->sequence;
}

apart int know_socket(struct call *call)
{
	const struct told_socket *told;
	struct matching *match;

	if (!call)
		return 0;
	told = &call->quick;
	match = matching_of(bpf_get_current_task_btf());
	if (!match || is_known(match, told->key, told))
		return 0;
	match->socket_key = told->key;
	match->local_print = told->local_print;
	match->remote_print = told->remote_print;
	match->rest_of_print = told->sequence;
	match->socket_address = told->address;
	classify_socket(match);
	return 0;
}

/* The beginning of the payload, as far as it travels inside the record. */
worker void ask_payload(struct matching *match, struct call *call)
{
	u32 length = call->message.inline_payload;

	if (!is_asked(FACT_payload) || !length || call->message.payload_state)
		return;
	OPAQUE(length);
	if (length > INLINE_PAYLOAD || bpf_probe_read_kernel(match->text, length, call->payload))
		return;
	ask_text(match, FACT_payload, 0, length, call->message.ret < 0 || (s64)length < call->message.ret);
}

/* Whether the message came over a connection to the socket that the guard is talked to by, out of which nobody is
 * locked. */
apart int is_of_control(struct call *call)
{
	struct sock *sk, *peer;
	u64 number;
	u32 device;

	if (!call || !config.control_inode || call->message.socket_state)
		return 0;
	sk = (void *)call->quick.address;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	identify(peer ? bound_file(peer) : NULL, &number, &device);
	return number == config.control_inode && device == config.control_device;
}

/* What policies say of a message that has been delivered: whether anybody is to hear of it. Where it is certain that
 * they kill for it, the process dies before its call returns. */
apart int judge_delivered(struct call *call)
{
	struct matching *match = matching_of(bpf_get_current_task_btf());
	const struct verdict *verdict;
	bool kills;

	if (!match || !call)
		return 1;
	judge(match);
	if (!is_worth_telling(match) || is_of_control(call))
		return 0;
	verdict = &match->judging.verdict;
	kills = verdict->action == ACTION_kill && verdict->enforced && verdict->certain && call->message.ret;
	if (kills && !bpf_send_signal(SIGKILL))
		emit_verdict(call, verdict, POINT_delivered, 0);
	return 1;
}

/* Whether the message, as it is about to be told, may be one that is wanted. Where it carries descriptors that are
 * events of their own, the reader decides about each of them. */
apart int may_be_wanted(struct call *call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct matching *match = matching_of(task);
	struct message_record *message;
	u32 event, bare;

	if (is_doomed(task)) {
		bpf_send_signal(SIGKILL);
		return 0;
	}
	if (config.verdicts && call && (is_unjudged(task) || !may_be_delivered(call, call->message.ret)))
		return 0;
	if (!match || !call)
		return 1;
	message = &call->message;
	event = message->head.event;
	if (config.asked >> EVENT_fd_received & 1 && may_carry_files(call))
		return 1;
	know_process(match);
	ask_early(match, event);
	bare = EVENTS_connections | 1 << EVENT_fd_received;
	if (config.facts & facts_of_socket && !message->socket_state && message->socket_key &&
	    is_known(match, message->socket_key, &call->quick) && event != EVENT_connect &&
	    event != EVENT_io_uring_connect)
		use_kept(match, KEPT_SOCKET, facts_of_socket);
	if (!config.verdicts || message->ret >= 0)
		ask_of_events(match, FACT_payload_length, event, ~bare, message->ret > 0 ? message->ret : 0);
	ask_of_events(match, FACT_peeked, event, config.with_peeked, message->peek);
	if (!message->iov_state || message->iovlen)
		ask_of_events(match, FACT_iovlen, event, config.with_iovlen, message->iovlen);
	if (is_asked(FACT_args_flags)) {
		if (is_among(event, config.with_flags))
			ask_flags(match, FACT_args_flags, flag_value(message));
		else
			ask_absent(match, FACT_args_flags);
	}
	ask_payload(match, call);
	if (message->ret < 0) /* it has been judged; in the record a call that failed has none */
		message->inline_payload = 0;
	if (config.verdicts != VERDICTS_OF_ALL && !may_hold(match))
		return 0;
	return !config.verdicts || judge_delivered(call);
}

#endif
