/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Verdicts: from the clauses that may hold (match.h) to what the policies of the image decide. */
#ifndef SOCKWARDEN_VERDICT_H
#define SOCKWARDEN_VERDICT_H

#include "call.h"
#include "match.h"

enum {
	SIGKILL = 9,
	NS_OF_TICK = 10000000, /* USER_HZ is 100 on x86-64 (arch/x86/include/uapi/asm/param.h) */
	/* Each clause may be looked at, and of each policy its words, its beginning and its end. */
	JUDGE_STEPS = IMAGE_CLAUSES + IMAGE_WORDS + 4 * IMAGE_POLICIES,
};

struct judge_run {
	struct matching *match;
	struct image_room *image;
};

/* Of word w those bits that stand for clause `at` and the ones behind it. */
worker u64 bits_from(u32 at, u32 w)
{
	u32 first = 64 * w;

	if (at >= first + 64)
		return 0;
	return at <= first ? ~0ULL : ~0ULL << (at - first);
}

/* Whether some clause from `at` to the one before `end` holds for certain. */
apart int is_certain(struct matching *match, u32 at, u32 end)
{
	u64 certain = 0;

	if (!match)
		return 0;
	for (u32 w = 0; w < IMAGE_WORDS; w++)
		certain |= match->possible[w] & ~match->bits[BITS_DOUBT][w] & bits_from(at, w) & ~bits_from(end, w);
	return certain != 0;
}

/* Of those that are enforced the strictest, then of the others. */
worker u32 strictness(const struct verdict *verdict)
{
	return verdict->enforced << 8 | verdict->action;
}

worker void begin_policy(struct judging *judging, struct image_policy *policy)
{
	judging->at = policy->first_clause;
	judging->passed = 0;
	judging->now.action = policy->otherwise;
	judging->now.certain = 1;
	judging->now.enforced = 0;
	judging->now.policy = judging->policy;
	judging->now.rule = VERDICT_NO_RULE;
	judging->now.error = 0;
}

apart int end_policy(struct matching *match, u32 is_enforced)
{
	struct judging *judging;
	struct verdict *now, *verdict;
	u32 refuses;

	if (!match)
		return 0;
	judging = &match->judging;
	now = &judging->now;
	verdict = &judging->verdict;
	refuses = now->action != ACTION_allow;
	now->certain &= !(judging->passed && refuses);
	now->enforced = is_enforced && refuses;
	if (judging->policy && strictness(now) <= strictness(verdict))
		return 0;
	verdict->action = now->action;
	verdict->certain = now->certain;
	verdict->enforced = now->enforced;
	verdict->policy = now->policy;
	verdict->rule = now->rule;
	verdict->error = now->error;
	return 0;
}

worker void add_alert(struct verdict *verdict, u32 rule, bool certain)
{
	u32 number = verdict->alerts++;

	if (number < VERDICT_ALERTS)
		verdict->alert[BOUNDED(number, VERDICT_ALERTS - 1)] = rule | (certain ? 0 : VERDICT_UNCERTAIN);
}

/* The rule of the next clause that may hold, or past a word without any, or the end of a policy. */
static long judge_step(u32 step, struct judge_run *run)
{
	struct matching *match = run->match;
	struct judging *judging = &match->judging;
	struct image_head *head = image_head(run->image);
	struct image_policy *policy = image_at(run->image, head->policies + judging->policy * sizeof(*policy));
	u32 at = judging->at, number, order;
	struct image_rule *rule;
	bool certain;
	u64 rest;

	if (at >= policy->end_clause) {
		end_policy(match, policy->enforced);
		judging->policy++;
		if (judging->policy >= head->policy_count)
			return 1;
		begin_policy(judging, image_at(run->image, head->policies + judging->policy * sizeof(*policy)));
		return 0;
	}
	rest = match->possible[BOUNDED(at / 64, IMAGE_WORDS - 1)] >> (at % 64);
	if (!rest) { /* on to the next word that may have a bit */
		u64 words = match->summary >> (at / 64) >> 1;

		judging->at = words ? (at / 64 + 1 + lowest_bit(words)) * 64 : policy->end_clause;
		return 0;
	}
	at += lowest_bit(rest);
	judging->at = at;
	if (at >= policy->end_clause)
		return 0;
	number = *(u16 *)image_at(run->image, head->rule_of + 2 * at);
	rule = image_at(run->image, head->rules + number * sizeof(*rule));
	certain = is_certain(match, at, rule->end_clause);
	order = certain ? rule->action : rule->when_unknown;
	judging->at = rule->end_clause;
	if (order == ACTION_alert) {
		add_alert(&judging->verdict, number, certain);
	} else if (order == IMAGE_NOTHING) {
		judging->passed = 1;
	} else {
		judging->now.action = order;
		judging->now.certain = certain;
		judging->now.rule = number;
		judging->now.error = rule->error;
		judging->at = policy->end_clause;
	}
	return 0;
}

/* Leaves in match->judging.verdict what the policies decide by the facts told since begin_match. */
apart int judge(struct matching *match)
{
	struct judge_run run = {.match = match};
	struct judging *judging;

	run.image = image_of(match);
	if (!match || !run.image)
		return 0;
	judging = &match->judging;
	judging->verdict.action = ACTION_allow;
	judging->verdict.certain = 1;
	judging->verdict.enforced = 0;
	judging->verdict.rule = VERDICT_NO_RULE;
	judging->verdict.alerts = 0;
	judging->policy = 0;
	if (!image_head(run.image)->policy_count)
		return 0;
	decide(match, EVERYTHING);
	begin_policy(judging, image_at(run.image, image_head(run.image)->policies));
	bpf_loop(JUDGE_STEPS, judge_step, &run, 0);
	return 0;
}

/* Whether anybody is to hear of it. */
worker bool is_worth_telling(const struct matching *match)
{
	const struct verdict *verdict = &match->judging.verdict;

	return verdict->action != ACTION_allow || verdict->alerts;
}

/* Tells what was decided, before the record of the call. `refused`: how often in a row. */
worker void emit_verdict(struct call *call, const struct verdict *verdict, u32 point, u32 refused)
{
	struct piece_record *piece = new_piece(call, PIECE_VERDICT, 0);
	struct verdict_part *part;

	if (!piece)
		return;
	part = (void *)piece_data(piece);
	part->generation = config.generation;
	part->point = point;
	part->verdict = *verdict;
	part->refused = refused;
	emit_piece(call, piece, sizeof(*part));
}

#endif
