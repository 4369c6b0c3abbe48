/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What every program of every engine starts from: types, helpers, and how a kernel field is read. */
#ifndef SOCKWARDEN_BASE_H
#define SOCKWARDEN_BASE_H

#include "kernel.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wire.h"
#include "image.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

#define true 1
#define false 0
#define worker static __always_inline
/* The verifier checks a global function once, and a static one again for each state in which it is called. Global ones
 * take numbers and plain memory only: kernel pointers reach them through a map, and are read by copying. */
#define apart __noinline

/* Programs that the kernel gives no storage of sockets, or not of every socket that they get. */
#if defined(SOCKWARDEN_KPROBE) || defined(SOCKWARDEN_CGROUP) || defined(SOCKWARDEN_MODIFY)
#define SOCKWARDEN_NO_SOCKET_STORAGE
#endif

/* Programs with BTF arguments read kernel memory by plain loads, which cost nothing; kprobes have to copy it.
 * A pointer that came out of a copy or a cast has lost its type and is read with BPF_CORE_READ everywhere. */
#ifdef SOCKWARDEN_KPROBE
#define GET(from, field) BPF_CORE_READ(from, field)
#else
#define GET(from, field) ((from)->field)
#endif

/* The verifier forgets a bound that the compiler proved and then optimised away. The barrier makes the compiler emit
 * the comparison it believes redundant, on the very register that is used afterwards. */
#define BOUNDED(value, mask)                                           \
	({                                                             \
		u64 bounded_ = (value);                                \
		asm volatile("%0 &= %1" : "+r"(bounded_) : "i"(mask)); \
		bounded_;                                              \
	})
#define OPAQUE(value) asm volatile("" : "+r"(value))

#endif
