/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Paths out of kernel memory: names from the leaf to the root, each NUL-terminated, as the reader joins them. */
#ifndef SOCKWARDEN_TEXT_H
#define SOCKWARDEN_TEXT_H

#include "match.h"

struct walk {
	struct dentry *dentry;
	struct mount *mount;
	struct dentry *root; /* of the present mount */
	struct kernfs_node *node;
	struct matching *match; /* whose text is written to, from its end on; or NULL */
	u32 place;              /* of the scratch that is written to */
	u32 start;
	u32 at; /* offset of the next name in it */
	u32 done;
};

worker u32 append_to_scratch(struct walk *walk, const char *name)
{
	struct scratch *room = scratch(walk->place);
	u32 at = walk->at;
	long copied;

	if (!room || at - walk->start > PATH_ROOM - 256)
		return 0;
	at = BOUNDED(at, 0xfff);
	copied = bpf_probe_read_kernel_str(&room->bytes[at], 256, name);
	if (copied <= 0)
		return 0;
	walk->at = at + copied;
	return 1;
}

/* Writes a slash and the name before what is there. */
worker u32 prepend_name(struct walk *walk, const char *name)
{
	struct matching *match = walk->match;
	u8 *room = &match->text[MATCH_TEXT];
	long length = bpf_probe_read_kernel_str(room, 256, name) - 1;

	if (length <= 0 || length + 1 > walk->at)
		return 0;
	walk->at -= length;
	length = BOUNDED(length, 0xff);
	bpf_probe_read_kernel(&match->text[BOUNDED(walk->at, MATCH_TEXT - 1)], length, room);
	walk->at--;
	match->text[BOUNDED(walk->at, MATCH_TEXT - 1)] = '/';
	return 1;
}

worker u32 append_name(struct walk *walk, const char *name)
{
	if (walk->match)
		return prepend_name(walk, name);
	return append_to_scratch(walk, name);
}

static long dentry_step(u32 step, struct walk *walk)
{
	struct dentry *dentry = walk->dentry;
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

	if (dentry == walk->root || dentry == parent) {
		struct mount *mount = walk->mount;
		struct mount *above = BPF_CORE_READ(mount, mnt_parent);

		if (mount == above || !above) {
			walk->done = 1;
			return 1;
		}
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = above;
		walk->root = BPF_CORE_READ(above, mnt.mnt_root);
		return 0;
	}
	if (!append_name(walk, (const char *)BPF_CORE_READ(dentry, d_name.name)))
		return 1;
	walk->dentry = parent;
	return 0;
}

/* Appends the path of `path` at bytes[at] of a scratch. Returns the bytes written; 0 for a root or for no path. */
worker u32 append_path(u32 place, u32 at, struct vfsmount *mnt, struct dentry *dentry, u8 *cut)
{
	struct walk walk = {.place = place, .start = at, .at = at, .dentry = dentry};

	if (!mnt || !dentry)
		return 0;
	walk.root = BPF_CORE_READ(mnt, mnt_root);
	walk.mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	bpf_loop(PATH_NAMES, dentry_step, &walk, 0);
	*cut = !walk.done;
	return walk.at - at;
}

worker struct kernfs_node *parent_node(struct kernfs_node *node)
{
	struct kernfs_node___6_15 *newer = (void *)node;

	/* kernel 633488947ef6 (6.15): kernfs_node.parent became __parent */
	if (bpf_core_field_exists(newer->__parent))
		return BPF_CORE_READ(newer, __parent);
	return BPF_CORE_READ(node, parent);
}

static long kernfs_step(u32 step, struct walk *walk)
{
	struct kernfs_node *node = walk->node, *parent = parent_node(node);

	walk->done = !parent;
	if (!parent || !append_name(walk, BPF_CORE_READ(node, name)))
		return 1;
	walk->node = parent;
	return 0;
}

worker u32 append_cgroup(u32 place, u32 at, struct kernfs_node *node)
{
	struct walk walk = {.place = place, .start = at, .at = at, .node = node};

	if (!node)
		return 0;
	bpf_loop(PATH_NAMES, kernfs_step, &walk, 0);
	return walk.at - at;
}

/* Write a path into the text of a matching, to its end. Return where it begins, MATCH_TEXT for a root; 0 where it is
 * longer than that. */
worker u32 write_path(struct matching *match, struct vfsmount *mnt, struct dentry *dentry)
{
	struct walk walk = {.match = match, .at = MATCH_TEXT, .dentry = dentry};

	if (!mnt || !dentry)
		return 0;
	walk.root = BPF_CORE_READ(mnt, mnt_root);
	walk.mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	bpf_loop(PATH_NAMES, dentry_step, &walk, 0);
	return walk.done ? walk.at : 0;
}

worker u32 write_cgroup(struct matching *match, struct kernfs_node *node)
{
	struct walk walk = {.match = match, .at = MATCH_TEXT, .node = node};

	if (!node)
		return 0;
	bpf_loop(PATH_NAMES, kernfs_step, &walk, 0);
	return walk.done ? walk.at : 0;
}

#endif
