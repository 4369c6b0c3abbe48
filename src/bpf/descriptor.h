/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* A passed file descriptor as facts: its type, path, device and access, worded as the reader words them. */
#ifndef SOCKWARDEN_DESCRIPTOR_H
#define SOCKWARDEN_DESCRIPTOR_H

#include "facts.h"

/* include/uapi/linux/magic.h */
enum {
	ANON_INODE_FS = 0x09041934,
	SOCK_FS = 0x534f434b,
	PIPE_FS = 0x50495045,
	MOST_DIGITS = 20,
};

/* The word of a file's type: positions in image.h's enum file_word by the type bits of its mode, shifted down. */
const volatile u8 file_words[16] SEC(".rodata.words") = {
	[0] = FILE_anon_inode, [1] = FILE_pipe,    [2] = FILE_character, [4] = FILE_directory,
	[6] = FILE_block,      [8] = FILE_regular, [10] = FILE_symlink,  [12] = FILE_socket,
};

worker u32 file_word(u32 mode, u64 magic)
{
	return magic == ANON_INODE_FS ? FILE_anon_inode : file_words[mode >> 12 & 15];
}

worker u32 access_word(u32 f_mode)
{
	const u32 words = ACCESS_none | ACCESS_r << 4 | ACCESS_w << 8 | ACCESS_rw << 12;

	return words >> 4 * (f_mode & 3) & 15;
}

/* Writes a number into the text of a matching, so that it ends before `end`. Returns where it begins. */
worker u32 write_number(struct matching *match, u64 number, u32 end)
{
	for (u32 i = 0; i < MOST_DIGITS; i++) {
		end--;
		match->text[BOUNDED(end, MATCH_TEXT - 1)] = '0' + number % 10;
		number /= 10;
		if (!number)
			break;
	}
	return end;
}

worker u32 write_word(struct matching *match, const char *word, u32 length, u32 end)
{
	end -= length;
	for (u32 i = 0; i < length; i++)
		match->text[BOUNDED(end + i, MATCH_TEXT - 1)] = word[i];
	return end;
}

/* "259:1" */
worker void ask_device(struct matching *match, u32 device)
{
	u32 at = write_number(match, device & 0xfffff, MATCH_TEXT);

	at--;
	match->text[BOUNDED(at, MATCH_TEXT - 1)] = ':';
	at = write_number(match, device >> 20, at);
	ask_text(match, FACT_fds_device, at, MATCH_TEXT - at, false);
}

/* "socket:[5]" and "pipe:[7]" */
worker void ask_numbered(struct matching *match, bool is_socket, u64 number)
{
	u32 at = MATCH_TEXT - 1;

	match->text[at] = ']';
	at = write_number(match, number, at);
	at = is_socket ? write_word(match, "socket:[", 8, at) : write_word(match, "pipe:[", 6, at);
	ask_text(match, FACT_fds_path, at, MATCH_TEXT - at, false);
}

/* A path by the names of its directories; of a file without any links, deleted. */
worker void ask_file_path(struct matching *match, struct file *file, bool is_anonymous, bool is_deleted)
{
	u32 at = write_path(match, BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry));
	u32 length;

	if (!at)
		return;
	if (is_anonymous)
		at = write_word(match, "anon_inode:", 11, at + 1); /* in the place of the slash */
	if (at == MATCH_TEXT) {
		at--;
		match->text[at] = '/';
	}
	length = MATCH_TEXT - at;
	if (is_deleted) {
		__builtin_memcpy(&match->text[MATCH_TEXT], " (deleted)", 10);
		length += 10;
	}
	ask_text(match, FACT_fds_path, at, length, false);
}

/* All of them, of the struct file at an address. */
apart int ask_fd(struct matching *match, u64 address)
{
	struct file *file = (void *)address;
	struct inode *inode;
	u32 mode, device;
	u64 magic;

	if (!match)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	mode = BPF_CORE_READ(inode, i_mode);
	magic = BPF_CORE_READ(inode, i_sb, s_magic);
	device = BPF_CORE_READ(inode, i_sb, s_dev);
	if (is_asked(FACT_fds_type))
		ask_number(match, FACT_fds_type, file_word(mode, magic));
	if (is_asked(FACT_fds_access))
		ask_number(match, FACT_fds_access, access_word(BPF_CORE_READ(file, f_mode)));
	if (is_asked(FACT_fds_device))
		ask_device(match, device);
	if (!is_asked(FACT_fds_path))
		return 0;
	if (magic == SOCK_FS || magic == PIPE_FS)
		ask_numbered(match, magic == SOCK_FS, BPF_CORE_READ(inode, i_ino));
	else
		ask_file_path(match, file, magic == ANON_INODE_FS, !BPF_CORE_READ(inode, i_nlink) && mode & S_IFMT);
	return 0;
}

#endif
