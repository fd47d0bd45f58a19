// fake.h: what the parts of the fake driver share.
#ifndef QUERN_FAKE_H
#define QUERN_FAKE_H
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include "rt.h"

#define API __attribute__((visibility("default")))
typedef int CUresult;
typedef uint64_t CUdeviceptr;

enum {
	SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, DEVICE_UNAVAILABLE = 46, NO_DEVICE = 100,
	INVALID_DEVICE = 101, INVALID_IMAGE = 200, INVALID_CONTEXT = 201, ECC_UNCORRECTABLE = 214, INVALID_PTX = 218, INVALID_HANDLE = 400,
	NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700, LAUNCH_OUT_OF_RESOURCES = 701, LAUNCH_TIMEOUT = 702, MISALIGNED_ADDRESS = 716,
	LAUNCH_FAILED = 719, NOT_SUPPORTED = 801, UNKNOWN = 999
};

// Random numbers: splitmix64.
typedef struct { uint64_t s; } rng;
static inline uint64_t random64(rng *r) {
	uint64_t z = r->s += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}
static inline uint32_t below(rng *r, uint32_t n) { return (uint32_t)((random64(r) >> 32) * n >> 32); }

// settings.c: what QUERN_FAKE_GPU and fake_control set.
typedef struct {
	uint64_t seed, memory, limit;
	int devices, compute, multiprocessors, driver, replay, uninit, races, aborts, pinned, trace;
	char replay_skip[1024], report[1024];
} settings;
extern settings config;
void reseed(void); // stream.c: begins anew with config.seed
void configure(const char *text); // "key=value,..."; what is unknown ends the process
// The error that is injected into this call of kind, or 0. Kinds of calls and
// of work that a stream carries out.
enum { ON_ALLOC, ON_HOSTALLOC, ON_COPY, ON_FILL, ON_LAUNCH, ON_EVENT, ON_STREAM, ON_MODULE, ON_CONTEXT, ON_SYNC, ON_QUERY, ON_FREE, RUN_COPY, RUN_FILL, RUN_LAUNCH, KINDS };
CUresult injected(int kind);

// report.c: counters, misuse and faults.
enum {
	N_ALLOC, N_FREE, N_HOSTALLOC, N_HOSTFREE, N_COPY, N_FILL, N_LAUNCH, N_BLOCKS, N_REPLAY, N_REPLAY_SKIPPED, N_INJECTED, N_STREAM, N_EVENT, N_RETAIN, N_RELEASE,
	N_LIVE, N_LIVE_BYTES, N_PEAK_BYTES, N_LIVE_HOST, N_LIVE_STREAM, N_LIVE_EVENT, N_LIVE_MODULE,
	N_LEAK, N_FAULT, N_MISUSE, COUNTERS
};
extern long counter[COUNTERS];
void misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fault_report(const char *text);
void write_report(void);

// memory.c: the memory of the devices.
typedef struct {
	uint64_t base, size;
	uint8_t *host, *shadow; // shadow: 0 not written, 1 written, else the stamp of the launch that wrote
	int device, live, module;
} allocation;
CUresult device_alloc(int device, uint64_t size, uint64_t align, CUdeviceptr *out);
CUresult device_free(int device, CUdeviceptr p);
allocation *find_allocation(CUdeviceptr p); // the one that holds p or ends before it
// The host side of size bytes at p of a device, or 0 if they are not all of one live allocation.
allocation *device_range(int device, CUdeviceptr p, uint64_t size);
uint64_t device_used(int device);
void free_device(int device, int leak);
void new_stamp(uint8_t *stamp);
void *snapshot(void);                   // of all memory that is live
void restore(void *shot);               // and keeps the shot
long compare(void *shot, CUdeviceptr *where, int *first, int *second); // bytes that differ and that both have written
void exchange(void *shot, uint64_t poison); // puts the shot back, takes what was there
void drop(void *shot);
int pinned(const void *p, uint64_t size); // the bytes are page-locked
CUresult host_alloc(uint64_t size, void **out);
CUresult host_free(void *p);
void free_hosts(int leak);

// sched.c: one launch.
typedef struct {
	const q_kernel *kernel;
	const q_module *module;
	const uint64_t *globals;
	uint32_t grid[3], block[3], dynamic;
	const uint8_t *params;
	int device;
	uint64_t seed;
	uint8_t stamp;
} launch;
typedef struct {
	CUresult code; // 0: no fault
	char text[1024];
} outcome;
void run_launch(const launch *l, outcome *o);
#endif
