/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* The file that a path leads to: the kernel's cache of names, searched as the kernel is about to search it. A socket
 * that is bound to a file holds that file and all folders above it in the cache, so who can be talked to is found
 * there. */
#ifndef SOCKWARDEN_LOOKUP_H
#define SOCKWARDEN_LOOKUP_H

#include "base.h"

enum {
	LOOKUP_STEPS = 256,        /* names of a path, and of the links on it */
	LOOKUP_LINKS = 40,         /* MAXSYMLINKS */
	LOOKUP_CHILDREN = 1 << 16, /* of all folders of a path */
	LOOKUP_MOUNTS = 1 << 14,
	LOOKUP_STACKED = 16, /* mounts over each other, or that ".." leaves at once */
	LOOKUP_TEXT = 1024,
	LOOKUP_START = 512, /* of the path; before it is room for links */
	NAME_ROOM = 256,
	TMPFS = 0x01021994, /* include/uapi/linux/magic.h */
	RAMFS = 0x858458f6,
};

enum lookup_state {
	LOOKUP_GOES_ON,
	LOOKUP_FOUND,
	LOOKUP_NOTHING, /* certainly no socket is there */
	LOOKUP_UNKNOWN, /* what it leads to is not in the cache, or cannot be read from it */
};

struct lookup {
	u64 dentry; /* where it has come to, and the next three: */
	u64 mount;  /* struct mount */
	u64 root;   /* of the task: what a path cannot leave */
	u64 root_mount;
	u64 inode; /* of what was found */
	u64 child; /* struct dentry or struct mount that is looked at */
	u64 end;   /* of a list of mounts */
	u32 state;
	u32 links;
	u32 budget; /* children that may still be looked at */
	u32 spare;
	u32 at;     /* in the text: what is left of the path */
	u32 length; /* of the name */
	u8 name[NAME_ROOM + 8];
	u8 other[NAME_ROOM + 8];
	u8 text[2 * LOOKUP_TEXT]; /* twice, so that offset + length need no joint bound */
};

static long name_step(u32 step, struct lookup **context)
{
	struct lookup *lookup = *context;
	u8 byte = lookup->text[BOUNDED(lookup->at, LOOKUP_TEXT - 1)];

	if (!byte || lookup->at >= LOOKUP_TEXT || (byte == '/' && lookup->length))
		return 1;
	lookup->at++;
	if (byte != '/')
		lookup->name[BOUNDED(lookup->length++, NAME_ROOM - 1)] = byte;
	return 0;
}

/* The next name of the path; of no length where there is none. */
worker void next_name(struct lookup *lookup)
{
	__builtin_memset(lookup->name, 0, NAME_ROOM);
	lookup->length = 0;
	bpf_loop(LOOKUP_TEXT, name_step, &lookup, 0);
}

worker bool is_same_name(struct lookup *lookup, struct dentry *dentry)
{
	const u64 *name = (void *)lookup->name, *other = (void *)lookup->other;
	u64 differs = 0;

	__builtin_memset(lookup->other, 0, NAME_ROOM);
	if (bpf_probe_read_kernel(lookup->other, BOUNDED(lookup->length, NAME_ROOM - 1),
				  BPF_CORE_READ(dentry, d_name.name)))
		return false;
	for (u32 i = 0; i < NAME_ROOM / sizeof(u64); i++)
		differs |= name[i] ^ other[i];
	return !differs;
}

static long child_step(u32 step, struct lookup **context)
{
	struct lookup *lookup = *context;
	struct dentry *dentry = (void *)lookup->child;
	struct hlist_node *next;

	if (!dentry)
		return 1;
	/* one that has been moved to another folder leads into the list of that */
	if (!lookup->budget || (u64)BPF_CORE_READ(dentry, d_parent) != lookup->dentry) {
		lookup->state = LOOKUP_UNKNOWN;
		lookup->child = 0;
		return 1;
	}
	lookup->budget--;
	/* what is removed while it is in use stays in the list, but not in the table of names */
	if (BPF_CORE_READ(dentry, d_name.len) == lookup->length && BPF_CORE_READ(dentry, d_hash.pprev) &&
	    is_same_name(lookup, dentry))
		return 1;
	next = BPF_CORE_READ(dentry, d_sib.next);
	lookup->child = next ? (u64)next - bpf_core_field_offset(struct dentry, d_sib) : 0;
	return 0;
}

/* Finds the name in the present folder: 1 where lookup->child is it. */
apart int find_child(struct lookup *lookup)
{
	struct dentry *folder, *child;
	struct hlist_node *first;
	u64 magic;

	if (!lookup || !bpf_core_field_exists(((struct dentry *)0)->d_children))
		return 0;
	folder = (void *)lookup->dentry;
	lookup->state = LOOKUP_NOTHING;
	if ((BPF_CORE_READ(folder, d_inode, i_mode) & S_IFMT) != S_IFDIR)
		return 0;
	first = BPF_CORE_READ(folder, d_children.first);
	lookup->child = first ? (u64)first - bpf_core_field_offset(struct dentry, d_sib) : 0;
	bpf_loop(LOOKUP_CHILDREN + 1, child_step, &lookup, 0);
	magic = BPF_CORE_READ(folder, d_inode, i_sb, s_magic);
	child = (void *)lookup->child;
	/* a folder may compare names by itself, and what is in the cache may have to be asked about anew; tmpfs and
	 * ramfs have no files but in the cache */
	if (BPF_CORE_READ(folder, d_flags) & (DCACHE_OP_HASH | DCACHE_OP_COMPARE) ||
	    (child && BPF_CORE_READ(child, d_flags) & DCACHE_OP_REVALIDATE) ||
	    (!child && magic != TMPFS && magic != RAMFS))
		lookup->state = LOOKUP_UNKNOWN;
	if (!child || lookup->state == LOOKUP_UNKNOWN || !BPF_CORE_READ(child, d_inode))
		return 0;
	lookup->state = LOOKUP_GOES_ON;
	return 1;
}

static long mount_step(u32 step, struct lookup **context)
{
	struct lookup *lookup = *context;
	struct mount *mount;

	if (lookup->child == lookup->end)
		return 1;
	mount = (void *)(lookup->child - bpf_core_field_offset(struct mount, mnt_child));
	if ((u64)BPF_CORE_READ(mount, mnt_mountpoint) == lookup->dentry)
		return 1;
	lookup->child = (u64)BPF_CORE_READ(mount, mnt_child.next);
	return 0;
}

/* From a folder to what is mounted over it: 1 where something is. */
apart int find_mounted(struct lookup *lookup)
{
	struct mount *mount;

	if (!lookup)
		return 0;
	mount = (void *)lookup->mount;
	lookup->end = lookup->mount + bpf_core_field_offset(struct mount, mnt_mounts);
	lookup->child = (u64)BPF_CORE_READ(mount, mnt_mounts.next);
	bpf_loop(LOOKUP_MOUNTS, mount_step, &lookup, 0);
	if (!lookup->child || lookup->child == lookup->end)
		return 0;
	mount = (void *)(lookup->child - bpf_core_field_offset(struct mount, mnt_child));
	if ((u64)BPF_CORE_READ(mount, mnt_mountpoint) != lookup->dentry) {
		lookup->state = LOOKUP_UNKNOWN; /* too many */
		return 0;
	}
	lookup->mount = (u64)mount;
	lookup->dentry = (u64)BPF_CORE_READ(mount, mnt.mnt_root);
	return 1;
}

apart int descend(struct lookup *lookup)
{
	for (u32 i = 0; lookup && i < LOOKUP_STACKED; i++) {
		if (!find_mounted(lookup))
			return 0;
	}
	if (lookup)
		lookup->state = LOOKUP_UNKNOWN; /* more than that */
	return 0;
}

/* To the folder above, out of the mounts that begin here. */
apart int ascend(struct lookup *lookup)
{
	for (u32 i = 0; lookup && i < LOOKUP_STACKED; i++) {
		struct dentry *dentry = (void *)lookup->dentry;
		struct mount *mount = (void *)lookup->mount;

		if (lookup->dentry == lookup->root && lookup->mount == lookup->root_mount)
			return 0;
		if (dentry != BPF_CORE_READ(mount, mnt.mnt_root)) {
			lookup->dentry = (u64)BPF_CORE_READ(dentry, d_parent);
			return 0;
		}
		if (mount == BPF_CORE_READ(mount, mnt_parent))
			return 0;
		lookup->dentry = (u64)BPF_CORE_READ(mount, mnt_mountpoint);
		lookup->mount = (u64)BPF_CORE_READ(mount, mnt_parent);
	}
	if (lookup)
		lookup->state = LOOKUP_UNKNOWN;
	return 0;
}

/* Puts the target of a symbolic link in its place. Some have none to read: those of /proc, and those that a file system
 * keeps outside the inode. */
apart int follow_link(struct lookup *lookup)
{
	struct dentry *link;
	long length = 0;
	char *target;

	if (!lookup)
		return 0;
	link = (void *)lookup->child;
	target = BPF_CORE_READ(link, d_inode, i_link);
	if (target)
		length = bpf_probe_read_kernel_str(lookup->other, NAME_ROOM, target) - 1;
	if (length <= 0 || length >= NAME_ROOM - 1 || length > lookup->at || ++lookup->links > LOOKUP_LINKS) {
		lookup->state = LOOKUP_UNKNOWN;
		return 0;
	}
	lookup->at -= length;
	bpf_probe_read_kernel(&lookup->text[BOUNDED(lookup->at, LOOKUP_TEXT - 1)], BOUNDED(length, NAME_ROOM - 1),
			      lookup->other);
	if (lookup->other[0] == '/') {
		lookup->dentry = lookup->root;
		lookup->mount = lookup->root_mount;
	}
	return 0;
}

static long lookup_step(u32 step, struct lookup **context)
{
	struct lookup *lookup = *context;
	struct dentry *dentry;

	next_name(lookup);
	dentry = (void *)lookup->dentry;
	if (!lookup->length) {
		lookup->inode = (u64)BPF_CORE_READ(dentry, d_inode);
		lookup->state = LOOKUP_FOUND;
	} else if (lookup->name[0] == '.' && lookup->length == 1) {
		return 0;
	} else if (lookup->name[0] == '.' && lookup->name[1] == '.' && lookup->length == 2) {
		ascend(lookup);
		descend(lookup);
	} else if (find_child(lookup)) {
		u64 folder = lookup->dentry, mount = lookup->mount;

		lookup->dentry = lookup->child;
		descend(lookup);
		dentry = (void *)lookup->dentry;
		if ((BPF_CORE_READ(dentry, d_inode, i_mode) & S_IFMT) == S_IFLNK) {
			lookup->child = lookup->dentry;
			lookup->dentry = folder;
			lookup->mount = mount;
			follow_link(lookup);
		}
	}
	return lookup->state != LOOKUP_GOES_ON;
}

/* Looks up the path that stands at lookup->text[LOOKUP_START], ended by a NUL, for the present task. */
apart int look_up(struct lookup *lookup)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!lookup)
		return LOOKUP_UNKNOWN;
	lookup->state = LOOKUP_UNKNOWN;
	lookup->links = 0;
	lookup->budget = LOOKUP_CHILDREN;
	lookup->inode = 0;
	lookup->at = LOOKUP_START;
	if (!bpf_core_field_exists(((struct dentry *)0)->d_children) || !BPF_CORE_READ(task, fs))
		return LOOKUP_UNKNOWN;
	lookup->root = (u64)BPF_CORE_READ(task, fs, root.dentry);
	lookup->root_mount = (u64)BPF_CORE_READ(task, fs, root.mnt) - bpf_core_field_offset(struct mount, mnt);
	lookup->dentry = lookup->root;
	lookup->mount = lookup->root_mount;
	if (lookup->text[LOOKUP_START] != '/') {
		lookup->dentry = (u64)BPF_CORE_READ(task, fs, pwd.dentry);
		lookup->mount = (u64)BPF_CORE_READ(task, fs, pwd.mnt) - bpf_core_field_offset(struct mount, mnt);
	}
	lookup->state = LOOKUP_GOES_ON;
	bpf_loop(LOOKUP_STEPS, lookup_step, &lookup, 0);
	if (lookup->state == LOOKUP_GOES_ON)
		lookup->state = LOOKUP_UNKNOWN;
	return lookup->state;
}

#endif
