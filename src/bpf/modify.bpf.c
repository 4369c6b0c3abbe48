// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* The guard where the kernel runs no LSM programs: programs that replace what its security functions return.
 *
 * The kernel skips such a program where it meets itself on a CPU (an interrupt inside it, another task that took its
 * place), and a skipped one lets pass. So there are two for each hook: the second judges what the first did not, and
 * what both were skipped for is counted by the kernel. */
#define SOCKWARDEN_GUARD
#define SOCKWARDEN_MODIFY

#define PROGRAM(id, hook, function, parameters, arguments, operation)                                                  \
	SEC("fmod_ret/security_" function) int PROGRAM_OF(id, LIST parameters, int ret)                                \
	{                                                                                                              \
		return ret ? ret : first_turn(GUARD_##id, LIST operation, on_##id(0, LIST arguments));                 \
	}                                                                                                              \
	SEC("fmod_ret/security_" function) int PROGRAM_OF(id##_again, LIST parameters, int ret)                        \
	{                                                                                                              \
		return ret || had_first_turn(GUARD_##id, LIST operation) ? ret : on_##id(GUARD_COUNT, LIST arguments); \
	}

#include "guard.h"
#include "turns.h"

#include "hooks.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
