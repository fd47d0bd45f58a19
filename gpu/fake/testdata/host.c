/* A program that drives libcuda.so.1 by commands, one a line: the tests of package fake are its user. It answers
 * each with a line: the driver's code, and data. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t ptr;
int cuInit(unsigned), cuDevicePrimaryCtxRetain(void **, int), cuDevicePrimaryCtxRelease_v2(int), cuCtxSetCurrent(void *), cuCtxSynchronize(void);
int cuMemAlloc_v2(ptr *, size_t), cuMemFree_v2(ptr), cuMemHostAlloc(void **, size_t, unsigned), cuMemFreeHost(void *);
int cuStreamCreate(void **, unsigned), cuStreamDestroy_v2(void *), cuStreamSynchronize(void *), cuStreamQuery(void *), cuStreamWaitEvent(void *, void *, unsigned);
int cuEventCreate(void **, unsigned), cuEventDestroy_v2(void *), cuEventRecord(void *, void *), cuEventSynchronize(void *), cuEventQuery(void *);
int cuModuleLoadData(void **, const void *), cuModuleUnload(void *), cuModuleGetFunction(void **, void *, const char *);
int cuMemcpyHtoDAsync_v2(ptr, const void *, size_t, void *), cuMemcpyDtoHAsync_v2(void *, ptr, size_t, void *), cuMemcpyDtoDAsync_v2(ptr, ptr, size_t, void *);
int cuMemsetD8Async(ptr, unsigned char, size_t, void *);
int cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
int cuGetErrorName(int, const char **), cuTexRefSetFormat();
void fake_control(const char *), fake_reset(void);
uint64_t fake_report(char *, uint64_t);

enum { N = 64, LINE = 1 << 22 };
static ptr device[N];
static uint8_t *host[N];
static void *stream[N], *event[N], *module[N], *context[16];

static uint64_t argument(const char *a)
{
	char *end;
	if (*a != 'd')
		return strtoull(a, NULL, 0);
	unsigned long id = strtoul(a + 1, &end, 10);
	return device[id] + (*end ? strtoull(end, NULL, 0) : 0);
}

static int launch(void *s, int m, const char *name, unsigned grid, unsigned block, unsigned shared)
{
	uint64_t values[32];
	void *pointers[32], *f;
	int n = 0, r = cuModuleGetFunction(&f, module[m], name);
	for (char *a; (a = strtok(NULL, " \n")); n++)
		values[n] = argument(a), pointers[n] = &values[n];
	return r ? r : cuLaunchKernel(f, grid, 1, 1, block, 1, 1, shared, s, pointers, NULL);
}

static char *word(void) { return strtok(NULL, " \n"); }
static int number(void) { return (int)strtol(word(), NULL, 0); }

static int load(int m, const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, LINE);
	if (!f || !text)
		return -1;
	fread(text, 1, LINE - 1, f);
	fclose(f);
	return cuModuleLoadData(&module[m], text);
}

static int digit(char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; }

static int put(uint8_t *p, const char *hex)
{
	for (; hex[0] && hex[1]; hex += 2)
		*p++ = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
	return 0;
}

static int get(const uint8_t *p, int n)
{
	printf("0 ");
	for (int i = 0; i < n; i++)
		printf("%02x", p[i]);
	return 0;
}

static int report(void)
{
	static char text[1 << 18];
	fake_report(text, sizeof text);
	printf("%s.", text);
	return 0;
}

#define IS(name) (!strcmp(c, name))

/* objects carries out what makes and frees. */
static int objects(const char *c)
{
	int i = number();
	if (IS("alloc")) return cuMemAlloc_v2(&device[i], (size_t)number());
	if (IS("free")) return cuMemFree_v2(device[i]);
	if (IS("halloc")) return cuMemHostAlloc((void **)&host[i], (size_t)number(), 0);
	if (IS("malloc")) return host[i] = malloc((size_t)number()), 0;
	if (IS("hfree")) return cuMemFreeHost(host[i]);
	if (IS("stream")) return cuStreamCreate(&stream[i], 1);
	if (IS("sdestroy")) return cuStreamDestroy_v2(stream[i]);
	if (IS("event")) return cuEventCreate(&event[i], 0);
	if (IS("edestroy")) return cuEventDestroy_v2(event[i]);
	if (IS("load")) return load(i, word());
	if (IS("unload")) return cuModuleUnload(module[i]);
	if (IS("retain")) return cuDevicePrimaryCtxRetain(&context[i], i);
	if (IS("release")) return cuDevicePrimaryCtxRelease_v2(i);
	if (IS("current")) return cuCtxSetCurrent(i < 0 ? NULL : context[i]);
	if (IS("ssync")) return cuStreamSynchronize(stream[i]);
	if (IS("squery")) return cuStreamQuery(stream[i]);
	if (IS("esync")) return cuEventSynchronize(event[i]);
	if (IS("equery")) return cuEventQuery(event[i]);
	if (IS("get")) {
		int at = number();
		return get(host[i] + at, number()), -2;
	}
	int j = number();
	if (IS("put")) return put(host[i] + j, word());
	if (IS("record")) return cuEventRecord(event[i], stream[j]);
	if (IS("wait")) return cuStreamWaitEvent(stream[i], event[j], 0);
	if (IS("fill")) {
		int value = number();
		return cuMemsetD8Async(device[j], (unsigned char)value, (size_t)number(), stream[i]);
	}
	int k = number();
	if (IS("up")) return cuMemcpyHtoDAsync_v2(device[j], host[k], (size_t)number(), stream[i]);
	if (IS("down")) return cuMemcpyDtoHAsync_v2(host[j], device[k], (size_t)number(), stream[i]);
	if (IS("copy")) return cuMemcpyDtoDAsync_v2(device[j], device[k], (size_t)number(), stream[i]);
	return -1;
}

static int command(const char *c)
{
	if (IS("init")) return cuInit(0);
	if (IS("sync")) return cuCtxSynchronize();
	if (IS("stub")) return cuTexRefSetFormat();
	if (IS("report")) return report(), -2;
	if (IS("reset")) return fake_reset(), 0;
	if (IS("control")) return fake_control(word()), 0;
	if (IS("launch")) { /* launch stream module name grid block shared args... */
		int s = number(), m = number();
		char *name = word();
		int grid = number(), block = number();
		return launch(s < 0 ? NULL : stream[s], m, name, (unsigned)grid, (unsigned)block, (unsigned)number());
	}
	return objects(c);
}

int main(void)
{
	static char line[LINE];
	while (fgets(line, sizeof line, stdin)) {
		const char *c = strtok(line, " \n");
		int r = c ? command(c) : -1;
		if (r != -2)
			printf("%d", r);
		printf("\n");
		fflush(stdout);
	}
	return 0;
}
