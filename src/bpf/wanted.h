/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Whether somebody wants to see a call: what a filter is asked when it begins, and before its record is written. */
#ifndef SOCKWARDEN_WANTED_H
#define SOCKWARDEN_WANTED_H

#include "facts.h"

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

apart int may_be_asked_for(u32 event)
{
	struct matching *match = matching_of(bpf_get_current_task_btf());

	if (!match)
		return 1;
	know_process(match);
	ask_early(match, event);
	return may_hold(match);
}

/* The same of another task, at whose call no program ran. The present task's place serves. */
worker bool may_be_of(struct task_struct *task, u32 event)
{
	struct matching *match = matching_of(bpf_get_current_task_btf());

	if (!match)
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
	       match->remote_print == told->remote_print;
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
	ask_text(match, FACT_payload, 0, length, (s64)length < call->message.ret);
}

/* Whether the message, as it is about to be told, may be one that is wanted. Where it carries descriptors that are
 * events of their own, the reader decides about each of them. */
apart int may_be_wanted(struct call *call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct matching *match = matching_of(task);
	struct message_record *message;
	u32 event, bare;

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
	return may_hold(match);
}

#endif
