/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* The kernel side's matcher, told the facts of a message by a test instead of by the kernel's objects. */
#include "verdict.h"

#include "told.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, struct told);
} tolds SEC(".maps");

worker struct told *told_now(void) {
    u32 zero = 0;

    return bpf_map_lookup_elem(&tolds, &zero);
}

worker struct matching *the_match(void) {
    u32 zero = 0;

    return bpf_map_lookup_elem(&matchings, &zero);
}

worker struct told_step *step_at(u32 step) {
    struct told *told = told_now();

    return told ? &told->step[BOUNDED(step, TOLD_STEPS - 1)] : NULL;
}

worker void copy_text(const struct told_text *text, u8 *to) {
    struct told *told = told_now();
    u32 length = text->length;

    OPAQUE(length);
    if (told && length <= MATCH_TEXT)
        bpf_probe_read_kernel(to, length, &told->text[BOUNDED(text->from, TOLD_TEXT - 1)]);
}

apart int tell_text(u32 step) {
    struct matching *match = the_match();
    struct told_step *now = step_at(step);

    if (!match || !now)
        return 0;
    copy_text(&now->first, match->text);
    begin_text(match, now->which);
    feed_text(match, 0, now->a);
    feed_text(match, now->a, now->first.length - now->a);
    end_text(match, now->first.cut);
    return 0;
}

apart int tell_pair_texts(u32 step) {
    struct matching *match = the_match();
    struct told_step *now = step_at(step);

    if (!match || !now)
        return 0;
    copy_text(&now->first, match->text);
    copy_text(&now->second, match->text + MATCH_TEXT);
    ask_pair(match, now->which,
             compare_texts(match, now->first.length, now->second.length, now->first.cut, now->second.cut));
    return 0;
}

apart int tell_value(u32 step) {
    struct matching *match = the_match();
    struct told_step *now = step_at(step);

    if (!match || !now)
        return 0;
    if (now->which >= FACT_COUNT)
        return 0;
    switch (now->kind) {
        case STEP_NUMBER:
            ask_number(match, now->which, now->a);
            break;
        case STEP_FLAGS:
            ask_flags(match, now->which, now->a);
            break;
        case STEP_FILE:
            ask_file(match, now->which, now->a, now->b);
            break;
        case STEP_ADDRESS:
            ask_address(match, now->which, now->a, now->b);
            break;
        case STEP_ABSENT:
            ask_absent(match, now->which);
            break;
    }
    return 0;
}

apart int tell_part(u32 step) {
    struct matching *match = the_match();
    struct told_step *now = step_at(step);

    if (!match || !now)
        return 0;
    switch (now->kind) {
        case STEP_BEGIN:
            if (now->which < SPACE_COUNT)
                begin_match(match, now->which);
            break;
        case STEP_KEEP:
            keep_match(match, now->which, now->a);
            break;
        case STEP_USE:
            use_kept(match, BOUNDED(now->which, KEPT_COUNT - 1), now->a);
            break;
        case STEP_BEGIN_LIST:
            begin_list(match);
            break;
        case STEP_END_ELEMENT:
            end_element(match, now->a);
            break;
        case STEP_END_LIST:
            if (now->which < FACT_COUNT)
                end_list(match, now->which, now->a, now->b);
            break;
        case STEP_PAIR:
            ask_pair(match, now->which, now->a);
            break;
    }
    return 0;
}

struct told_run {
    struct told *told;
    u64 repeated;
};

static long take_step(u32 turn, struct told_run *run) {
    u32 once = run->told->once, count = run->told->count - once, step = turn, kind;
    struct matching *match = the_match();

    if (!match)
        return 1;
    if (run->repeated)
        step = once + turn % (count ?: 1);
    step = BOUNDED(step, TOLD_STEPS - 1);
    kind = run->told->step[step].kind;
    if (kind == STEP_TEXT)
        tell_text(step);
    else if (kind == STEP_PAIR_TEXTS)
        tell_pair_texts(step);
    else if (kind == STEP_JUDGE)
        judge(match);
    else if (kind >= STEP_NUMBER && kind <= STEP_ABSENT)
        tell_value(step);
    else
        tell_part(step);
    return 0;
}

apart u32 truth_of(struct matching *match) {
    u64 possible = 0, certain = 0;

    if (!match)
        return 0;
    for (u32 w = 0; w < IMAGE_WORDS; w++) {
        possible |= match->possible[w];
        certain |= match->possible[w] & ~match->bits[BITS_DOUBT][w];
    }
    return certain ? 2 : possible ? 1 : 0;
}

SEC("syscall")
int evaluate(void *context) {
    struct matching *match = the_match();
    struct told *told = told_now();
    struct told_run run = {.told = told};
    u64 begin;

    if (!match || !told)
        return 1;
    bpf_loop(told->once, take_step, &run, 0);
    run.repeated = 1;
    begin = bpf_ktime_get_ns();
    bpf_loop((told->count - told->once) * told->repeat, take_step, &run, 0);
    told->nanoseconds = bpf_ktime_get_ns() - begin;
    decide(match, EVERYTHING);
    told->truth = truth_of(match);
    told->verdict = match->judging.verdict;
    return 0;
}
