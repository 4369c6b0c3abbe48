// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
#include "follow.h"
char LICENSE[] SEC("license") = "Dual BSD/GPL";
SEC("iter/task")
int tr_tasks(struct bpf_iter__task *context)
{
	return mark_task(context->task);
}
