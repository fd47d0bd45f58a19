// sched.c runs one launch: blocks and threads in an order that a seed draws.
//
// A few blocks are resident at a time. A round runs every thread of one block
// that can run, each until it ends, waits, or has spent its fuel; then what
// waits is answered if all who must come have come. When nothing can run and
// nothing can be answered, the threads wait for each other for ever: a fault.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "sched.h"

static _Thread_local run *now; // the launch that runs on this thread of the host

void stop(run *r, const q_thread *t, uint32_t line, CUresult code, const char *format, ...) {
	outcome *o = r->result;
	int n = snprintf(o->text, sizeof o->text, "kernel %s, block %u, thread %u, PTX line %u: ", r->l->kernel->name,
		r->current ? r->current->index : 0, t ? t->number : 0, line);
	va_list args;
	va_start(args, format);
	vsnprintf(o->text + n, sizeof o->text - (size_t)n, format, args);
	va_end(args);
	o->code = code;
	longjmp(r->escape, 1);
}

void q_fault(q_state *q, q_thread *t, uint32_t line, const char *message) {
	(void)q;
	stop(now, t, line, LAUNCH_FAILED, "%s", message);
}

uint32_t q_line(q_state *q, uint32_t site) {
	(void)q;
	return now->l->kernel->lines[site];
}

void q_find(q_state *q, q_thread *t, uint32_t site, uint64_t address, uint32_t size, int mode) {
	uint32_t line = q_line(q, site);
	const char *what = mode >= Q_WRITE ? "write" : "read";
	if (address & (size - 1)) stop(now, t, line, MISALIGNED_ADDRESS, "misaligned %s of %u bytes at 0x%llx", what, size, (unsigned long long)address);
	allocation *a = device_range(now->l->device, address, size);
	if (!a) {
		allocation *near = find_allocation(address);
		const char *how = "no allocation is near";
		if (near && address - near->base < near->size + 4096)
			how = near->device != now->l->device ? "memory of another device" : near->live ? "out of the bounds of the allocation" : "use after free";
		stop(now, t, line, ILLEGAL_ADDRESS, "%s of %u bytes at 0x%llx: %s (0x%llx + %llu)", what, size, (unsigned long long)address, how,
			(unsigned long long)(near ? near->base : 0), (unsigned long long)(near ? near->size : 0));
	}
	q->sites[site] = (q_site){ a->base, a->size, a->host, a->shadow };
}

uint8_t *q_const(q_state *q, q_thread *t, uint32_t site, uint64_t address, uint32_t size, int mode) {
	uint64_t at = address - Q_CONST_BASE;
	if (mode != Q_READ || at >= q->constants_size || q->constants_size - at < size || (address & (size - 1)))
		stop(now, t, q_line(q, site), ILLEGAL_ADDRESS, "access to constant memory at %llu of %u bytes", (unsigned long long)at, q->constants_size);
	return (uint8_t *)(uintptr_t)(q->constants + at); // never written: see mode
}

// at_once reports whether thread number p, which came in interval (block, warp),
// may have run at the same time as t. Threads of a warp that have met in a
// bar.warp.sync since have not.
static int at_once(const run *r, const block *b, uint32_t p, uint32_t interval, uint32_t warp, const q_thread *t) {
	(void)r;
	if (interval != b->interval || p == t->number) return 0;
	return p / 32 != t->number / 32 || warp == b->warp[t->number / 32];
}

// race looks for a conflict on one byte and writes down the access.
static void race(run *r, q_thread *t, uint32_t line, cell *c, uint32_t at, int mode, int same) {
	block *b = r->current;
	int atomic = mode == Q_ATOMIC || mode == Q_READ_ATOMIC || mode == Q_WRITE_ATOMIC;
	if (at_once(r, b, c->writer, c->write_interval, c->write_warp, t) && !(atomic && c->atomic) && !same)
		stop(r, t, line, LAUNCH_FAILED, "race on shared memory at %u: thread %u has written (line %u) and no barrier lies between", at, c->writer, c->write_line);
	uint32_t warp = b->warp[t->number / 32];
	if (mode == Q_READ || mode == Q_READ_ATOMIC) {
		if (c->read_interval != b->interval || (c->reader == t->number && !c->many)) c->many = 0;
		else if (c->reader / 32 != t->number / 32) c->many = 2;
		else if (c->many < 2) c->many = 1;
		c->reader = t->number, c->read_interval = b->interval, c->read_warp = warp, c->read_atomic = atomic, c->read_line = line;
		return;
	}
	int others = c->many == 2 && c->read_interval == b->interval;
	int alike = c->many == 1 && c->read_interval == b->interval && c->reader / 32 == t->number / 32 && c->read_warp == warp;
	if ((others || alike || at_once(r, b, c->reader, c->read_interval, c->read_warp, t)) && !(atomic && c->read_atomic) && !same)
		stop(r, t, line, LAUNCH_FAILED, "race on shared memory at %u: thread %u has read (line %u) and no barrier lies between", at, c->reader, c->read_line);
	c->writer = t->number, c->write_interval = b->interval, c->write_warp = warp, c->atomic = (uint8_t)atomic, c->write_line = line;
}

uint8_t *q_shared(q_state *q, q_thread *t, uint32_t site, uint64_t address, uint32_t size, int mode) {
	run *r = now;
	block *b = r->current;
	uint32_t line = q_line(q, site);
	if (address & (size - 1)) stop(r, t, line, MISALIGNED_ADDRESS, "misaligned access of %u bytes to shared memory at %llu", size, (unsigned long long)address);
	if (address >= r->shared_size || r->shared_size - address < size || memchr(r->valid + address, 0, size))
		stop(r, t, line, ILLEGAL_ADDRESS, "shared access of %u bytes at %llu: out of the bounds of any variable", size, (unsigned long long)address);
	if (config.races) {
		int same = mode == Q_WRITE && memcmp(b->shared + address, q->value, size) == 0;
		for (uint32_t i = 0; i < size; i++) race(r, t, line, &b->cells[address + i], (uint32_t)address + i, mode, same);
	}
	return b->shared + address;
}

// start fills a resident place with a fresh block.
static void start(run *r, block *b, uint32_t index) {
	const q_kernel *k = r->l->kernel;
	b->index = index;
	b->live = r->threads;
	b->interval = ++r->intervals;
	memset(b->shared, (int)(r->q.poison & 255), r->shared_size);
	memset(b->warp, 0, sizeof b->warp);
	for (uint32_t i = 0; i < r->threads; i++) {
		const uint32_t *n = r->l->block;
		b->threads[i] = (q_thread){ .number = i, .tid = { i % n[0], i / n[0] % n[1], i / n[0] / n[1] }, .save = b->saves + i * k->save };
	}
}

// fuel draws how long a thread may run: short and long slices alike.
static int64_t fuel(run *r) { return 1 + below(&r->random, 1u << (4 + below(&r->random, 12))); }

// rounds runs every thread of b that can run, once. It returns how many ran.
static uint32_t rounds(run *r, block *b) {
	uint32_t n = 0;
	for (uint32_t i = 0; i < r->threads; i++)
		if (b->threads[i].state == Q_READY || b->threads[i].state == Q_PAUSED) r->order[n++] = i;
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = below(&r->random, i), x = r->order[i - 1];
		r->order[i - 1] = r->order[j];
		r->order[j] = x;
	}
	for (uint32_t i = 0; i < n; i++) {
		q_thread *t = &b->threads[r->order[i]];
		int64_t given = r->q.fuel = fuel(r);
		t->state = Q_READY;
		r->l->kernel->step(&r->q, t);
		r->spent += (uint64_t)(given - r->q.fuel);
		if (t->state == Q_DONE) b->live--;
	}
	if (r->spent > config.limit) stop(r, 0, 0, LAUNCH_TIMEOUT, "does not end: more than %llu branches backwards", (unsigned long long)config.limit);
	return n;
}

static void turn(run *r, block *b) {
	r->current = b;
	for (int i = 0; i < 3; i++) r->q.nctaid[i] = r->l->grid[i], r->q.ntid[i] = r->l->block[i];
	r->q.ctaid[0] = b->index % r->l->grid[0];
	r->q.ctaid[1] = b->index / r->l->grid[0] % r->l->grid[1];
	r->q.ctaid[2] = b->index / r->l->grid[0] / r->l->grid[1];
	uint32_t ran = rounds(r, b);
	if (b->live > 0 && !meet(r, b) && !ran) stuck(r, b);
}

static void blocks(run *r) {
	uint32_t next = 0, resident = 0, most = 1 + below(&r->random, RESIDENT);
	while (next < r->blocks || resident > 0) {
		if (next < r->blocks && resident < most) {
			start(r, &r->resident[resident++], r->shuffled[next++]);
			continue;
		}
		uint32_t i = below(&r->random, resident);
		turn(r, &r->resident[i]);
		if (r->resident[i].live == 0) { // the last one takes its place
			block done = r->resident[i];
			r->resident[i] = r->resident[--resident];
			r->resident[resident] = done;
		}
	}
}

static void *take(size_t n) {
	void *p = calloc(n ? n : 1, 1);
	if (!p) abort();
	return p;
}

static void prepare(run *r) {
	const launch *l = r->l;
	const q_kernel *k = l->kernel;
	static const uint64_t nans[] = { 0x7ff8000000000000, 0xfff8000000000000, 0x7fffffffffffffff, 0x7ff80000deadbeef };
	static const uint32_t nans32[] = { 0x7fc00000, 0xffc00000, 0x7fffffff, 0x7fc0beef };
	r->q = (q_state){ .params = l->params, .globals = l->globals, .constants = l->module->constants, .constants_size = l->module->constants_size,
		.stamp = l->stamp, .strict = (uint8_t)config.uninit, .poison = random64(&r->random) };
	r->q.nan_f64 = q_f64(nans[below(&r->random, 4)]);
	r->q.nan_f32 = q_f32(nans32[below(&r->random, 4)]);
	r->q.sites = take(sizeof(q_site) * (k->sites + 1));
	r->threads = l->block[0] * l->block[1] * l->block[2];
	r->blocks = l->grid[0] * l->grid[1] * l->grid[2];
	r->shared_size = k->shared_size + l->dynamic;
	r->valid = take(r->shared_size);
	for (uint32_t i = 0; i < k->shareds; i++) memset(r->valid + k->shared[2 * i], 1, k->shared[2 * i + 1]);
	memset(r->valid + k->shared_size, 1, l->dynamic);
	r->order = take(4 * r->threads);
	r->shuffled = take(4ull * r->blocks);
	for (uint32_t i = 0; i < r->blocks; i++) {
		uint32_t j = below(&r->random, i + 1);
		r->shuffled[i] = r->shuffled[j];
		r->shuffled[j] = i;
	}
	for (int i = 0; i < RESIDENT; i++) {
		block *b = &r->resident[i];
		b->threads = take(sizeof(q_thread) * r->threads);
		b->saves = take(k->save * r->threads);
		b->shared = take(r->shared_size);
		b->cells = take(config.races ? sizeof(cell) * r->shared_size : 1);
	}
}

static void dispose(run *r) {
	free(r->q.sites), free(r->valid), free(r->order), free(r->shuffled);
	for (int i = 0; i < RESIDENT; i++) {
		block *b = &r->resident[i];
		free(b->threads), free(b->saves), free(b->shared), free(b->cells);
	}
	free(r);
}

void run_launch(const launch *l, outcome *o) {
	run *r = take(sizeof *r);
	r->l = l, r->result = o, r->random.s = l->seed;
	o->code = SUCCESS, o->text[0] = 0;
	prepare(r);
	now = r;
	if (setjmp(r->escape) == 0) blocks(r);
	now = 0;
	dispose(r);
}
