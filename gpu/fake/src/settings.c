// settings.c reads QUERN_FAKE_GPU and fake_control, and injects errors.
#include <stdio.h>
#include <stdlib.h>
#include "fake.h"

settings config = { .seed = 1, .memory = 1ull << 30, .limit = 1ull << 34, .devices = 1, .compute = 90, .multiprocessors = 4,
	.driver = 12040, .races = 1, .pinned = 1 };

// plan is one error to inject: into the n-th call of a kind from now on.
typedef struct { int kind; long at; CUresult code; } plan;
static plan plans[256];
static int planned;
static long calls[KINDS];

static int kind_of(const char *name) {
	static const char *names[KINDS] = { "alloc", "hostalloc", "copy", "fill", "launch", "event", "stream", "module", "context", "sync", "query", "free",
		"run-copy", "run-fill", "run-launch" };
	for (int i = 0; i < KINDS; i++)
		if (!strcmp(name, names[i])) return i;
	return -1;
}

static CUresult error_of(const char *name) {
	if (!strcmp(name, "oom")) return OUT_OF_MEMORY;
	if (!strcmp(name, "launch")) return LAUNCH_FAILED;
	if (!strcmp(name, "ecc")) return ECC_UNCORRECTABLE;
	if (!strcmp(name, "lost")) return DEVICE_UNAVAILABLE;
	if (!strcmp(name, "unknown")) return UNKNOWN;
	return atoi(name);
}

static void bad(const char *item) {
	fprintf(stderr, "fake GPU: setting %s is not known\n", item);
	abort();
}

// number reads digits with a suffix K, M or G.
static uint64_t number(const char *s) {
	char *end;
	uint64_t n = strtoull(s, &end, 0);
	switch (*end) {
	case 'G': n <<= 10; // fall through
	case 'M': n <<= 10; // fall through
	case 'K': n <<= 10;
	}
	return n;
}

static void plan_error(char *item, char *value) {
	char *n = strchr(value, ':'), *error = n ? strchr(n + 1, ':') : 0;
	if (!error || planned == 256) bad(item);
	*n++ = 0, *error++ = 0;
	plan p = { kind_of(value), atol(n), error_of(error) };
	if (p.kind < 0 || p.at < 1 || p.code < 1) bad(item);
	p.at += calls[p.kind];
	plans[planned++] = p;
}

static void set(char *item) {
	char *value = strchr(item, '=');
	if (!strcmp(item, "nofail")) {
		planned = 0;
		return;
	}
	if (!value) bad(item);
	*value++ = 0;
	uint64_t n = number(value);
	if (!strcmp(item, "seed")) config.seed = n, reseed();
	else if (!strcmp(item, "memory")) config.memory = n;
	else if (!strcmp(item, "limit")) config.limit = n;
	else if (!strcmp(item, "devices")) config.devices = n > 16 ? 16 : (int)n;
	else if (!strcmp(item, "compute")) config.compute = (int)n;
	else if (!strcmp(item, "multiprocessors")) config.multiprocessors = (int)n;
	else if (!strcmp(item, "driver")) config.driver = (int)n;
	else if (!strcmp(item, "replay")) config.replay = (int)n;
	else if (!strcmp(item, "uninit")) config.uninit = (int)n;
	else if (!strcmp(item, "races")) config.races = (int)n;
	else if (!strcmp(item, "abort")) config.aborts = (int)n;
	else if (!strcmp(item, "pinned")) config.pinned = (int)n;
	else if (!strcmp(item, "trace")) config.trace = (int)n;
	else if (!strcmp(item, "replay_skip")) snprintf(config.replay_skip, sizeof config.replay_skip, "%s", value);
	else if (!strcmp(item, "report")) snprintf(config.report, sizeof config.report, "%s", value);
	else if (!strcmp(item, "fail")) plan_error(item, value);
	else bad(item);
}

void configure(const char *text) {
	char copy[4096];
	if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy) bad("(too long)");
	for (char *at = copy, *end; at && *at; at = end) {
		end = strchr(at, ',');
		if (end) *end++ = 0;
		if (*at) set(at);
	}
}

CUresult injected(int kind) {
	long n = ++calls[kind];
	for (int i = 0; i < planned; i++) {
		if (plans[i].kind != kind || plans[i].at != n) continue;
		counter[N_INJECTED]++;
		return plans[i].code;
	}
	return SUCCESS;
}
