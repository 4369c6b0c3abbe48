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
	without_header(message);
	message->entry_state = unseen_entry;
	settle_seen(call, ret, REASON_engine);
	emit_message(call, task, bpf_ktime_get_ns(), ret);
	return 0;
}

#endif
