// driver.c: devices, contexts, memory and modules of the fake driver.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "driver.h"

context contexts[16];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int initialised;
static module *modules;
static _Thread_local int stack[16], depth; // contexts of this thread, by device + 1

// index.c, written by the build: what was translated.
typedef struct { uint64_t digest, length; const q_module *module; } q_entry;
extern const q_entry q_index[];

int current(void) { return depth ? stack[depth - 1] - 1 : -1; }

// fatal reports whether an error does not go away by itself.
static int fatal(CUresult r) {
	return r == DEVICE_UNAVAILABLE || r == NO_DEVICE || r == ECC_UNCORRECTABLE || (r >= ILLEGAL_ADDRESS && r < NOT_SUPPORTED) || r == UNKNOWN;
}

CUresult enter(int kind, int need) {
	pthread_mutex_lock(&lock);
	if (!initialised) return NOT_INITIALIZED;
	CUresult r = injected(kind);
	int device = current();
	if (need && (device < 0 || !contexts[device].retained)) {
		misuse("call without a current context");
		return INVALID_CONTEXT;
	}
	if (need && contexts[device].dead) return contexts[device].dead;
	if (device >= 0 && fatal(r)) kill_context(device, r);
	return r;
}

CUresult leave(CUresult r) {
	pthread_mutex_unlock(&lock);
	return r;
}

double clock_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

#define DEVICE(d) if ((d) < 0 || (d) >= config.devices) return leave(INVALID_DEVICE)

API CUresult cuInit(unsigned flags) {
	pthread_mutex_lock(&lock);
	if (!initialised) {
		const char *text = getenv("QUERN_FAKE_GPU");
		if (text) configure(text);
		initialised = 1;
	}
	return leave(flags ? INVALID_VALUE : config.devices ? SUCCESS : NO_DEVICE);
}

API CUresult cuDriverGetVersion(int *v) { *v = config.driver; return SUCCESS; }
API CUresult cuDeviceGetCount(int *n) { *n = config.devices; return SUCCESS; }

API CUresult cuDeviceGet(int *d, int ordinal) {
	if (ordinal < 0 || ordinal >= config.devices) return INVALID_DEVICE;
	*d = ordinal;
	return SUCCESS;
}

API CUresult cuDeviceGetName(char *name, int n, int d) {
	snprintf(name, (size_t)n, "Fake GPU %d (translated PTX)", d);
	return SUCCESS;
}

API CUresult cuDeviceGetPCIBusId(char *id, int n, int d) {
	snprintf(id, (size_t)n, "0000:%02x:00.0", d + 1);
	return SUCCESS;
}

API CUresult cuDeviceTotalMem_v2(size_t *n, int d) {
	(void)d;
	*n = config.memory;
	return SUCCESS;
}

API CUresult cuDeviceGetUuid(uint8_t *id, int d) {
	memset(id, 0x51, 16);
	id[15] = (uint8_t)d;
	return SUCCESS;
}
API CUresult cuDeviceGetUuid_v2(uint8_t *id, int d) { return cuDeviceGetUuid(id, d); }

API CUresult cuDeviceGetAttribute(int *value, int which, int d) {
	(void)d;
	switch (which) {
	case 1: *value = 1024; break;            // threads of a block
	case 2: case 3: *value = 1024; break;    // block x, y
	case 4: *value = 64; break;
	case 5: *value = 0x7fffffff; break;      // grid x
	case 6: case 7: *value = 65535; break;
	case 8: *value = 48 << 10; break;        // shared memory of a block
	case 9: *value = 64 << 10; break;        // constant memory
	case 10: *value = 32; break;             // warp
	case 12: *value = 65536; break;          // registers
	case 13: *value = 1000000; break;        // kHz
	case 15: *value = 1; break;              // copies overlap
	case 16: *value = config.multiprocessors; break;
	case 31: *value = 1; break;              // concurrent kernels
	case 32: *value = 1; break;              // ECC
	case 33: *value = d + 1; break;          // PCI bus
	case 36: *value = 1000000; break;
	case 37: *value = 256; break;            // bus width
	case 38: *value = 1 << 20; break;        // L2
	case 39: *value = 2048; break;           // threads of a multiprocessor
	case 40: *value = 2; break;              // copy engines
	case 41: *value = 1; break;              // unified addresses
	case 75: *value = config.compute / 10; break;
	case 76: *value = config.compute % 10; break;
	case 97: *value = 48 << 10; break;
	default: *value = 0;
	}
	return SUCCESS;
}

// Contexts.

API CUresult cuDevicePrimaryCtxRetain(void **c, int d) {
	CUresult r = enter(ON_CONTEXT, 0);
	DEVICE(d);
	if (r) return leave(r);
	if (contexts[d].retained++ == 0) contexts[d].dead = SUCCESS;
	counter[N_RETAIN]++;
	write_report();
	*c = &contexts[d];
	return leave(SUCCESS);
}

// end frees what a context held: leaks, if it was not given back before, unless the
// context is dead and takes nothing back.
static void end(int d) {
	int leak = !contexts[d].dead;
	if (leak) drain(d);
	forget_streams(d, leak);
	for (module **m = &modules, *gone; *m;) {
		if ((*m)->device != d) {
			m = &(*m)->next;
			continue;
		}
		gone = *m, *m = gone->next;
		gone->magic = MAGIC_GONE, counter[N_LIVE_MODULE]--; // a context takes its modules with it
	}
	free_device(d, leak);
	int others = 0;
	for (int i = 0; i < 16; i++) others += contexts[i].retained;
	if (!others) free_hosts(leak);
}

API CUresult cuDevicePrimaryCtxRelease_v2(int d) {
	CUresult r = enter(ON_CONTEXT, 0);
	DEVICE(d);
	if (contexts[d].retained == 0) {
		misuse("release of a context that is not retained");
		return leave(INVALID_CONTEXT);
	}
	counter[N_RELEASE]++;
	if (--contexts[d].retained == 0) end(d);
	write_report();
	return leave(r);
}

API CUresult cuDevicePrimaryCtxReset_v2(int d) {
	CUresult r = enter(ON_CONTEXT, 0);
	DEVICE(d);
	end(d);
	contexts[d].dead = SUCCESS;
	return leave(r);
}

API CUresult cuDevicePrimaryCtxSetFlags_v2(int d, unsigned flags) {
	(void)d, (void)flags;
	return SUCCESS;
}

API CUresult cuDevicePrimaryCtxGetState(int d, unsigned *flags, int *active) {
	*flags = 0, *active = contexts[d].retained > 0;
	return SUCCESS;
}

static int device_of(const void *c) {
	for (int i = 0; i < config.devices; i++)
		if (c == &contexts[i]) return i;
	return -1;
}

API CUresult cuCtxSetCurrent(void *c) {
	CUresult r = enter(ON_CONTEXT, 0);
	if (r) return leave(r);
	int d = device_of(c);
	if (c && (d < 0 || !contexts[d].retained)) {
		misuse("cuCtxSetCurrent with a context that does not live");
		return leave(INVALID_CONTEXT);
	}
	if (depth == 0) depth = 1;
	stack[depth - 1] = d + 1;
	if (!c) depth--;
	return leave(SUCCESS);
}

API CUresult cuCtxPushCurrent_v2(void *c) {
	int d = device_of(c);
	if (d < 0 || depth == 16) return INVALID_CONTEXT;
	stack[depth++] = d + 1;
	return SUCCESS;
}

API CUresult cuCtxPopCurrent_v2(void **c) {
	if (depth == 0) return INVALID_CONTEXT;
	if (c) *c = &contexts[current()];
	depth--;
	return SUCCESS;
}

API CUresult cuCtxGetCurrent(void **c) {
	*c = current() < 0 ? 0 : &contexts[current()];
	return SUCCESS;
}

API CUresult cuCtxGetDevice(int *d) {
	*d = current();
	return *d < 0 ? INVALID_CONTEXT : SUCCESS;
}

API CUresult cuCtxSynchronize(void) {
	CUresult r = enter(ON_SYNC, 1);
	if (!r) drain(current());
	return leave(r ? r : contexts[current()].dead);
}

API CUresult cuCtxGetStreamPriorityRange(int *low, int *high) {
	*low = *high = 0;
	return SUCCESS;
}

// Memory.

API CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t n) {
	CUresult r = enter(ON_ALLOC, 1);
	if (r) return leave(r);
	r = device_alloc(current(), n, 512, p);
	counter[N_ALLOC] += !r;
	return leave(r);
}

API CUresult cuMemFree_v2(CUdeviceptr p) {
	CUresult r = enter(ON_FREE, 1);
	if (current() < 0) return leave(r);
	counter[N_FREE]++;
	if (!contexts[current()].dead) drain(current()); // as the real one does
	CUresult f = p ? device_free(current(), p) : SUCCESS;
	return leave(r ? r : f ? f : contexts[current()].dead);
}

API CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
	CUresult r = enter(ON_QUERY, 1);
	if (r) return leave(r);
	*total = config.memory, *free = config.memory - device_used(current());
	return leave(SUCCESS);
}

API CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *n, CUdeviceptr p) {
	CUresult r = enter(ON_QUERY, 1);
	if (r) return leave(r);
	allocation *a = device_range(current(), p, 1);
	if (!a) return leave(INVALID_VALUE);
	if (base) *base = a->base;
	if (n) *n = a->size;
	return leave(SUCCESS);
}

API CUresult cuMemHostAlloc(void **p, size_t n, unsigned flags) {
	(void)flags;
	CUresult r = enter(ON_HOSTALLOC, 1);
	if (r) return leave(r);
	r = host_alloc(n, p);
	counter[N_HOSTALLOC] += !r;
	return leave(r);
}
API CUresult cuMemAllocHost_v2(void **p, size_t n) { return cuMemHostAlloc(p, n, 0); }

API CUresult cuMemFreeHost(void *p) {
	CUresult r = enter(ON_FREE, 1);
	if (current() < 0) return leave(r);
	counter[N_HOSTFREE]++;
	if (!contexts[current()].dead) drain(-1);
	CUresult f = host_free(p);
	return leave(r ? r : f);
}

// Modules.

static uint64_t digest(const char *text, uint64_t *length) {
	uint64_t h = 0xcbf29ce484222325ull, n = 0;
	for (; text[n]; n++) h = (h ^ (uint8_t)text[n]) * 0x100000001b3ull;
	*length = n;
	return h;
}

API CUresult cuModuleLoadData(void **out, const void *image) {
	CUresult r = enter(ON_MODULE, 1);
	if (r) return leave(r);
	uint64_t n, h = digest(image, &n);
	const q_entry *x = q_index;
	while (x->module && (x->digest != h || x->length != n)) x++;
	if (!x->module) {
		if (strstr(image, ".version")) misuse("module of %llu bytes was not translated into this library: build it anew", (unsigned long long)n);
		return leave(INVALID_PTX);
	}
	module *m = calloc(1, sizeof *m);
	*m = (module){ MAGIC_MODULE, current(), x->module, calloc(x->module->globals_count + 1, 8), 0, modules };
	for (uint32_t i = 0; i < x->module->globals_count; i++) {
		const q_variable *v = &x->module->globals[i];
		r = device_alloc(m->device, v->size, v->align, &m->globals[i]);
		if (r) return leave(r);
		allocation *a = find_allocation(m->globals[i]);
		a->module = 1;
		memset(a->shadow, 1, v->size);
		if (v->init) memcpy(a->host, v->init, v->size);
		else memset(a->host, 0, v->size);
	}
	modules = m;
	counter[N_LIVE_MODULE]++;
	*out = m;
	return leave(SUCCESS);
}

// Of the options only the log of errors is known: 5 its buffer, 6 its size.
API CUresult cuModuleLoadDataEx(void **out, const void *image, unsigned n, int *options, void **values) {
	CUresult r = cuModuleLoadData(out, image);
	size_t size = 0;
	for (unsigned i = 0; i < n; i++)
		if (options[i] == 6) size = (size_t)(uintptr_t)values[i];
	for (unsigned i = 0; r && size && i < n; i++)
		if (options[i] == 5) snprintf(values[i], size, "ptxas (fake GPU): this text was not translated into the library");
	return r;
}

API CUresult cuModuleUnload(module *m) {
	CUresult r = enter(ON_FREE, 1);
	if (!m || m->magic != MAGIC_MODULE) {
		misuse("unload of a module that does not live");
		return leave(INVALID_HANDLE);
	}
	if (!contexts[m->device].dead) drain(m->device);
	for (uint32_t i = 0; i < m->code->globals_count; i++) device_free(m->device, m->globals[i]);
	for (module **p = &modules; *p; p = &(*p)->next)
		if (*p == m) {
			*p = m->next;
			break;
		}
	m->magic = MAGIC_GONE;
	counter[N_LIVE_MODULE]--;
	return leave(r);
}

API CUresult cuModuleGetFunction(void **out, module *m, const char *name) {
	CUresult r = enter(ON_QUERY, 1);
	if (r) return leave(r);
	if (!m || m->magic != MAGIC_MODULE) return leave(INVALID_HANDLE);
	for (uint32_t i = 0; i < m->code->count; i++) {
		if (strcmp(m->code->kernels[i].name, name)) continue;
		function *f = calloc(1, sizeof *f);
		*f = (function){ MAGIC_FUNCTION, m, &m->code->kernels[i], m->functions };
		m->functions = f;
		*out = f;
		return leave(SUCCESS);
	}
	return leave(NOT_FOUND);
}

API CUresult cuModuleGetGlobal_v2(CUdeviceptr *p, size_t *n, module *m, const char *name) {
	CUresult r = enter(ON_QUERY, 1);
	if (r) return leave(r);
	if (!m || m->magic != MAGIC_MODULE) return leave(INVALID_HANDLE);
	for (uint32_t i = 0; i < m->code->globals_count; i++) {
		if (strcmp(m->code->globals[i].name, name)) continue;
		if (p) *p = m->globals[i];
		if (n) *n = m->code->globals[i].size;
		return leave(SUCCESS);
	}
	return leave(NOT_FOUND);
}

API CUresult cuFuncGetAttribute(int *value, int which, function *f) {
	switch (which) {
	case 0: *value = f->kernel->max_threads ? (int)f->kernel->max_threads : 1024; break;
	case 1: *value = (int)f->kernel->shared_size; break;
	case 4: *value = 32; break;
	case 5: *value = 75; break;
	case 6: *value = config.compute; break;
	default: *value = 0;
	}
	return SUCCESS;
}

API CUresult cuFuncSetAttribute(function *f, int which, int value) {
	(void)f, (void)which, (void)value;
	return SUCCESS;
}

API CUresult cuFuncSetCacheConfig(function *f, int which) {
	(void)f, (void)which;
	return SUCCESS;
}

API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, function *f, int threads, size_t dynamic) {
	(void)f, (void)threads, (void)dynamic;
	*n = 2;
	return SUCCESS;
}

__attribute__((destructor)) static void unload(void) { write_report(); }
