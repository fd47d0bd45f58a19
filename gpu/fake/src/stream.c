// stream.c: streams, events, copies and launches. Nothing is done when it is
// enqueued: work waits until somebody waits for it, and then the streams that
// can go on take turns at random.
#include <stdio.h>
#include <stdlib.h>
#include "driver.h"

static stream *streams;
static event *events;
static rng order;
static uint64_t launches;

void reseed(void) { order.s = 0; }

static void check(void) {
	if (!order.s) order.s = config.seed * 0x9e3779b97f4a7c15ull + 1;
}

// own refuses handles that do not live or belong to another device.
static CUresult own(uint32_t magic, uint32_t want, int device, const char *what) {
	if (magic == want && device == current()) return SUCCESS;
	misuse("%s %s", what, magic == want ? "of another device than the current one" : "that does not live");
	return INVALID_HANDLE;
}
#define STREAM(s) (!(s) ? misuse("work on the default stream"), INVALID_HANDLE : own((s)->magic, MAGIC_STREAM, (s)->device, "stream"))
#define EVENT(e) (!(e) ? INVALID_HANDLE : own((e)->magic, MAGIC_EVENT, (e)->device, "event"))

void kill_context(int device, CUresult code) {
	if (device < 0 || contexts[device].dead) return;
	contexts[device].dead = code;
	for (stream *s = streams; s; s = s->next) { // what was enqueued is lost
		if (s->device != device) continue;
		for (op *o = s->first, *next; o; o = next) next = o->next, free(o->params), free(o);
		s->first = s->last = 0;
	}
}

static uint64_t sum(const uint8_t *p, uint64_t n) {
	uint64_t h = n, i = 0, w;
	for (; i + 8 <= n; i += 8) memcpy(&w, p + i, 8), h = (h ^ w) * 0x9fb21c651e98df25ull, h ^= h >> 29;
	for (; i < n; i++) h = (h ^ p[i]) * 0x9fb21c651e98df25ull;
	return h;
}

// Launches.

// skips reports whether a kernel's order of threads may show in memory.
static int skips(const char *name) {
	size_t n = strlen(name);
	for (const char *p = config.replay_skip; (p = strstr(p, name)); p += n)
		if ((p == config.replay_skip || p[-1] == '+') && (p[n] == 0 || p[n] == '+')) return 1;
	return 0;
}

static CUresult carry_out_launch(op *o, int device) {
	launch l = o->l;
	outcome result, again;
	l.device = device, l.params = o->params, l.seed = random64(&order) ^ ++launches;
	new_stamp(&l.stamp);
	counter[N_BLOCKS] += (long)l.grid[0] * l.grid[1] * l.grid[2];
	int twice = config.replay && (int)below(&order, 100) < config.replay;
	if (twice && skips(l.kernel->name)) twice = 0, counter[N_REPLAY_SKIPPED]++;
	void *shot = twice ? snapshot() : 0;
	run_launch(&l, &result);
	if (!result.code && twice) {
		CUdeviceptr where = 0;
		int a = 0, b = 0;
		counter[N_REPLAY]++;
		exchange(shot, random64(&order) | 0x0101010101010101ull);
		l.seed = random64(&order);
		run_launch(&l, &again);
		long n = again.code ? 0 : compare(shot, &where, &a, &b);
		if (again.code) result = again;
		else if (n) {
			result.code = LAUNCH_FAILED;
			snprintf(result.text, sizeof result.text, "kernel %s: run again in another order, %ld bytes differ, first at 0x%llx (0x%02x, then 0x%02x)",
				l.kernel->name, n, (unsigned long long)where, a, b);
		}
	}
	if (shot) drop(shot);
	if (result.code) fault_report(result.text);
	return result.code;
}

// Copies and fills.

static CUresult carry_out_copy(op *o, int device) {
	allocation *d = o->kind != OP_DOWNLOAD ? device_range(device, o->dst, o->size) : 0;
	allocation *s = o->kind == OP_DOWNLOAD || o->kind == OP_COPY ? device_range(device, o->src, o->size) : 0;
	if ((o->kind != OP_DOWNLOAD && !d) || ((o->kind == OP_DOWNLOAD || o->kind == OP_COPY) && !s)) {
		misuse("enqueued work of memory that has gone");
		return ILLEGAL_ADDRESS;
	}
	uint8_t *to = d ? d->host + (o->dst - d->base) : o->host, *mark = d ? d->shadow + (o->dst - d->base) : 0;
	switch (o->kind) {
	case OP_UPLOAD:
		if (sum(o->host, o->size) != o->sum) misuse("the source of an upload of %llu bytes was changed before it was done", (unsigned long long)o->size);
		memcpy(to, o->host, o->size);
		break;
	case OP_DOWNLOAD: memcpy(to, s->host + (o->src - s->base), o->size); return SUCCESS;
	case OP_COPY:
		memmove(to, s->host + (o->src - s->base), o->size);
		memmove(mark, s->shadow + (o->src - s->base), o->size);
		return SUCCESS;
	case OP_FILL:
		for (uint64_t i = 0; i < o->size; i += o->width) memcpy(to + i, &o->pattern, o->width);
	}
	memset(mark, 1, o->size);
	return SUCCESS;
}

static void carry_out(stream *s) {
	op *o = s->first;
	s->first = o->next;
	if (!s->first) s->last = 0;
	CUresult r = SUCCESS;
	if (o->kind == OP_LAUNCH) r = injected(RUN_LAUNCH);
	else if (o->kind == OP_FILL) r = injected(RUN_FILL);
	else if (o->kind < OP_FILL) r = injected(RUN_COPY);
	if (!r) {
		if (o->kind == OP_LAUNCH) r = carry_out_launch(o, s->device);
		else if (o->kind <= OP_FILL) r = carry_out_copy(o, s->device);
		else if (o->kind == OP_RECORD) {
			if (o->record > o->e->done) o->e->done = o->record, o->e->at = clock_ms();
		}
	}
	if (r) kill_context(s->device, r);
	free(o->params), free(o);
}

static int ready(const stream *s) { return s->first && (s->first->kind != OP_WAIT || s->first->e->done >= s->first->record); }

// step carries out one piece of work of a stream that can go on, of device or
// of any (-1). It returns 0 if there is none.
static int step(int device) {
	check();
	uint32_t n = 0;
	stream *pick = 0;
	for (stream *s = streams; s; s = s->next)
		if ((device < 0 || s->device == device) && ready(s) && below(&order, ++n) == 0) pick = s;
	if (pick) carry_out(pick);
	return pick != 0;
}

void drain(int device) {
	while (step(device)) {
	}
	for (stream *s = streams; s; s = s->next) // waits for an event of another device
		while (s->first && (device < 0 || s->device == device) && step(-1)) {
		}
}

static op *enqueue(stream *s, int kind) {
	op *o = calloc(1, sizeof *o);
	if (!o) abort();
	o->kind = kind;
	if (s->last) s->last->next = o;
	else s->first = o;
	s->last = o;
	return o;
}

// Streams.

API CUresult cuStreamCreate(void **out, unsigned flags) {
	CUresult r = enter(ON_STREAM, 1);
	if (r) return leave(r);
	if (!(flags & 1)) misuse("stream that waits for the default stream");
	stream *s = calloc(1, sizeof *s);
	*s = (stream){ .magic = MAGIC_STREAM, .device = current(), .next = streams };
	streams = s;
	counter[N_STREAM]++, counter[N_LIVE_STREAM]++;
	*out = s;
	return leave(SUCCESS);
}
API CUresult cuStreamCreateWithPriority(void **out, unsigned flags, int priority) {
	(void)priority;
	return cuStreamCreate(out, flags);
}

// A stream that is destroyed still does its work.
API CUresult cuStreamDestroy_v2(stream *s) {
	CUresult r = enter(ON_FREE, 1);
	if (current() < 0) return leave(r);
	CUresult h = STREAM(s);
	if (h) return leave(h);
	s->magic = MAGIC_GONE;
	counter[N_LIVE_STREAM]--;
	return leave(r);
}

API CUresult cuStreamSynchronize(stream *s) {
	CUresult r = enter(ON_SYNC, 1);
	if (!r) r = STREAM(s);
	if (r) return leave(r);
	while (s->first && step(-1)) {
	}
	return leave(contexts[s->device].dead);
}

API CUresult cuStreamQuery(stream *s) {
	CUresult r = enter(ON_QUERY, 1);
	if (!r) r = STREAM(s);
	if (r) return leave(r);
	check();
	for (uint32_t n = below(&order, 4); n > 0 && step(-1); n--) {
	}
	if (contexts[s->device].dead) return leave(contexts[s->device].dead);
	return leave(s->first ? NOT_READY : SUCCESS);
}

API CUresult cuStreamWaitEvent(stream *s, event *e, unsigned flags) {
	(void)flags;
	CUresult r = enter(ON_EVENT, 1);
	if (!r) r = STREAM(s);
	if (!r && (!e || e->magic != MAGIC_EVENT)) misuse("event that does not live"), r = INVALID_HANDLE;
	if (r) return leave(r);
	op *o = enqueue(s, OP_WAIT);
	o->e = e, o->record = e->asked;
	return leave(SUCCESS);
}

// Events.

API CUresult cuEventCreate(void **out, unsigned flags) {
	(void)flags;
	CUresult r = enter(ON_EVENT, 1);
	if (r) return leave(r);
	event *e = calloc(1, sizeof *e);
	*e = (event){ .magic = MAGIC_EVENT, .device = current(), .next = events };
	events = e;
	counter[N_EVENT]++, counter[N_LIVE_EVENT]++;
	*out = e;
	return leave(SUCCESS);
}

API CUresult cuEventDestroy_v2(event *e) {
	CUresult r = enter(ON_FREE, 1);
	if (current() < 0) return leave(r);
	CUresult h = EVENT(e);
	if (h) return leave(h);
	e->magic = MAGIC_GONE; // the object stays: enqueued work may still name it
	counter[N_LIVE_EVENT]--;
	return leave(r);
}

API CUresult cuEventRecord(event *e, stream *s) {
	CUresult r = enter(ON_EVENT, 1);
	if (!r) r = STREAM(s);
	if (!r) r = EVENT(e);
	if (r) return leave(r);
	op *o = enqueue(s, OP_RECORD);
	o->e = e, o->record = ++e->asked;
	return leave(SUCCESS);
}

API CUresult cuEventSynchronize(event *e) {
	CUresult r = enter(ON_SYNC, 1);
	if (!r) r = EVENT(e);
	if (r) return leave(r);
	while (e->done < e->asked && !contexts[e->device].dead && step(-1)) {
	}
	return leave(contexts[e->device].dead);
}

API CUresult cuEventQuery(event *e) {
	CUresult r = enter(ON_QUERY, 1);
	if (!r) r = EVENT(e);
	if (r) return leave(r);
	check();
	for (uint32_t n = below(&order, 4); n > 0 && step(-1); n--) {
	}
	if (contexts[e->device].dead) return leave(contexts[e->device].dead);
	return leave(e->done < e->asked ? NOT_READY : SUCCESS);
}

API CUresult cuEventElapsedTime(float *ms, event *a, event *b) {
	CUresult r = enter(ON_QUERY, 1);
	if (!r) r = EVENT(a);
	if (!r) r = EVENT(b);
	if (r) return leave(r);
	if (a->asked == 0 || b->asked == 0) return leave(INVALID_HANDLE);
	if (a->done < a->asked || b->done < b->asked) return leave(NOT_READY);
	*ms = (float)(b->at - a->at);
	return leave(SUCCESS);
}

void forget_streams(int device, int leak) {
	for (stream **p = &streams, *s; (s = *p);) {
		if (s->device != device) {
			p = &s->next;
			continue;
		}
		if (s->magic == MAGIC_STREAM) {
			counter[N_LIVE_STREAM]--;
			if (leak) counter[N_LEAK]++, misuse("leak: a stream");
		}
		for (op *o = s->first, *next; o; o = next) next = o->next, free(o->params), free(o);
		s->magic = MAGIC_GONE, s->first = s->last = 0;
		*p = s->next;
	}
	for (event **p = &events, *e; (e = *p);) {
		if (e->device != device) {
			p = &e->next;
			continue;
		}
		if (e->magic == MAGIC_EVENT) {
			counter[N_LIVE_EVENT]--;
			if (leak) counter[N_LEAK]++, misuse("leak: an event");
		}
		e->magic = MAGIC_GONE;
		*p = e->next;
	}
}

#include "enqueue.h"
