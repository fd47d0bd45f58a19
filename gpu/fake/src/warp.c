// warp.c answers threads that wait for each other: barriers and warp
// instructions.
#include <stdio.h>
#include "sched.h"

typedef struct {
	q_thread *lane[32]; // 0: no such thread
	uint32_t members;   // lanes that take part
} group;

// shuffle answers shfl.sync. c holds the clamp in bits 0 to 4 and the segment
// mask in bits 8 to 12.
static void shuffle(run *r, group *g, q_thread *t, uint32_t lane) {
	uint32_t b = t->b & 31, clamp = t->c & 31, segment = t->c >> 8 & 31;
	uint32_t low = lane & segment, top = low | (clamp & ~segment), from = lane;
	int in = 1;
	switch (t->kind) {
	case Q_SHFL_UP: from = lane - b, in = (int)lane - (int)b >= (int)top; break;
	case Q_SHFL_DOWN: from = lane + b, in = from <= top; break;
	case Q_SHFL_BFLY: from = lane ^ b, in = from <= top; break;
	default: from = low | (b & ~segment), in = from <= top;
	}
	if (!in) from = lane;
	t->flag = (uint8_t)in;
	if (!(g->members >> from & 1)) stop(r, t, t->line, LAUNCH_FAILED, "shfl reads lane %u, which is not in the mask 0x%x", from, t->mask);
	t->out = g->lane[from]->value & 0xffffffffu;
}

static uint32_t reduce(int kind, uint32_t x, uint32_t y) {
	switch (kind) {
	case Q_REDUX_ADD: return x + y;
	case Q_REDUX_MIN: return x < y ? x : y;
	case Q_REDUX_MAX: return x > y ? x : y;
	case Q_REDUX_MIN_SIGNED: return (int32_t)x < (int32_t)y ? x : y;
	case Q_REDUX_MAX_SIGNED: return (int32_t)x > (int32_t)y ? x : y;
	case Q_REDUX_AND: return x & y;
	case Q_REDUX_OR: return x | y;
	}
	return x ^ y;
}

// collective answers everything but shuffles.
static void collective(group *g, int kind) {
	uint32_t yes = 0, folded = 0;
	int first = 1;
	for (uint32_t i = 0; i < 32; i++) {
		if (!(g->members >> i & 1)) continue;
		yes |= (uint32_t)(g->lane[i]->value != 0) << i;
		folded = first ? (uint32_t)g->lane[i]->value : reduce(kind, folded, (uint32_t)g->lane[i]->value);
		first = 0;
	}
	for (uint32_t i = 0; i < 32; i++) {
		if (!(g->members >> i & 1)) continue;
		q_thread *t = g->lane[i];
		uint32_t same = 0;
		for (uint32_t j = 0; j < 32; j++)
			if (g->members >> j & 1) same |= (uint32_t)(g->lane[j]->value == t->value) << j;
		switch (kind) {
		case Q_VOTE_ALL: t->out = yes == g->members; break;
		case Q_VOTE_ANY: t->out = yes != 0; break;
		case Q_VOTE_UNI: t->out = yes == 0 || yes == g->members; break;
		case Q_VOTE_BALLOT: t->out = yes; break;
		case Q_MATCH_ANY: t->out = same; break;
		case Q_MATCH_ALL: t->flag = same == g->members, t->out = t->flag ? g->members : 0; break;
		case Q_ACTIVEMASK: t->out = g->members; break;
		default: t->out = folded;
		}
	}
}

static void answer(run *r, block *b, group *g, q_thread *t) {
	int kind = t->kind;
	if (kind == Q_BARRIER_WARP) b->warp[t->number / 32]++;
	else if (kind >= Q_SHFL_UP && kind <= Q_SHFL_IDX) {
		for (uint32_t i = 0; i < 32; i++)
			if (g->members >> i & 1) shuffle(r, g, g->lane[i], i);
	} else collective(g, kind);
	for (uint32_t i = 0; i < 32; i++)
		if (g->members >> i & 1) g->lane[i]->state = Q_READY;
}

// warp_meets answers the warp instructions of one warp for which all lanes of
// the mask have come.
static int warp_meets(run *r, block *b, uint32_t first) {
	int answered = 0;
	group g = { { 0 }, 0 };
	for (uint32_t i = 0; i < 32 && first + i < r->threads; i++) g.lane[i] = &b->threads[first + i];
	for (uint32_t i = 0; i < 32; i++) {
		q_thread *t = g.lane[i];
		if (!t || t->state != Q_WAITING || t->kind < Q_BARRIER_WARP || t->kind == Q_ACTIVEMASK) continue;
		if (!(t->mask >> i & 1)) stop(r, t, t->line, LAUNCH_FAILED, "warp instruction: lane %u is not in its own mask 0x%x", i, t->mask);
		int all = 1;
		for (uint32_t j = 0; j < 32; j++) {
			if (!(t->mask >> j & 1)) continue;
			q_thread *o = g.lane[j];
			if (!o || o->state == Q_DONE) stop(r, t, t->line, LAUNCH_FAILED, "warp instruction: lane %u of the mask 0x%x %s", j, t->mask, o ? "has ended" : "does not exist");
			all = all && o->state == Q_WAITING && o->site == t->site && o->kind == t->kind && o->mask == t->mask;
		}
		if (!all) continue;
		g.members = t->mask;
		answer(r, b, &g, t);
		answered = 1;
	}
	return answered;
}

// active answers activemask when nothing else can go on: the lanes that wait at
// one place are cut into groups at random. A kernel must work with any of them.
static int active(run *r, block *b, uint32_t first) {
	group g = { { 0 }, 0 };
	uint32_t waiting = 0, at = 0;
	for (uint32_t i = 0; i < 32 && first + i < r->threads; i++) {
		q_thread *t = g.lane[i] = &b->threads[first + i];
		if (t->state != Q_WAITING || t->kind != Q_ACTIVEMASK || (waiting && t->site != at)) continue;
		at = t->site;
		waiting |= 1u << i;
	}
	if (!waiting) return 0;
	while (waiting) {
		g.members = waiting & (uint32_t)random64(&r->random);
		if (below(&r->random, 2)) g.members = waiting;
		if (!g.members) continue;
		answer(r, b, &g, g.lane[__builtin_ctz(g.members)]);
		waiting &= ~g.members;
	}
	return 1;
}

// block_meets answers a barrier of the whole block.
static int block_meets(run *r, block *b) {
	const q_thread *one = 0, *other = 0;
	uint32_t waiting = 0, yes = 0;
	for (uint32_t i = 0; i < r->threads; i++) {
		const q_thread *t = &b->threads[i];
		if (t->state != Q_WAITING || t->kind > Q_BARRIER_OR) continue;
		waiting++;
		yes += t->value != 0;
		if (!one) one = t;
		if (t->site != one->site || t->mask != one->mask) other = t;
	}
	if (waiting == 0 || waiting != b->live) return 0;
	if (waiting != r->threads) stop(r, one, one->line, LAUNCH_FAILED, "barrier divergence: %u threads wait, %u have ended", waiting, r->threads - waiting);
	if (other) stop(r, one, one->line, LAUNCH_FAILED, "barrier divergence: thread %u waits at line %u", other->number, other->line);
	for (uint32_t i = 0; i < r->threads; i++) {
		q_thread *t = &b->threads[i];
		t->out = t->kind == Q_BARRIER_POPC ? yes : t->kind == Q_BARRIER_AND ? yes == waiting : yes > 0;
		t->state = Q_READY;
	}
	b->interval = ++r->intervals;
	return 1;
}

int meet(run *r, block *b) {
	int answered = 0, running = 0;
	for (uint32_t i = 0; i < r->threads; i += 32) answered |= warp_meets(r, b, i);
	for (uint32_t i = 0; i < r->threads; i++) running |= b->threads[i].state == Q_READY || b->threads[i].state == Q_PAUSED;
	if (answered || running) return 1;
	for (uint32_t i = 0; i < r->threads; i += 32) answered |= active(r, b, i);
	return answered || block_meets(r, b);
}

static const char *kind_name(const q_thread *t) {
	if (t->kind <= Q_BARRIER_OR) return "a barrier of the block";
	if (t->kind == Q_BARRIER_WARP) return "a barrier of the warp";
	return "a warp instruction";
}

void stuck(run *r, block *b) {
	char text[800] = "";
	size_t n = 0;
	const q_thread *first = 0;
	for (uint32_t i = 0; i < r->threads && n + 120 < sizeof text; i++) {
		const q_thread *t = &b->threads[i];
		int same = first && t->site == first->site && t->mask == first->mask;
		if (t->state != Q_WAITING || same) continue;
		if (!first) first = t;
		n += (size_t)snprintf(text + n, sizeof text - n, "%sthread %u at %s, line %u, mask 0x%x", n ? "; " : "", i, kind_name(t), t->line, t->mask);
	}
	stop(r, first, first ? first->line : 0, LAUNCH_FAILED, "threads wait for each other: %s", text);
}
