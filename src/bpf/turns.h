/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Two programs at one hook: what the first has judged the second lets pass. */
#ifndef SOCKWARDEN_TURNS_H
#define SOCKWARDEN_TURNS_H

#include "guard.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_COUNT);
	__type(key, u32);
	__type(value, struct first_turn);
} turns SEC(".maps");

/* `ret` is what the first program answers. */
worker int first_turn(u32 hook, const void *first, const void *second, int ret)
{
	struct first_turn *turn = bpf_map_lookup_elem(&turns, &hook);

	if (turn) {
		turn->first = (u64)first;
		turn->second = (u64)second;
		turn->task = ret ? 0 : bpf_get_current_task();
	}
	return ret;
}

/* Whether the first program has judged it: asked once. Not where sockwarden tries out the second. */
worker bool had_first_turn(u32 hook, const void *first, const void *second)
{
	struct first_turn *turn = bpf_map_lookup_elem(&turns, &hook);
	bool had_turn;

	if (!turn)
		return false;
	had_turn = turn->task == bpf_get_current_task() && turn->first == (u64)first && turn->second == (u64)second;
	turn->task = 0;
	return had_turn && !shared.canary;
}

#endif
