// report.c counts, and writes down what went wrong.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "fake.h"

long counter[COUNTERS];

static const char *names[COUNTERS] = { "alloc", "free", "hostalloc", "hostfree", "copy", "fill", "launch", "blocks", "replay", "replay_skipped", "injected",
	"stream", "event", "retain", "release", "live", "live_bytes", "peak_bytes", "live_host", "live_stream", "live_event", "live_module",
	"leak", "fault", "misuse" };

static char said[1 << 16]; // one line each
static size_t said_length;

static void say(const char *kind, const char *text) {
	int n = snprintf(said + said_length, sizeof said - said_length, "%s: %s\n", kind, text);
	if (n > 0 && (size_t)n < sizeof said - said_length) said_length += (size_t)n;
	else said[said_length] = 0;
}

void misuse(const char *format, ...) {
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	counter[N_MISUSE]++;
	say("misuse", text);
	if (config.trace || config.aborts) fprintf(stderr, "fake GPU: misuse: %s\n", text);
	write_report();
	if (config.aborts) abort();
}

void fault_report(const char *text) {
	counter[N_FAULT]++;
	say("fault", text);
	fprintf(stderr, "fake GPU: fault: %s\n", text);
	write_report();
	if (config.aborts) abort();
}

// fake_report writes counters and what was said as "name number" and "kind:
// text" lines and returns how long the whole text is.
API uint64_t fake_report(char *out, uint64_t size) {
	char text[sizeof said + 2048];
	size_t n = 0;
	for (int i = 0; i < COUNTERS; i++) n += (size_t)snprintf(text + n, sizeof text - n, "%s %ld\n", names[i], counter[i]);
	memcpy(text + n, said, said_length + 1);
	n += said_length;
	if (size) {
		size_t m = n < size ? n : size - 1;
		memcpy(out, text, m);
		out[m] = 0;
	}
	return n;
}

// write_report writes the report into the file named in the settings. %p in the
// name becomes the number of the process.
void write_report(void) {
	if (!config.report[0]) return;
	char path[1200], text[sizeof said + 2048];
	const char *p = strstr(config.report, "%p");
	if (p) snprintf(path, sizeof path, "%.*s%d%s", (int)(p - config.report), config.report, (int)getpid(), p + 2);
	else snprintf(path, sizeof path, "%s", config.report);
	fake_report(text, sizeof text);
	FILE *f = fopen(path, "w");
	if (!f) return;
	fputs(text, f);
	fclose(f);
}

// fake_reset forgets counters and what was said; live objects stay counted.
API void fake_reset(void) {
	for (int i = 0; i < COUNTERS; i++)
		if (i < N_LIVE || i > N_LIVE_MODULE) counter[i] = 0;
	said_length = 0, said[0] = 0;
}

// fake_control changes settings while the process runs: "key=value,...".
API void fake_control(const char *text) { configure(text); }
