// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* The guard: programs where the kernel asks its security modules. They let pass or refuse. */
#define SOCKWARDEN_GUARD

#define PROGRAM(id, hook, function, parameters, arguments, operation) \
	SEC("lsm/" hook) int PROGRAM_OF(id, LIST parameters, int ret) \
	{                                                             \
		return ret ? ret : on_##id(0, LIST arguments);        \
	}

#include "hooks.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
