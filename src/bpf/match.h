/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* The matcher: from facts to the clauses of the image (image.h) that may hold. A fact that is not told here is unknown,
 * and leaves every clause possible.
 *
 * A filter asks only whether some clause may hold: the reader, which knows more, decides in doubt. Where verdicts are
 * given (verdict.h) the doubt is kept as well: which of the possible clauses are not certain.
 *
 * Each function is verified in each program that calls it, so the loops are in functions of their own, apart, and hold
 * nothing that the verifier would follow in more than one way. */
#ifndef SOCKWARDEN_MATCH_H
#define SOCKWARDEN_MATCH_H

#include "maps.h"

enum {
	MATCH_TEXT = PATH_ROOM, /* bytes of a text that are fed at a time */
	MATCH_CHUNK = 16,       /* of them, in one step of a loop */
};

#define ASKED(id) (1ULL << FACT_##id)
#define EVERYTHING (~0ULL) /* all facts, and all pairs of them */

static const u64 facts_of_process = ASKED(process_exe) | ASKED(process_exe_path) | ASKED(process_comm) |
				    ASKED(process_uid) | ASKED(process_gid) | ASKED(process_pid) |
				    ASKED(process_cgroup) | ASKED(process_parent_exe);
static const u64 facts_of_socket =
	ASKED(socket_family) | ASKED(socket_type) | ASKED(socket_protocol) | ASKED(socket_netns) | ASKED(local_path) |
	ASKED(local_path_text) | ASKED(local_abstract) | ASKED(local_address) | ASKED(local_port) | ASKED(remote_path) |
	ASKED(remote_path_text) | ASKED(remote_abstract) | ASKED(remote_address) | ASKED(remote_port);

/* Sets of clauses, patterns and elements that grow while a match is made. */
enum bits_id {
	BITS_DOUBT, /* clauses that are not certain; kept only where verdicts are given */
	BITS_HITS,  /* of the text that is matched, or of a list: see struct image_hits */
	BITS_OPEN,
	BITS_ELEMENT_HITS, /* the clauses that held of some element so far */
	BITS_ELEMENT_OPEN,
	BITS_REFUSED, /* what hits lead to, as it is for certain, and as it may be */
	BITS_MAY_BE_REFUSED,
	BITS_MUST, /* IMAGE_LAYERS of them */
	BITS_MAY = BITS_MUST + IMAGE_LAYERS,
	BITS_COUNT = 16, /* a power of two */
};

struct kept {
	struct image_vector possible;
	u64 is_doubtful; /* whether some clause is */
	u64 doubt[IMAGE_WORDS];
};

/* The judging that goes on (verdict.h). */
struct judging {
	u32 policy;
	u32 at;                 /* the clause that is next */
	u32 passed;             /* an uncertain rule that orders nothing then */
	struct verdict now;     /* of the policy */
	struct verdict verdict; /* of those before it, with all alerts */
};

/* What matching needs of a task. */
struct matching {
	u64 owner; /* the task whose this is (owner_of) */
	struct kept kept[KEPT_COUNT];
	u64 comm[2]; /* of the process, as it was when its part was kept, and the next five: */
	u64 cgroup_id;
	u32 uid;
	u32 gid;
	u32 exec;
	u32 process_known;
	u64 socket_key; /* the same of the socket of its last call */
	u64 local_print;
	u64 remote_print;
	u64 rest_of_print; /* of a guard: what tells more of the peer; else how often the socket was told */
	u64 task;          /* for functions that cannot be given the pointers */
	u64 socket_address;
	u32 image; /* of a guard: which one it goes by */
	/* The match that is made. */
	u64 summary; /* of possible; may have bits too many. 0: there is nothing left to ask */
	u64 asked;   /* facts that the space's clauses ask about: a bit for each; where verdicts are given */
	u64 told;    /* those that were told, likewise */
	u32 space;   /* whose clauses, and the next two are of it: */
	u32 vectors; /* offset of the space's vectors, and the words and bytes of one */
	u32 words;
	u32 stride;
	u64 possible[IMAGE_WORDS];
	u64 bits[BITS_COUNT][IMAGE_WORDS];
	u32 pairs_told; /* a bit for each */
	/* The text that is matched. */
	u32 text_table; /* offset of its struct image_text; 0 for none */
	u32 state;      /* of its automaton */
	u32 sets;       /* that were hit: */
	u32 set;        /* the first. Only of more than one are the hits in BITS_HITS */
	u32 is_dead;
	u32 next_hit; /* in a map and not on the stack of a loop, where the verifier would follow each value */
	struct judging judging;
	u8 text[2 * MATCH_TEXT]; /* twice, so that offset + length need no joint bound */
};

/* By the place of the task (maps.h); the few that have none go unmatched, and the reader decides their messages. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load */
	__type(key, u32);
	__type(value, struct matching);
} matchings SEC(".maps");

struct image_room {
	u8 bytes[IMAGE_BYTES + 256]; /* so that what begins at a bounded offset ends inside */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct image_room);
} images SEC(".maps");

worker bool is_asked(u32 fact)
{
	return config.facts >> fact & 1;
}

/* The image that the match goes by. A guard has one for each point. */
worker struct image_room *image_of(const struct matching *match)
{
	u32 number = 0;

#ifdef SOCKWARDEN_GUARD
	if (match)
		number = match->image;
#endif
	return bpf_map_lookup_elem(&images, &number);
}

worker void *image_at(struct image_room *image, u32 offset)
{
	return &image->bytes[BOUNDED(offset, IMAGE_BYTES - 1)];
}

worker struct image_head *image_head(struct image_room *image)
{
	return (struct image_head *)image->bytes;
}

worker struct image_column *column_of(struct image_room *image, u32 fact)
{
	return image_at(image, offsetof(struct image_head, column) + fact * sizeof(struct image_column));
}

/* 1 where a bit is set, without a branch, which the verifier would follow both ways sixteen times over. */
worker u64 is_any(u64 word)
{
	u64 minus = -word;

	OPAQUE(minus); /* or the compiler makes a comparison of it */
	return (word | minus) >> 63;
}

/* a < b, of which the verifier learns nothing: what it knows of both would else grow with each turn of a loop, and no
 * two turns be the same to it. */
worker bool is_less(u32 a, u32 b)
{
	u64 difference = (u64)a - b;

	OPAQUE(difference);
	return difference >> 63;
}

worker void clear_bits(struct matching *match, u32 which)
{
	__builtin_memset(match->bits[which], 0, sizeof(match->bits[0]));
}

/* Leaves possible what the vector has, too. Written out, as loops would cost more than the work. */
worker void and_vector(struct matching *match, const struct image_vector *vector)
{
	match->summary &= vector->summary;
	if (!match->summary)
		return;
	match->possible[0] &= vector->word[0];
	if (match->words <= 1)
		return;
	for (u32 w = 1; w < IMAGE_WORDS; w++)
		match->possible[w] &= vector->word[w];
}

worker void begin_match(struct matching *match, u32 space)
{
	struct image_room *image = image_of(match);
	struct image_space *of;

	match->summary = ~0ULL;
	match->told = 0;
	match->space = space;
	match->pairs_told = 0;
	if (config.verdicts)
		clear_bits(match, BITS_DOUBT);
	if (!image)
		return;
	of = &image_head(image)->space[space];
	match->vectors = of->vectors;
	match->words = of->words;
	match->stride = 8 * (1 + of->words);
	match->possible[0] = of->all[0];
	if (config.verdicts)
		match->asked = of->facts;
	if (of->words > 1 || config.verdicts)
		__builtin_memcpy(match->possible, of->all, sizeof(match->possible));
}

worker u32 offset_of_vector(const struct matching *match, u32 number)
{
	return match->vectors + number * match->stride;
}

/* The fact's value is accepted by these clauses. */
worker void accept(struct matching *match, struct image_room *image, u32 number)
{
	and_vector(match, image_at(image, offset_of_vector(match, number)));
}

/* Adds words of the image to a set of bits. */
apart int add_words(struct matching *match, u32 which, u32 at, u32 words)
{
	struct image_room *image = image_of(match);
	u64 *to;

	if (!match || !image)
		return 0;
	to = match->bits[BOUNDED(which, BITS_COUNT - 1)];
	for (u32 w = 0; w < IMAGE_WORDS && w < words; w++)
		to[w] |= *(u64 *)image_at(image, at + 8 * w);
	return 0;
}

worker void add_vector(struct matching *match, u32 which, u32 number)
{
	if (number) /* 0 is empty */
		add_words(match, which, offset_of_vector(match, number) + 8, match->words);
}

worker void tell(struct matching *match, u32 fact)
{
	if (config.verdicts)
		match->told |= 1ULL << fact;
}

/* ---- Values. */

/* Facts of the types number and truth value. */
apart int ask_number(struct matching *match, u32 fact, u64 value)
{
	struct image_room *image = image_of(match);
	struct image_column *column;
	u32 low = 0, high;

	if (!match || !image || !match->summary)
		return 0;
	column = column_of(image, fact);
	if (column->kind == COLUMN_WORD) {
		u16 *entry = image_at(image, column->table + 2 * (u32)value);

		tell(match, fact);
		accept(match, image, value < column->count ? *entry : column->other);
		return 0;
	}
	if (column->kind != COLUMN_NUMBER)
		return 0;
	tell(match, fact);
	high = column->count - 1;
	for (u32 i = 0; i < IMAGE_SPLITS && low < high; i++) {
		u32 middle = (low + high + 1) / 2;
		u64 *start = image_at(image, column->table + 8 * middle);

		if (*start <= value)
			low = middle;
		else
			high = middle - 1;
	}
	accept(match, image, *(u16 *)image_at(image, column->table + 8 * column->count + 2 * low));
	return 0;
}

/* Several values, a bit for each below 32: leaves possible what any of them does. */
apart int leave_any(struct matching *match, u32 fact, u32 values)
{
	struct image_room *image = image_of(match);
	struct image_column *column;
	u64 summary = 0;

	if (!match || !image || !match->summary)
		return 0;
	column = column_of(image, fact);
	if (column->kind != COLUMN_WORD)
		return 0;
	clear_bits(match, BITS_HITS);
	for (u32 value = 0; value < 32; value++) {
		u16 *entry = image_at(image, column->table + 2 * value);

		if (values >> value & 1)
			add_vector(match, BITS_HITS, value < column->count ? *entry : column->other);
	}
	for (u32 w = 0; w < IMAGE_WORDS; w++) {
		match->possible[w] &= match->bits[BITS_HITS][w];
		summary |= is_any(match->possible[w]) << w;
	}
	match->summary = summary;
	return 0;
}

/* One of them; nobody knows which. What some of them let hold is in doubt. */
worker void ask_among(struct matching *match, u32 fact, u32 values)
{
	leave_any(match, fact, values);
}

/* Each of them: what one of them lets hold does. */
worker void ask_either(struct matching *match, u32 fact, u32 values)
{
	leave_any(match, fact, values);
	tell(match, fact);
}

apart int ask_absent(struct matching *match, u32 fact)
{
	struct image_room *image = image_of(match);
	struct image_column *column;

	if (!match || !image || !match->summary)
		return 0;
	column = column_of(image, fact);
	if (column->kind) {
		tell(match, fact);
		accept(match, image, column->absent);
	}
	return 0;
}

apart int ask_flags(struct matching *match, u32 fact, u64 value)
{
	struct image_room *image = image_of(match);
	struct image_column *column;

	if (!match || !image || !match->summary)
		return 0;
	column = column_of(image, fact);
	tell(match, fact);
	for (u32 i = 0; i < 64 && i < column->count; i++) {
		struct image_flag *flag = image_at(image, column->table + i * sizeof(*flag));

		accept(match, image, (value & flag->mask) == flag->mask ? flag->set : flag->clear);
	}
	return 0;
}

apart int ask_file(struct matching *match, u32 fact, u64 device, u64 inode)
{
	struct image_room *image = image_of(match);
	struct image_column *column;
	u32 hash = IMAGE_FILE_HASH(device, inode), vector;

	if (!match || !image || !match->summary)
		return 0;
	column = column_of(image, fact);
	if (column->kind != COLUMN_FILE)
		return 0;
	tell(match, fact);
	vector = column->other;
	for (u32 i = 0; i < IMAGE_PROBES && column->count; i++) {
		u32 place = (hash + i) & (column->count - 1);
		struct image_file *file = image_at(image, column->table + place * sizeof(*file));

		if (file->used && file->device == device && file->inode == inode) {
			vector = file->vector;
			break;
		}
	}
	accept(match, image, vector);
	return 0;
}

apart int ask_address(struct matching *match, u32 fact, u64 high_half, u64 low_half)
{
	struct image_room *image = image_of(match);
	struct image_column *column;
	u32 low = 0, high;

	if (!match || !image || !match->summary)
		return 0;
	column = column_of(image, fact);
	if (column->kind != COLUMN_ADDRESS)
		return 0;
	tell(match, fact);
	high = column->count - 1;
	for (u32 i = 0; i < IMAGE_SPLITS && low < high; i++) {
		u32 middle = (low + high + 1) / 2;
		struct image_address *start = image_at(image, column->table + middle * sizeof(*start));

		if (start->high < high_half || (start->high == high_half && start->low <= low_half))
			low = middle;
		else
			high = middle - 1;
	}
	accept(match, image,
	       *(u16 *)image_at(image, column->table + column->count * sizeof(struct image_address) + 2 * low));
	return 0;
}

/* ---- Hits. */

struct hit_run {
	struct image_room *image;
	struct matching *match;
	const struct image_hits *hits;
};

/* By the number that shifts 1 to the highest six bits of a De Bruijn sequence. */
static const u8 bit_numbers[64] = {0,  1,  2,  53, 3,  7,  54, 27, 4,  38, 41, 8,  34, 55, 48, 28,
				   62, 5,  39, 46, 44, 42, 22, 9,  24, 35, 59, 56, 49, 18, 29, 11,
				   63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10,
				   51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12};

worker u32 lowest_bit(u64 word)
{
	return bit_numbers[((word & -word) * 0x022fdd63cc95386dULL) >> 58];
}

/* What the next thing that is hit, or may be, leads to; past a word without any. */
static long hit_step(u32 step, struct hit_run *run)
{
	struct matching *match = run->match;
	u32 next = match->next_hit, layers = run->hits->layers, word = BOUNDED(next / 64, IMAGE_WORDS - 1), bit, entry;
	u64 hits = match->bits[BITS_HITS][word], rest = (hits | match->bits[BITS_OPEN][word]) >> (next % 64);

	if (next >= run->hits->count)
		return 1;
	if (!rest) {
		match->next_hit = (next / 64 + 1) * 64;
		return 0;
	}
	next += lowest_bit(rest);
	bit = next % 64;
	entry = run->hits->map + 2 * next * (layers + 1);
	match->next_hit = next + 1;
	for (u32 l = 0; l < IMAGE_LAYERS && l < layers; l++) {
		u32 number = *(u16 *)image_at(run->image, entry + 2 * l);

		add_vector(match, BITS_MAY + l, number);
		if (config.verdicts && hits >> bit & 1)
			add_vector(match, BITS_MUST + l, number);
	}
	if (hits >> bit & 1)
		add_vector(match, BITS_REFUSED, *(u16 *)image_at(run->image, entry + 2 * layers));
	if (config.verdicts)
		add_vector(match, BITS_MAY_BE_REFUSED, *(u16 *)image_at(run->image, entry + 2 * layers));
	return 0;
}

/* Leaves possible what the hits lead to. A function of its own, as the stack of 6.1 does not reach deeper. */
apart int apply_hits(struct matching *match, u32 layers)
{
	u64 summary = 0;

	if (!match)
		return 0;
	for (u32 w = 0; w < IMAGE_WORDS; w++) {
		u64 may = ~match->bits[BITS_REFUSED][w], must = ~match->bits[BITS_MAY_BE_REFUSED][w];

		for (u32 l = 0; l < IMAGE_LAYERS; l++) {
			u64 unused = is_any(l < layers) - 1; /* all ones for a layer that there is not */

			may &= match->bits[BITS_MAY + l][w] | unused;
			must &= match->bits[BITS_MUST + l][w] | unused;
		}
		match->possible[w] &= may;
		summary |= is_any(match->possible[w]) << w;
		if (config.verdicts)
			match->bits[BITS_DOUBT][w] |= may & ~must;
	}
	match->summary &= summary;
	return 0;
}

/* Takes BITS_HITS for hits, and of those in BITS_OPEN nobody knows; nor, unless `is_there`, whether the fact is. */
apart int accept_hits(struct matching *match, u32 hits_at, u32 is_there)
{
	struct image_room *image = image_of(match);
	struct hit_run run = {.match = match, .image = image};
	const struct image_hits *hits;
	u32 layers;

	if (!match || !image)
		return 0;
	hits = image_at(image, hits_at);
	run.hits = hits;
	layers = hits->layers;
	clear_bits(match, BITS_REFUSED);
	if (config.verdicts)
		clear_bits(match, BITS_MAY_BE_REFUSED);
	if (is_there)
		add_vector(match, BITS_REFUSED, hits->without);
	if (config.verdicts) {
		add_vector(match, BITS_MAY_BE_REFUSED, hits->without);
		if (!is_there)
			add_vector(match, BITS_DOUBT, hits->presence);
	}
	for (u32 l = 0; l < IMAGE_LAYERS && l < layers; l++) {
		clear_bits(match, BITS_MAY + l);
		add_vector(match, BITS_MAY + l, hits->base[l]);
		if (!config.verdicts)
			continue;
		clear_bits(match, BITS_MUST + l);
		add_vector(match, BITS_MUST + l, hits->base[l]);
	}
	match->next_hit = 0;
	bpf_loop(IMAGE_CLAUSES + IMAGE_WORDS, hit_step, &run, 0);
	apply_hits(match, layers);
	return 0;
}

/* ---- Texts: begin_text, feed_text for one piece after the other, end_text. */

struct text_run {
	struct matching *match;
	struct image_room *image;
	struct image_text *text;
	u32 from;
	u32 length;
};

worker u32 set_of(struct image_room *image, u32 table, u32 state)
{
	return *(u16 *)image_at(image, table + 2 * state);
}

/* The patterns of a set are hits. */
worker int add_set(struct matching *match, u32 set)
{
	struct image_room *image = image_of(match);
	const struct image_text *text;

	if (!match || !image || !set)
		return 0;
	text = image_at(image, match->text_table);
	match->sets++;
	if (match->sets == 1) {
		match->set = set;
		return 0;
	}
	if (match->sets == 2) {
		clear_bits(match, BITS_HITS);
		add_words(match, BITS_HITS, text->sets + match->set * 8 * text->set_words, text->set_words);
	}
	add_words(match, BITS_HITS, text->sets + set * 8 * text->set_words, text->set_words);
	return 0;
}

/* The state reports something, or nothing will be reported any more: then 1. */
apart int visit_state(struct matching *match, u32 state)
{
	struct image_room *image = image_of(match);
	const struct image_text *text;

	if (!match || !image)
		return 1;
	text = image_at(image, match->text_table);
	add_set(match, set_of(image, text->visit, state));
	match->is_dead = *(u8 *)image_at(image, text->dead + state);
	return match->is_dead;
}

static long text_step(u32 step, struct text_run *run)
{
	struct image_room *image = run->image;
	struct image_text *text = run->text;
	struct matching *match = run->match;
	u32 state = match->state, begin = step * MATCH_CHUNK, plain = text->plain;
	u32 next = text->next, row = 1 + text->row, class_of = text->class_of;

	for (u32 i = 0; i < MATCH_CHUNK; i++) {
		u32 at = begin + i, column;
		u8 byte;

		if (!is_less(at, run->length))
			break;
		byte = match->text[BOUNDED(run->from + at, 2 * MATCH_TEXT - 1)];
		column = next + 2 * *(u8 *)image_at(image, class_of + byte);
		OPAQUE(column); /* the way from one state to the next is the one that costs: nothing else on it */
		state = *(u16 *)image_at(image, (state << row) + column);
		if (!is_less(state, plain) && visit_state(match, state))
			break;
	}
	match->state = state;
	return match->is_dead || begin + MATCH_CHUNK >= run->length;
}

apart int begin_text(struct matching *match, u32 fact)
{
	struct image_room *image = image_of(match);
	const struct image_text *text;
	struct image_column *column;

	if (!match || !image)
		return 0;
	match->text_table = 0;
	if (!match->summary)
		return 0;
	column = column_of(image, fact);
	if (column->kind != COLUMN_TEXT)
		return 0;
	tell(match, fact);
	text = image_at(image, column->table);
	match->text_table = column->table;
	match->state = text->start;
	match->sets = 0;
	match->set = 0;
	match->is_dead = 0;
	if (text->start >= text->plain)
		visit_state(match, text->start);
	return 0;
}

/* `length` bytes of match->text. */
apart int feed_text(struct matching *match, u32 from, u32 length)
{
	struct text_run run = {.from = from, .length = length, .match = match};

	run.image = image_of(match);
	if (!match || !run.image || !match->text_table || match->is_dead || !length)
		return 0;
	run.text = image_at(run.image, match->text_table);
	bpf_loop(MATCH_TEXT / MATCH_CHUNK, text_step, &run, 0);
	return 0;
}

/* `cut` where at least one byte follows that is not there. */
apart int end_text(struct matching *match, u32 cut)
{
	struct image_room *image = image_of(match);
	const struct image_text *text;
	u32 open;

	if (!match || !image || !match->text_table)
		return 0;
	text = image_at(image, match->text_table);
	add_set(match, set_of(image, cut ? text->sure : text->end, match->state));
	open = cut ? set_of(image, text->open, match->state) : 0;
	if (!open && match->sets <= 1) { /* nearly always: what it leads to is known */
		accept(match, image, set_of(image, text->direct, match->set));
		return 0;
	}
	if (match->sets <= 1) {
		clear_bits(match, BITS_HITS);
		add_words(match, BITS_HITS, text->sets + match->set * 8 * text->set_words, text->set_words);
	}
	clear_bits(match, BITS_OPEN);
	add_words(match, BITS_OPEN, text->sets + open * 8 * text->set_words, text->set_words);
	accept_hits(match, match->text_table + offsetof(struct image_text, hits), true);
	return 0;
}

/* A text that is there as a whole. */
worker void ask_text(struct matching *match, u32 fact, u32 from, u32 length, u32 cut)
{
	begin_text(match, fact);
	feed_text(match, from, length);
	end_text(match, cut);
}

/* ---- The outcome. */

/* Takes what is kept into the match. `facts` are those that it is about, told or not. */
worker void use_kept(struct matching *match, u32 which, u64 facts)
{
	and_vector(match, &match->kept[which].possible);
	if (!config.verdicts)
		return;
	match->told |= facts;
	if (!match->kept[which].is_doubtful)
		return;
	for (u32 w = 0; w < IMAGE_WORDS; w++)
		match->bits[BITS_DOUBT][w] |= match->kept[which].doubt[w];
}

/* Whether some clause may hold. */
worker bool may_hold(const struct matching *match)
{
	u64 any = match->possible[0];

	if (!match->summary)
		return false;
	if (match->words > 1)
		for (u32 w = 1; w < IMAGE_WORDS; w++)
			any |= match->possible[w];
	return any;
}

struct untold_run {
	struct image_room *image;
	struct matching *match;
	u64 facts;
};

static long untold_step(u32 step, struct untold_run *run)
{
	struct image_column *column = column_of(run->image, step);

	if (run->facts >> step & 1)
		add_vector(run->match, BITS_DOUBT, column->asks);
	return 0;
}

static long untold_pair_step(u32 step, struct untold_run *run)
{
	struct image_pair *pair = &image_head(run->image)->pair[BOUNDED(step, IMAGE_PAIRS - 1)];
	struct matching *match = run->match;

	if (step < image_head(run->image)->pair_count && pair->space == match->space &&
	    !(match->pairs_told >> step & 1))
		add_vector(match, BITS_DOUBT, pair->asks);
	return 0;
}

/* Finishes match->possible, and where verdicts are given the doubt, for which those of `facts` count that were not
 * told, and where these are everything, pairs. */
apart int decide(struct matching *match, u64 facts)
{
	struct untold_run run = {.match = match};

	run.image = image_of(match);
	if (!match || !run.image)
		return 0;
	if (!match->summary)
		__builtin_memset(match->possible, 0, sizeof(match->possible));
	run.facts = match->asked & facts & ~match->told;
	if (config.verdicts && run.facts)
		bpf_loop(FACT_COUNT, untold_step, &run, 0);
	if (config.verdicts && facts == EVERYTHING && image_head(run.image)->pair_count)
		bpf_loop(IMAGE_PAIRS, untold_pair_step, &run, 0);
	return 0;
}

/* Keeps what the facts told since begin_match leave possible. `facts` are those that it is about. */
apart int keep_match(struct matching *match, u32 which, u64 facts)
{
	u64 summary = 0, doubt = 0;
	struct kept *kept;

	if (!match)
		return 0;
	decide(match, facts);
	kept = &match->kept[BOUNDED(which, KEPT_COUNT - 1)];
	for (u32 w = 0; w < IMAGE_WORDS; w++) {
		kept->possible.word[w] = match->possible[w];
		summary |= is_any(match->possible[w]) << w;
		if (config.verdicts) {
			kept->doubt[w] = match->bits[BITS_DOUBT][w];
			doubt |= kept->doubt[w];
		}
	}
	kept->is_doubtful = doubt;
	kept->possible.summary = summary;
	return 0;
}

/* ---- Lists: begin_list; for each element begin_match in its space, its facts, end_element; then end_list. */

worker void begin_list(struct matching *match)
{
	clear_bits(match, BITS_ELEMENT_HITS);
	clear_bits(match, BITS_ELEMENT_OPEN);
}

/* Where a list may have more elements than are known, there is one more of which nothing is told; nobody knows whether
 * it `is_there`. */
apart int end_element(struct matching *match, u32 is_there)
{
	u64 counts = is_there ? ~0ULL : 0;

	if (!match)
		return 0;
	decide(match, EVERYTHING);
	for (u32 w = 0; w < IMAGE_WORDS; w++) {
		match->bits[BITS_ELEMENT_HITS][w] |= match->possible[w] & ~match->bits[BITS_DOUBT][w] & counts;
		match->bits[BITS_ELEMENT_OPEN][w] |= match->possible[w];
	}
	return 0;
}

/* Keeps what the elements leave possible. Unless `is_there`, nobody knows whether there is such a list. */
apart int end_list(struct matching *match, u32 fact, u32 which, u32 is_there)
{
	struct image_room *image = image_of(match);
	struct image_column *column;

	if (!match || !image)
		return 0;
	column = column_of(image, fact);
	begin_match(match, SPACE_MESSAGE);
	tell(match, fact);
	if (column->kind == COLUMN_LIST) {
		__builtin_memcpy(match->bits[BITS_HITS], match->bits[BITS_ELEMENT_HITS], 2 * sizeof(match->bits[0]));
		accept_hits(match, column->table, is_there);
	}
	keep_match(match, which, 1ULL << fact);
	return 0;
}

/* ---- Pairs of facts that are compared. */

apart int ask_pair(struct matching *match, u32 index, u32 outcome)
{
	struct image_room *image = image_of(match);
	struct image_pair *pair;

	if (!match || !image || outcome >= PAIR_UNKNOWN)
		return 0;
	index = BOUNDED(index, IMAGE_PAIRS - 1);
	pair = &image_head(image)->pair[index];
	match->pairs_told |= 1 << index;
	if (outcome == PAIR_EQUAL)
		accept(match, image, pair->equal);
	else
		accept(match, image, outcome == PAIR_DIFFERENT ? pair->different : pair->absent);
	return 0;
}

struct text_pair {
	struct matching *match;
	u32 length;
	u32 differ;
};

static long compare_step(u32 step, struct text_pair *pair)
{
	for (u32 i = 0; i < MATCH_CHUNK; i++) {
		u32 at = step * MATCH_CHUNK + i;

		if (at >= pair->length)
			return 1;
		at = BOUNDED(at, MATCH_TEXT - 1);
		if (pair->match->text[at] != pair->match->text[MATCH_TEXT + at]) {
			pair->differ = 1;
			return 1;
		}
	}
	return 0;
}

/* Compares two texts, at the beginning and in the middle of match->text, of which as many bytes are there as `first`
 * and `second` say; a cut one goes on. */
apart int compare_texts(struct matching *match, u32 first, u32 second, u32 first_cut, u32 second_cut)
{
	struct text_pair pair = {.match = match, .length = first < second ? first : second};

	if (!match)
		return PAIR_UNKNOWN;
	if (pair.length)
		bpf_loop(MATCH_TEXT / MATCH_CHUNK, compare_step, &pair, 0);
	if (pair.differ || (!first_cut && first < second) || (!second_cut && second < first) ||
	    (!first_cut && second_cut && first == second) || (first_cut && !second_cut && first == second))
		return PAIR_DIFFERENT;
	return first_cut || second_cut ? PAIR_UNKNOWN : PAIR_EQUAL;
}

#endif
