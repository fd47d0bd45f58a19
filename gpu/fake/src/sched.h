// sched.h: the state of one launch, shared by sched.c and warp.c.
#ifndef QUERN_SCHED_H
#define QUERN_SCHED_H
#include "fake.h"

#define RESIDENT 3 // blocks that run interleaved, at most

// cell is who touched a byte of shared memory last. Intervals number the times
// between barriers, over all blocks, from 1.
typedef struct {
	uint32_t write_interval, write_warp, write_line, read_interval, read_warp, read_line;
	uint16_t writer, reader;
	uint8_t atomic, read_atomic, many; // many readers: 1 of one warp, 2 of several
} cell;

typedef struct {
	uint32_t index, live, interval, warp[32]; // warp: how often each has met
	q_thread *threads;
	char *saves;
	uint8_t *shared;
	cell *cells;
} block;

typedef struct {
	q_state q;
	const launch *l;
	outcome *result;
	rng random;
	jmp_buf escape;
	uint32_t threads, blocks, shared_size, intervals;
	uint8_t *valid; // which bytes of shared memory belong to a variable
	uint32_t *order, *shuffled;
	uint64_t spent;
	block resident[RESIDENT], *current;
} run;

void stop(run *r, const q_thread *t, uint32_t line, CUresult code, const char *format, ...) __attribute__((noreturn, cold, format(printf, 5, 6)));
int meet(run *r, block *b);    // answers who waits, if all have come; returns whether any was answered
void stuck(run *r, block *b) __attribute__((noreturn)); // says who waits for whom
#endif
