/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* The image: what the compiler of policies writes, and what two matchers read, in the kernel and in C++.
 *
 * An expression is a disjunction of clauses; a clause is a conjunction of tests, each of one fact. Clause i owns bit i
 * of every vector. For each fact that is asked about, a column leads from the fact's value to the vector of the clauses
 * that accept it (those that do not ask about the fact do), and the AND of the vectors of all facts is the set of
 * clauses that match: bit-vector classification (Lakshman and Stiliadis, SIGCOMM 1998). A vector's summary says which
 * of its words have any bit, so that of 1,024 clauses only words that can match are looked at (Baboescu and Varghese,
 * SIGCOMM 2001).
 *
 * Facts can be unknown. A matcher keeps two sets: `possible`, the AND of what is accepted, and `doubt`, the OR of the
 * clauses that ask about something unknown. An unknown fact leaves `possible` as it is and adds its column's `asks` to
 * `doubt`. A clause is certain where it is possible and not in doubt: that is Kleene's logic, clause by clause.
 *
 * The elements of a list (descriptors, senders) have a space of vectors of their own. Each element is classified like a
 * message; the element clauses that some element matched are the hits of the list's column.
 *
 * Offsets are in bytes from the image's beginning, and multiples of 8. Numbers are in the machine's order. Vectors are
 * given by their number within their space. Both sides define u8 to u64 before they include this. */
#ifndef SOCKWARDEN_IMAGE_H
#define SOCKWARDEN_IMAGE_H

enum {
	IMAGE_CLAUSES = 1024, /* of one space */
	IMAGE_WORDS = IMAGE_CLAUSES / 64,
	IMAGE_BYTES = 1 << 20, /* room for an image; what it has is in image.size */
	IMAGE_PROBES = 8,      /* places of a table of files that are looked at for one file */
	IMAGE_LAYERS = 4,      /* tests of one fact that one clause wants to hit */
	IMAGE_PAIRS = 16,      /* pairs of facts that are compared */
	IMAGE_POLICIES = 64,
	IMAGE_SPLITS = 12, /* halvings that find a value among the intervals of a column: 4,096 of them */
};

/* Positions of the rows of facts.def. */
enum fact {
#define FACT(id, path, type, operators, speed, values, doc) FACT_##id,
#include "../../catalog/fact_names.h"
	FACT_COUNT
};

/* What rules order, the mildest first. */
enum action {
#define ACTION(id, name, when_unknown, doc) ACTION_##id,
#include "../../catalog/actions.def"
#undef ACTION
};

/* Words of the facts fds.type and fds.access, in the order of facts.def. */
enum file_word {
	FILE_regular,
	FILE_directory,
	FILE_socket,
	FILE_pipe,
	FILE_character,
	FILE_block,
	FILE_symlink,
	FILE_anon_inode,
};

enum access_word {
	ACCESS_r,
	ACCESS_w,
	ACCESS_rw,
	ACCESS_none,
};

/* Where something can be refused. */
enum point {
#define POINT(id, by, word, name, hooks, events, actions, facts, limits) POINT_##id,
#define EXCEPT(point, event, facts)
#define PAIR(point, fact, other)
#define UNTOLD(by, fact, read, why)
#define ONLY(point, families, types)
#include "../../catalog/points.def"
#undef POINT
#undef EXCEPT
#undef PAIR
#undef UNTOLD
#undef ONLY
	POINT_COUNT
};

enum {
	HITS_OF_POINT = IMAGE_CLAUSES + IMAGE_POLICIES, /* rules, then defaults */
	GUARD_SLOTS = 16, /* messages judged at once on a CPU, where one interrupts another; a power of two */
};

/* Programs of the guard. */
enum guard_hook {
#define GUARD(id, point, asked, target, purpose) GUARD_##id,
#include "../../catalog/guards.def"
#undef GUARD
	GUARD_COUNT
};

enum {
	REQUEST_FUNCTIONS = 16,
	FUNCTION_OF_MESSAGE = 0xfe,
	STACK_FRAMES = 32, /* of the kernel's stack, in which one of them is looked for */
};

/* A function of the kernel that serves a request of io_uring, or hands out the files of a message: return addresses
 * into it are between these two. */
struct request_function {
	u64 from;
	u64 to;    /* 0 for none */
	u32 event; /* or FUNCTION_OF_MESSAGE */
	u32 spare;
};

/* The spaces: of the message, then of the elements of each list. */
enum image_space_id {
	SPACE_MESSAGE,
	SPACE_SENDERS,
	SPACE_FDS,
	SPACE_COUNT
};

struct image_vector {
	u64 summary;
	u64 word[IMAGE_WORDS]; /* the first image_space.words of them */
};

/* Vector number n begins at vectors + n * 8 * (1 + words): its summary, then its words. Bit w of the summary: word w
 * has bits. Number 0 is the empty vector. Bits past the last clause are 0. */
struct image_space {
	u32 clauses;
	u32 words;   /* (clauses + 63) / 64; 0 for a space without clauses */
	u32 vectors; /* offset */
	u32 vector_count;
	u64 facts;            /* that its clauses ask about: a bit for each enum fact */
	u64 all[IMAGE_WORDS]; /* a bit for each clause */
};

enum column_kind {
	COLUMN_NONE,    /* nobody asks */
	COLUMN_WORD,    /* a small number stands for each value: u16 vector[count] */
	COLUMN_NUMBER,  /* intervals: u64 start[count], then u16 vector[count]; start[0] is 0, they rise */
	COLUMN_FLAGS,   /* struct image_flag[count]: the AND of all */
	COLUMN_FILE,    /* struct image_file[count]: a hash table, see image_file_hash */
	COLUMN_ADDRESS, /* intervals: struct image_address start[count], then u16 vector[count]; as numbers */
	COLUMN_TEXT,    /* struct image_text */
	COLUMN_LIST,    /* struct image_hits: hits are element clauses of the list's space */
};

/* Of each fact, by FactId. */
struct image_column {
	u32 kind;
	u32 space;  /* whose clauses its vectors have */
	u32 table;  /* offset; what stands there says `kind` */
	u32 count;  /* entries of the table */
	u32 absent; /* vector: accept that there is no such fact */
	u32 other;  /* vector: accept a value that is not in the table (WORD, FILE) */
	u32 asks;   /* vector: ask about the fact in any way; doubtful where it is unknown */
	u32 spare;
};

struct image_flag {
	u64 mask; /* set: all of these bits */
	u32 set;  /* vector for each */
	u32 clear;
};

/* A file is at place hash, or at one of the next IMAGE_PROBES - 1, modulo `count`, a power of two. */
struct image_file {
	u64 device; /* as the kernel has it: major << 20 | minor */
	u64 inode;
	u32 vector;
	u32 used;
};

#define IMAGE_FILE_HASH(device, inode) ((((inode) ^ ((device) << 32)) * 0x9e3779b97f4a7c15ULL) >> 40)

/* An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d, as two numbers. */
struct image_address {
	u64 high;
	u64 low;
};

/* What hits lead to. Of a text, hits are the patterns that match; of a list, the element clauses that some element
 * matches. With H the hits, the clauses that accept are
 *
 *	AND over layers l of (base[l] | OR over h in H of need[h][l])  &  ~ OR over h in H of refuse[h]  &  ~ without
 *
 * base[l] has the clauses that want fewer than l + 1 hits. Where U are those of which nobody knows whether they are
 *hits, `possible` takes H and U for the needed ones and H for the refused, and what is certain H and H and U. A list of
 *which nothing is known may not be there at all: then `without` refuses nothing, and `presence` is in doubt. */
struct image_hits {
	u32 count;              /* of what can be hit */
	u32 layers;             /* 1 to IMAGE_LAYERS */
	u32 base[IMAGE_LAYERS]; /* vectors */
	u32 without;            /* vector: clauses that want the fact not to be there */
	u32 presence;           /* vector: those that ask whether it is */
	u32 map;                /* offset of u16 [count][layers + 1]: vectors need[0] … need[layers - 1], refuse */
	u32 spare;
};

/* One automaton of all patterns of a fact: state = next[(state << row) + class_of[byte]] with each byte, from `start`.
 * In whichever state it is, the first included, the patterns of set visit[state] are hits; where the text ends, those
 * of end[state] too. States below `plain` report nothing and are not dead; from a dead state nothing is reported.
 *
 * Where a text is cut (at least one byte follows that nobody knows), the patterns of set sure[state] are hits as well:
 * whichever byte follows, they are. Those that are in open[state] and no hits may become such; all others never.
 *
 * Set i stands at sets + i * 8 * set_words, bit p % 64 of word p / 64 for pattern p. Set 0 is empty. */
struct image_text {
	struct image_hits hits;
	u32 row; /* the table has 1 << row entries for each state, as shifting takes less time than multiplying */
	u32 states;
	u32 start;
	u32 plain;
	u32 class_of; /* offset of u8 [256] */
	u32 next;     /* u16 [states][1 << row] */
	u32 visit;    /* u16 [states], as the following */
	u32 end;
	u32 sure;
	u32 open;
	u32 dead; /* u8 [states] */
	u32 sets; /* u64 [set_count][set_words] */
	u32 set_words;
	u32 set_count;
	u32 direct; /* u16 [set_count]: the vector that each set leads to if it has all hits of a text that is not cut
		     */
	u32 spare;
};

/* Two facts that are compared. Where one is absent, so is the pair; where one is unknown, the pair is. A pair of a
 * message's fact and an element's belongs to the element's space. */
struct image_pair {
	u16 first; /* FactIds */
	u16 second;
	u32 space;
	u32 equal; /* vectors */
	u32 different;
	u32 absent;
	u32 asks;
};

/* Rules and policies own ranges of the clauses of the message's space, from the first to the one before the end; they
 * follow each other as in the files. */
struct image_rule {
	u16 first_clause;
	u16 end_clause;
	u8 action;       /* enum action */
	u8 when_unknown; /* ActionId, or IMAGE_NOTHING: the rule is passed */
	u16 spare;
	u32 error; /* errno; 0 where the rule does not say */
};

#define IMAGE_NOTHING 0xff

struct image_policy {
	u16 first_clause;
	u16 end_clause;
	u8 otherwise; /* enum action, where no rule decides */
	u8 enforced;  /* not only reported */
	u16 first_rule;
};

struct image_head {
	u32 size; /* of the image in bytes */
	u32 pair_count;
	u32 rules; /* offset of struct image_rule [rule_count]; an expression that stands alone has none */
	u32 rule_count;
	u32 rule_of;  /* offset of u16 [clauses of the message's space]: the rule that each belongs to */
	u32 policies; /* offset of struct image_policy [policy_count] */
	u32 policy_count;
	u32 spare;
	struct image_space space[SPACE_COUNT];
	struct image_pair pair[IMAGE_PAIRS];
	struct image_column column[FACT_COUNT];
};

/* ---- What is told while a match is made. */

/* What is worked out once and serves several messages, or is worked out beforehand. */
enum kept_id {
	KEPT_PROCESS,
	KEPT_SOCKET,
	KEPT_SENDERS,
	KEPT_FDS,
	KEPT_COUNT
};

enum pair_outcome {
	PAIR_EQUAL,
	PAIR_DIFFERENT,
	PAIR_ABSENT, /* one of the two is */
	PAIR_UNKNOWN,
};

/* ---- What the policies of an image decide. */

enum {
	VERDICT_ALERTS = 16, /* that are told of one message; others are counted */
	VERDICT_NO_RULE = 0xffff,
	VERDICT_UNCERTAIN = 0x8000, /* beside the number of a rule */
};

struct verdict {
	u8 action; /* enum action */
	u8 certain;
	u8 enforced; /* somebody is refused something, not only reported */
	u8 policy;   /* whose verdict it is */
	u16 rule;    /* that decided, or VERDICT_NO_RULE */
	u16 alerts;
	u32 error; /* errno; 0 where the rule does not say */
	u16 alert[VERDICT_ALERTS];
};

/* What is told of a verdict. Numbers are positions in the image of the point and the generation. */
struct verdict_part {
	u32 generation;
	u32 point; /* enum point */
	struct verdict verdict;
	u32 refused; /* receives in a row of the message that is next, this one included; 0 where nothing stays queued
		      */
};

/* A reader in a poll loop asks for a message that stays queued as fast as it can: told are so many refusals of it, and
 * from then on each of so many. */
enum {
	TOLD_REFUSALS = 100,
	TOLD_REFUSALS_EACH = 10000,
};

#endif
