// rt.h: what translated kernels see: the state of a launch and of a thread, and
// checked access to memory. gpu/ptx writes the code that includes this.
#ifndef QUERN_RT_H
#define QUERN_RT_H
#include <stdint.h>
#include <string.h>

typedef struct q_state q_state;
typedef struct q_thread q_thread;

typedef struct {
	const char *name;
	uint64_t size, align;
	const uint8_t *init; // 0: no initial value
} q_variable;

typedef struct {
	const char *name;
	void (*step)(q_state *, q_thread *);
	uint64_t save; // bytes that a stopped thread keeps
	uint32_t sites;
	const uint32_t *lines; // PTX line of each checked access
	uint32_t params;
	const uint32_t *param; // offset, size of each
	uint32_t shareds;
	const uint32_t *shared; // offset, size of each
	uint32_t shared_size, max_threads;
} q_kernel;

typedef struct {
	const q_kernel *kernels;
	uint32_t count;
	const q_variable *globals;
	uint32_t globals_count;
	const uint8_t *constants;
	uint32_t constants_size;
} q_module;

// q_site remembers the allocation that an access of the text hit last.
typedef struct {
	uint64_t base, size;
	uint8_t *host, *shadow;
} q_site;

struct q_state {
	const uint8_t *params;
	const uint64_t *globals;
	const uint8_t *constants;
	uint32_t constants_size;
	uint32_t ntid[3], nctaid[3], ctaid[3];
	int64_t fuel;       // what the running thread may still spend before it gives way
	const void *value;  // what the running thread is about to store
	q_site *sites;
	uint8_t stamp;      // marks bytes that this launch has written
	uint8_t strict;     // reading bytes that nobody wrote is a fault
	uint64_t poison;    // content of registers before they are written
	double nan_f64;     // the NaNs that arithmetic makes in this launch
	float nan_f32;
};

enum { Q_READY, Q_PAUSED, Q_WAITING, Q_DONE };

enum {
	Q_BARRIER, Q_BARRIER_POPC, Q_BARRIER_AND, Q_BARRIER_OR, // of the block; those below of a warp
	Q_BARRIER_WARP, Q_ACTIVEMASK,
	Q_VOTE_ALL, Q_VOTE_ANY, Q_VOTE_UNI, Q_VOTE_BALLOT,
	Q_SHFL_UP, Q_SHFL_DOWN, Q_SHFL_BFLY, Q_SHFL_IDX,
	Q_MATCH_ANY, Q_MATCH_ALL,
	Q_REDUX_ADD, Q_REDUX_MIN, Q_REDUX_MAX, Q_REDUX_MIN_SIGNED, Q_REDUX_MAX_SIGNED, Q_REDUX_AND, Q_REDUX_OR, Q_REDUX_XOR
};

struct q_thread {
	int resume;             // place to go on at; 0: the start
	int state, kind;        // kind: what a waiting thread waits for
	uint32_t number, tid[3];
	uint32_t line, site;    // where it stopped: PTX line, instruction
	uint32_t mask, b, c;    // of its request
	uint64_t value, out;    // of its request, and the answer
	uint8_t flag;           // second answer
	void *save;
};

enum { Q_READ, Q_READ_CONSTANT, Q_READ_ATOMIC, Q_WRITE, Q_WRITE_ATOMIC, Q_ATOMIC };
#define Q_ATOMIC_FUEL 64
#define Q_GENERIC_shared (1ull << 60)
#define Q_GENERIC_const (2ull << 60)
#define Q_CONST_BASE 256

// q_fault ends the launch with a message. It does not return.
void q_fault(q_state *q, q_thread *t, uint32_t line, const char *message) __attribute__((noreturn, cold));
// q_find fills the site for an access that it does not cover yet, or faults.
void q_find(q_state *q, q_thread *t, uint32_t site, uint64_t address, uint32_t size, int mode) __attribute__((cold));
uint32_t q_line(q_state *q, uint32_t site);
uint8_t *q_shared(q_state *q, q_thread *t, uint32_t site, uint64_t address, uint32_t size, int mode);
uint8_t *q_const(q_state *q, q_thread *t, uint32_t site, uint64_t address, uint32_t size, int mode);

static inline uint8_t *q_global(q_state *q, q_thread *t, uint32_t site, uint64_t address, uint32_t size, int mode) {
	q_site *s = &q->sites[site];
	uint64_t at = address - s->base;
	if (__builtin_expect(at >= s->size || s->size - at < size || (address & (size - 1)) != 0, 0)) {
		q_find(q, t, site, address, size, mode);
		at = address - s->base;
	}
	uint8_t *shadow = s->shadow + at;
	if (mode == Q_READ_CONSTANT && __builtin_expect(memchr(shadow, q->stamp, size) != 0, 0))
		q_fault(q, t, q_line(q, site), "ld.global.nc of memory that this launch has written");
	if (mode != Q_WRITE && mode != Q_WRITE_ATOMIC && __builtin_expect(q->strict, 0) && memchr(shadow, 0, size) != 0)
		q_fault(q, t, q_line(q, site), "read of memory that nobody has written");
	if (mode >= Q_WRITE) memset(shadow, q->stamp, size);
	return s->host + at;
}

static inline uint8_t *q_generic(q_state *q, q_thread *t, uint32_t site, uint64_t address, uint32_t size, int mode) {
	if (address >= Q_GENERIC_const) return q_const(q, t, site, address - Q_GENERIC_const, size, mode);
	if (address >= Q_GENERIC_shared) return q_shared(q, t, site, address - Q_GENERIC_shared, size, mode);
	return q_global(q, t, site, address, size, mode);
}

#include "rt_number.h"
#endif
