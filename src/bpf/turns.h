/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Two programs at one hook: what the first has judged the second lets pass. */
#ifndef SOCKWARDEN_TURNS_H
#define SOCKWARDEN_TURNS_H

#include "guard.h"

/* What the first program of a hook has let pass last on a CPU, and for which task, until the second has seen it. The
 * verifier lets pointers be kept and compared, but not calculated with. */
struct first_turn {
	u64 first, second;
	u64 task; /* 0 for nothing */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_COUNT);
	__type(key, u32);
	__type(value, struct first_turn);
} turns SEC(".maps");

_Static_assert(GUARD_COUNT <= 32, "a bit of shared.turns_seen for each");

/* `ret` is what the first program answers. */
worker int first_turn(u32 hook, const void *first, const void *second, int ret)
{
	struct first_turn *turn = bpf_map_lookup_elem(&turns, &hook);

	if (turn) {
		turn->first = (u64)first;
		turn->second = (u64)second;
		turn->task = ret ? 0 : (u64)bpf_get_current_task_btf();
	}
	return ret;
}

/* Whether the first program has judged it: asked once. Not where sockwarden tries out the second; else where it asks,
 * it learns that the second runs after the first. */
worker bool had_first_turn(u32 hook, const void *first, const void *second)
{
	struct first_turn *turn = bpf_map_lookup_elem(&turns, &hook);
	struct task_struct *task = bpf_get_current_task_btf();
	bool had_turn;

	if (!turn)
		return false;
	had_turn = turn->task == (u64)task && turn->first == (u64)first && turn->second == (u64)second;
	turn->task = 0;
	if (!had_turn || !is_agent(task))
		return had_turn;
	shared.turns_seen |= 1U << hook;
	return !shared.canary;
}

#endif
