/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Who gives descriptors over UNIX sockets: noted in the giver's own context before the message is queued, and told
 * where a descriptor arrives.
 *
 * A note is of all who gave over a socket: of a stream the one that they write to, else the one that they send to. What
 * they do not agree on is unknown, so whoever gave this one, what is told holds for it. */
#ifndef SOCKWARDEN_GIVER_H
#define SOCKWARDEN_GIVER_H

#include "facts.h"

enum {
	GIVER_TEXT = 256, /* a longer path is unknown */
	GIVER_NOTES = 8192,
	SENDER_SHIFT = FACT_senders_exe - FACT_process_exe,
};

/* What tells one that gives from another. */
struct giver_id {
	u64 start; /* of the process */
	u64 cgroup_id;
	u64 comm[2];
	u32 pid;
	u32 exec;
	u32 uid;
	u32 gid;
};

struct giver {
	u64 key;            /* the number of the socket */
	struct giver_id id; /* of the first */
	u64 exe;
	u64 parent;
	u32 exe_device;
	u32 parent_device;
	u32 path_size; /* 0 where it is unknown */
	u32 cgroup_size;
	u64 differ; /* facts on which those who gave do not agree: a bit each */
	u64 path[GIVER_TEXT / 8];
	u64 cgroup[GIVER_TEXT / 8];
};

/* By the number of the socket. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GIVER_NOTES); /* set at load: 1 where nobody asks */
	__type(key, u64);
	__type(value, struct giver);
} givers SEC(".maps");

/* The UNIX socket that a task receives from, or did last. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} received_from SEC(".maps");

/* What was seen of a socket's messages when the first of them was seen. */
enum sight {
	SIGHT_NONE,
	SIGHT_FIRST,    /* nothing was before: who gives is noted from the beginning */
	SIGHT_NOT_ALL,  /* messages waited, or were made, that anyone may have given */
	SIGHT_OF_GIVER, /* there is a note, or was, and had to go for another's */
};

#ifdef SOCKWARDEN_NO_SOCKET_STORAGE
worker void see_message(struct sock *sk, bool are_before)
{
}

worker bool may_others_give(struct sock *sk, bool are_before)
{
	return are_before;
}
#else
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32); /* enum sight */
} given_over SEC(".maps");

worker void see_message(struct sock *sk, bool are_before)
{
	u32 *sight = bpf_sk_storage_get(&given_over, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (sight && *sight == SIGHT_NONE)
		__sync_val_compare_and_swap(sight, SIGHT_NONE, are_before ? SIGHT_NOT_ALL : SIGHT_FIRST);
}

/* Whether others than the first noted may have given: asked once, when it is noted. */
worker bool may_others_give(struct sock *sk, bool are_before)
{
	u32 *sight = bpf_sk_storage_get(&given_over, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	see_message(sk, are_before);
	return !sight || __sync_lock_test_and_set(sight, SIGHT_OF_GIVER) != SIGHT_FIRST;
}
#endif

worker u64 sender_fact(u32 fact_of_process)
{
	return 1ULL << (fact_of_process + SENDER_SHIFT);
}

worker bool is_same_giver(const struct giver_id *one, const struct giver_id *other)
{
	return one->start == other->start && one->cgroup_id == other->cgroup_id && one->comm[0] == other->comm[0] &&
	       one->comm[1] == other->comm[1] && one->pid == other->pid && one->exec == other->exec &&
	       one->uid == other->uid && one->gid == other->gid;
}

worker void identify_giver(struct giver_id *id, struct task_struct *task)
{
	id->start = BPF_CORE_READ(task, group_leader, start_boottime);
	id->pid = task->tgid;
	id->exec = task->self_exec_id;
	ids_of(task, &id->uid, &id->gid, &id->cgroup_id);
	name_of(task, id->comm);
}

/* Copies what stands in the text of a matching from `at` to its end: the size of it, 0 where it is too long. */
worker u32 keep_text(struct matching *match, u32 at, u64 text[GIVER_TEXT / 8])
{
	u32 size;

	if (!at)
		return 0;
	if (at >= MATCH_TEXT) {
		at = MATCH_TEXT - 1;
		match->text[at] = '/';
	}
	size = MATCH_TEXT - at;
	OPAQUE(size);
	if (size > GIVER_TEXT || bpf_probe_read_kernel(text, size, &match->text[BOUNDED(at, MATCH_TEXT - 1)]))
		return 0;
	return size;
}

/* The rest of what is told of the present task: all, as policies that ask for more may come. */
apart int describe_giver(struct giver *giver, struct matching *match)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *exe = NULL;
	struct mm_struct *mm;

	if (!giver || !match)
		return 0;
	mm = BPF_CORE_READ(task, mm);
	if (mm)
		exe = BPF_CORE_READ(mm, exe_file);
	identify(exe ? BPF_CORE_READ(exe, f_inode) : NULL, &giver->exe, &giver->exe_device);
	identify(BPF_CORE_READ(task, real_parent, mm, exe_file, f_inode), &giver->parent, &giver->parent_device);
	giver->differ = 0;
	__builtin_memset(giver->path, 0, sizeof(giver->path));
	__builtin_memset(giver->cgroup, 0, sizeof(giver->cgroup));
	giver->path_size = 0;
	giver->cgroup_size = 0;
	if (exe)
		giver->path_size = keep_text(
			match, write_path(match, BPF_CORE_READ(exe, f_path.mnt), BPF_CORE_READ(exe, f_path.dentry)),
			giver->path);
	giver->cgroup_size =
		keep_text(match, write_cgroup(match, BPF_CORE_READ(task, cgroups, dfl_cgrp, kn)), giver->cgroup);
	return 0;
}

worker bool is_same_text(const u64 one[GIVER_TEXT / 8], const u64 other[GIVER_TEXT / 8])
{
	u64 differs = 0;

	for (u32 i = 0; i < GIVER_TEXT / 8; i++)
		differs |= one[i] ^ other[i];
	return !differs;
}

/* Facts that differ. */
apart int compare_givers(struct giver *noted, const struct giver *other)
{
	u64 differ = 0;

	if (!noted || !other)
		return 0;
	if (noted->id.pid != other->id.pid || noted->id.start != other->id.start)
		differ |= sender_fact(FACT_process_pid);
	if (noted->id.uid != other->id.uid)
		differ |= sender_fact(FACT_process_uid);
	if (noted->id.gid != other->id.gid)
		differ |= sender_fact(FACT_process_gid);
	if (noted->id.comm[0] != other->id.comm[0] || noted->id.comm[1] != other->id.comm[1])
		differ |= sender_fact(FACT_process_comm);
	if (noted->exe != other->exe || noted->exe_device != other->exe_device)
		differ |= sender_fact(FACT_process_exe);
	if (noted->parent != other->parent || noted->parent_device != other->parent_device)
		differ |= sender_fact(FACT_process_parent_exe);
	if (noted->path_size != other->path_size || !is_same_text(noted->path, other->path))
		differ |= sender_fact(FACT_process_exe_path);
	if (noted->id.cgroup_id != other->id.cgroup_id)
		differ |= sender_fact(FACT_process_cgroup);
	if (differ)
		__sync_fetch_and_or(&noted->differ, differ);
	return 0;
}

/* Tells the facts of whoever gave. */
apart int tell_giver(struct matching *match, struct giver *giver)
{
	u64 agreed;

	if (!match || !giver)
		return 0;
	agreed = config.facts & ~giver->differ;
	if (agreed & ASKED(senders_pid))
		ask_number(match, FACT_senders_pid, giver->id.pid);
	if (agreed & ASKED(senders_uid))
		ask_number(match, FACT_senders_uid, giver->id.uid);
	if (agreed & ASKED(senders_gid))
		ask_number(match, FACT_senders_gid, giver->id.gid);
	if (agreed & ASKED(senders_exe) && giver->exe)
		ask_file(match, FACT_senders_exe, giver->exe_device, giver->exe);
	if (agreed & ASKED(senders_parent_exe) && giver->parent)
		ask_file(match, FACT_senders_parent_exe, giver->parent_device, giver->parent);
	if (agreed & ASKED(senders_comm)) {
		__builtin_memcpy(match->text, giver->id.comm, sizeof(giver->id.comm));
		ask_text(match, FACT_senders_comm, 0, length_of(match->text, sizeof(giver->id.comm)), false);
	}
	if (agreed & ASKED(senders_exe_path) && giver->path_size) {
		__builtin_memcpy(match->text, giver->path, sizeof(giver->path));
		ask_text(match, FACT_senders_exe_path, 0, giver->path_size, false);
	}
	if (agreed & ASKED(senders_cgroup) && giver->cgroup_size) {
		__builtin_memcpy(match->text, giver->cgroup, sizeof(giver->cgroup));
		ask_text(match, FACT_senders_cgroup, 0, giver->cgroup_size, false);
	}
	return 0;
}

struct giver_pairs {
	struct matching *match;
	u64 agreed;    /* facts of senders */
	u64 different; /* of those, what the receiver's is not */
};

static long giver_pair_step(u32 step, struct giver_pairs *run)
{
	struct image_room *image = image_of(run->match);
	struct image_pair *pair;
	u64 fact;

	if (!image || step >= image_head(image)->pair_count)
		return 1;
	pair = &image_head(image)->pair[BOUNDED(step, IMAGE_PAIRS - 1)];
	fact = 1ULL << (pair->second & 63);
	if (pair->space == SPACE_SENDERS && pair->second == pair->first + SENDER_SHIFT && run->agreed & fact)
		ask_pair(run->match, step, run->different & fact ? PAIR_DIFFERENT : PAIR_EQUAL);
	return 0;
}

/* Compares the giver with the present task, which receives. */
apart int pair_giver(struct matching *match, struct giver *giver)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct giver_pairs run = {.match = match};
	struct giver_id present = {};

	if (!match || !giver)
		return 0;
	ids_of(task, &present.uid, &present.gid, &present.cgroup_id);
	run.agreed = sender_fact(FACT_process_pid) | sender_fact(FACT_process_uid) | sender_fact(FACT_process_gid) |
		     sender_fact(FACT_process_cgroup);
	run.agreed &= ~giver->differ;
	if (giver->id.pid != (u32)task->tgid)
		run.different |= sender_fact(FACT_process_pid);
	else if (giver->id.start !=
		 BPF_CORE_READ(task, group_leader, start_boottime)) /* a number that was free again */
		run.agreed &= ~sender_fact(FACT_process_pid);
	if (giver->id.uid != present.uid)
		run.different |= sender_fact(FACT_process_uid);
	if (giver->id.gid != present.gid)
		run.different |= sender_fact(FACT_process_gid);
	if (giver->id.cgroup_id != present.cgroup_id)
		run.different |= sender_fact(FACT_process_cgroup);
	bpf_loop(IMAGE_PAIRS, giver_pair_step, &run, 0);
	return 0;
}

/* The number of the socket by which whoever gave what the present task receives is noted; 0 where nobody knows. */
worker u64 giver_key(struct task_struct *task)
{
	u64 *from = bpf_task_storage_get(&received_from, task, NULL, 0);
	struct sock *sk;

	if (!from || !*from)
		return 0;
	sk = (void *)*from;
	if (BPF_CORE_READ(sk, sk_type) == SOCK_STREAM)
		sk = BPF_CORE_READ((struct unix_sock *)sk, peer);
	return sk ? BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) : 0;
}

/* Copies a note: 1 where it is there. The kernel may put another's in its place at any moment. */
apart int copy_giver(struct giver *giver, u64 key)
{
	struct giver *noted = bpf_map_lookup_elem(&givers, &key), *again;

	if (!giver || !noted || bpf_probe_read_kernel(giver, sizeof(*giver), noted))
		return 0;
	again = bpf_map_lookup_elem(&givers, &key);
	if (!again || again != noted || giver->key != key || again->key != key)
		return 0;
	giver->differ |= again->differ;
	return 1;
}

#endif
