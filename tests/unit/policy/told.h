/* SPDX-License-Identifier: Apache-2.0 OR BSD-2-Clause OR GPL-2.0 */
/* What the test of the kernel side's matcher tells it of a message, step by step, and what it answers. Both sides
 * define u8 to u64 and include src/bpf/image.h before. */
#ifndef SOCKWARDEN_TOLD_H
#define SOCKWARDEN_TOLD_H

enum {
    TOLD_STEPS = 1024,
    TOLD_TEXT = 1 << 16,
};

enum step_kind {
    STEP_BEGIN,   /* a match in the space `which` */
    STEP_NUMBER,  /* the fact `which` is a */
    STEP_FLAGS,   /* likewise */
    STEP_FILE,    /* device a, inode b */
    STEP_ADDRESS, /* a, b */
    STEP_TEXT,    /* `first`, fed in two pieces of which the first has a bytes */
    STEP_ABSENT,
    STEP_KEEP, /* as `which`, about the facts a */
    STEP_USE,  /* likewise */
    STEP_BEGIN_LIST,
    STEP_END_ELEMENT, /* a: it is there */
    STEP_END_LIST,    /* the fact `which`, kept as a; b: it is there */
    STEP_PAIR,        /* the pair `which` has the outcome a */
    STEP_PAIR_TEXTS,  /* the pair `which`, of the texts `first` and `second` */
    STEP_JUDGE,
};

struct told_text {
    u32 from; /* in told.text */
    u32 length;
    u32 cut;
    u32 spare;
};

struct told_step {
    u32 kind;
    u32 which;
    u64 a;
    u64 b;
    struct told_text first;
    struct told_text second;
};

struct told {
    u32 count;
    u32 repeat;      /* times that the other steps are taken; for measurements */
    u32 truth;       /* answer: whether some clause holds: no, unknown, yes */
    u32 once;        /* the first so many steps are taken once, before the others are repeated */
    u64 nanoseconds; /* answer: that the repeated ones took */
    struct verdict verdict;
    struct told_step step[TOLD_STEPS];
    u8 text[TOLD_TEXT];
    u8 behind[PATH_ROOM]; /* so that what begins at a bounded place ends inside */
};

#endif
