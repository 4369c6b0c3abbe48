/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Receives by threads of the kernel itself: of network file systems and block devices. They make no system call. */
#ifndef SOCKWARDEN_THREAD_H
#define SOCKWARDEN_THREAD_H

#include "call.h"

/* The end of a receive in the socket layer. */
worker int thread_received(struct call *call, struct task_struct *task, s64 ret, u32 flags, u8 unseen_entry)
{
	struct message_record *message = &call->message;

	message->sockfd = -1;
	message->flags = flags;
	message->name_state = REASON_none;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	message->iov_state = REASON_none;
	message->entry_state = unseen_entry;
	if (ret <= 0) {
		message->inline_payload = 0;
	} else if (!config.snaplen) {
		message->payload_state = REASON_snaplen;
	} else if (call->seen == ret && !call->user_payload) {
		message->origin = ORIGIN_KERNEL;
	} else {
		message->inline_payload = 0;
		message->payload_state = REASON_engine;
	}
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

#endif
