// memory.c: device memory, with addresses that the host cannot follow and that
// are never given out twice, and page-locked host memory between guard pages.
#include <stdlib.h>
#include <sys/mman.h>
#include "fake.h"

#define DEVICE_BASE (1ull << 48) // not canonical: the host faults if it follows one
#define GAP (1ull << 16)         // between allocations
#define PAGE 4096ull
#define CANARY 0xc7

static allocation *table;
static long used, room;
static uint64_t next_address = DEVICE_BASE;
static uint64_t bytes_live[16];
static uint8_t last_stamp = 1;

// Content of device memory before anybody writes it: no useful number.
static void poison(uint8_t *p, uint64_t n, uint64_t seed) {
	rng r = { seed };
	uint64_t i = 0;
	uint8_t pattern[64];
	for (; i < 64; i += 8) {
		uint64_t x = random64(&r) | 0x8080808080808080ull;
		memcpy(pattern + i, &x, 8);
	}
	for (i = 0; i < n; i += 64) memcpy(p + i, pattern, n - i < 64 ? n - i : 64);
}

CUresult device_alloc(int device, uint64_t size, uint64_t align, CUdeviceptr *out) {
	if (size == 0) return INVALID_VALUE;
	if (size > config.memory || bytes_live[device] + (size + 511) / 512 * 512 > config.memory) return OUT_OF_MEMORY;
	if (used == room) {
		room = room ? 2 * room : 64;
		table = realloc(table, sizeof *table * (size_t)room);
		if (!table) abort();
	}
	if (align < 512) align = 512;
	next_address = (next_address + align - 1) / align * align;
	allocation a = { .base = next_address, .size = size, .device = device, .live = 1 };
	if (posix_memalign((void **)&a.host, 512, size + 64)) return OUT_OF_MEMORY;
	a.shadow = calloc(size + 64, 1);
	if (!a.shadow) return free(a.host), OUT_OF_MEMORY;
	poison(a.host, size, config.seed ^ next_address);
	next_address += (size + GAP + 511) / 512 * 512;
	table[used++] = a;
	bytes_live[device] += (size + 511) / 512 * 512;
	counter[N_LIVE]++, counter[N_LIVE_BYTES] += (long)size;
	if (counter[N_LIVE_BYTES] > counter[N_PEAK_BYTES]) counter[N_PEAK_BYTES] = counter[N_LIVE_BYTES];
	*out = a.base;
	return SUCCESS;
}

allocation *find_allocation(CUdeviceptr p) {
	long low = 0, high = used; // the last with base <= p
	while (low < high) {
		long mid = (low + high) / 2;
		if (table[mid].base <= p) low = mid + 1;
		else high = mid;
	}
	return low ? &table[low - 1] : 0;
}

allocation *device_range(int device, CUdeviceptr p, uint64_t size) {
	allocation *a = find_allocation(p);
	if (!a || !a->live || a->device != device || p - a->base > a->size || a->size - (p - a->base) < size) return 0;
	return a;
}

static void give(allocation *a) {
	free(a->host), free(a->shadow);
	a->host = a->shadow = 0, a->live = 0;
	bytes_live[a->device] -= (a->size + 511) / 512 * 512;
	counter[N_LIVE]--, counter[N_LIVE_BYTES] -= (long)a->size;
}

CUresult device_free(int device, CUdeviceptr p) {
	allocation *a = find_allocation(p);
	if (!a || a->base != p) return misuse("free of 0x%llx, which is no allocation", (unsigned long long)p), INVALID_VALUE;
	if (!a->live) return misuse("double free of device memory 0x%llx", (unsigned long long)p), INVALID_VALUE;
	if (a->device != device) return misuse("free of memory of device %d on device %d", a->device, device), INVALID_VALUE;
	give(a);
	return SUCCESS;
}

uint64_t device_used(int device) { return bytes_live[device]; }

void free_device(int device, int leak) {
	for (long i = 0; i < used; i++) {
		if (!table[i].live || table[i].device != device) continue;
		if (leak && !table[i].module) {
			counter[N_LEAK]++;
			misuse("leak: %llu bytes of device memory at 0x%llx", (unsigned long long)table[i].size, (unsigned long long)table[i].base);
		}
		give(&table[i]);
	}
}

void new_stamp(uint8_t *stamp) {
	if (++last_stamp < 2 || last_stamp == 255) { // the stamps have run out: all written bytes become old
		for (long i = 0; i < used; i++)
			for (uint64_t j = 0; table[i].live && j < table[i].size; j++) table[i].shadow[j] = table[i].shadow[j] != 0;
		last_stamp = 2;
	}
	*stamp = last_stamp;
}

// A snapshot is a copy of host and shadow of every live allocation.
typedef struct { long count; uint8_t **host, **shadow; } shots;

static void *copy(const void *p, uint64_t n) {
	void *c = malloc(n ? n : 1);
	if (!c) abort();
	return memcpy(c, p, n);
}

void *snapshot(void) {
	shots *s = malloc(sizeof *s);
	if (!s) abort();
	*s = (shots){ used, calloc((size_t)used + 1, sizeof(void *)), calloc((size_t)used + 1, sizeof(void *)) };
	for (long i = 0; i < used; i++) {
		if (!table[i].live) continue;
		s->host[i] = copy(table[i].host, table[i].size);
		s->shadow[i] = copy(table[i].shadow, table[i].size);
	}
	return s;
}

void exchange(void *shot, uint64_t seed) {
	shots *s = shot;
	for (long i = 0; i < s->count; i++) {
		allocation *a = &table[i];
		if (!a->live) continue;
		for (uint64_t j = 0; j < a->size; j++) {
			uint8_t h = a->host[j], w = a->shadow[j];
			// Bytes that nobody has written look different the second time.
			a->host[j] = s->shadow[i][j] ? s->host[i][j] : (uint8_t)(s->host[i][j] ^ (seed >> 8 * (j & 7)));
			a->shadow[j] = s->shadow[i][j];
			s->host[i][j] = h, s->shadow[i][j] = w;
		}
	}
}

long compare(void *shot, CUdeviceptr *where, int *first, int *second) {
	shots *s = shot;
	long differ = 0;
	for (long i = 0; i < s->count; i++) {
		allocation *a = &table[i];
		if (!a->live || memcmp(a->host, s->host[i], a->size) == 0) continue;
		for (uint64_t j = 0; j < a->size; j++) {
			if (!a->shadow[j] || !s->shadow[i][j] || a->host[j] == s->host[i][j]) continue;
			if (!differ++) *where = a->base + j, *first = s->host[i][j], *second = a->host[j];
		}
	}
	return differ;
}

void drop(void *shot) {
	shots *s = shot;
	for (long i = 0; i < s->count; i++) free(s->host[i]), free(s->shadow[i]);
	free(s->host), free(s->shadow), free(s);
}

// Page-locked memory: whole pages between guard pages, the bytes behind the end
// filled with a canary.
typedef struct { uint8_t *base; uint64_t size, pages; int live; } host;
static host *hosts;
static long hosts_used, hosts_room;

CUresult host_alloc(uint64_t size, void **out) {
	if (size == 0 || size > 1ull << 40) return size ? OUT_OF_MEMORY : INVALID_VALUE;
	if (hosts_used == hosts_room) {
		hosts_room = hosts_room ? 2 * hosts_room : 64;
		hosts = realloc(hosts, sizeof *hosts * (size_t)hosts_room);
		if (!hosts) abort();
	}
	uint64_t pages = (size + PAGE - 1) / PAGE * PAGE;
	uint8_t *p = mmap(0, pages + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + PAGE, pages, PROT_READ | PROT_WRITE)) return OUT_OF_MEMORY;
	memset(p + PAGE, 0xcb, size);
	memset(p + PAGE + size, CANARY, pages - size);
	hosts[hosts_used++] = (host){ p + PAGE, size, pages, 1 };
	counter[N_LIVE_HOST]++;
	*out = p + PAGE;
	return SUCCESS;
}

CUresult host_free(void *p) {
	for (long i = hosts_used - 1; i >= 0; i--) {
		host *h = &hosts[i];
		if (h->base != p) continue;
		if (!h->live) break;
		for (uint64_t j = h->size; j < h->pages; j++)
			if (h->base[j] != CANARY) {
				misuse("write behind the end of %llu bytes of host memory", (unsigned long long)h->size);
				break;
			}
		h->live = 0, counter[N_LIVE_HOST]--;
		// The addresses stay reserved: whoever uses them later faults at once.
		mmap(h->base, h->pages, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		return SUCCESS;
	}
	misuse("free of %p, which is no live page-locked memory", p);
	return INVALID_VALUE;
}

int pinned(const void *p, uint64_t size) {
	for (long i = 0; i < hosts_used; i++) {
		uint64_t at = (uint64_t)((const uint8_t *)p - hosts[i].base);
		if (hosts[i].live && at <= hosts[i].size && hosts[i].size - at >= size) return 1;
	}
	return 0;
}

void free_hosts(int leak) {
	for (long i = 0; i < hosts_used; i++) {
		if (!hosts[i].live) continue;
		if (leak) {
			counter[N_LEAK]++;
			misuse("leak: %llu bytes of page-locked memory", (unsigned long long)hosts[i].size);
		}
		host_free(hosts[i].base);
	}
}
