//go:build linux && cuda && cgo

/* The driver's calls, defined here, so that a program needs no libcuda to start. Each call is a jump through a slot
 * of its own. A slot leads to absent() until quern_cuda_start has found a driver, and to missing() afterwards if
 * that driver does not have the call. Everything is hidden, so that libraries which are loaded later and bring or
 * need the same names do not meet these. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

#define HIDDEN __attribute__((visibility("hidden")))

static CUresult absent(void)
{
	return CUDA_ERROR_NO_DEVICE;
}

static CUresult missing(void)
{
	return CUDA_ERROR_NOT_SUPPORTED;
}

/* The slots. The assembly below needs to see them. */
#define CALL(name) HIDDEN void *quern_slot_##name = (void *)absent;
#include "calls.h"
#undef CALL

/* The calls: a jump leaves arguments and return address as they are, whatever the prototype. */
#if defined(__x86_64__)
#define JUMP(name) "\tjmp *quern_slot_" #name "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name) \
	"\tadrp x16, quern_slot_" #name "\n" \
	"\tldr x16, [x16, #:lo12:quern_slot_" #name "]\n" \
	"\tbr x16\n"
#else
#error "quern computes on GPUs on amd64 and arm64 only"
#endif
#define CALL(name) \
	__asm__(".text\n" \
		"\t.globl " #name "\n" \
		"\t.hidden " #name "\n" \
		"\t.type " #name ", %function\n" \
		#name ":\n" JUMP(name) \
		"\t.size " #name ", .-" #name "\n");
#include "calls.h"
#undef CALL

/* gorgonia.org/cu calls cuInit before main, and ends the process if it fails. Here it does nothing: a program that
 * needs no GPU must not pay for starting the driver, which takes up to a second. */
HIDDEN CUresult cuInit(unsigned int flags)
{
	(void)flags;
	return CUDA_SUCCESS;
}

static struct quern_cuda driver;

/* fill leads the slots to the driver. */
static void fill(void *library)
{
	void *call;
#define CALL(name) \
	call = dlsym(library, #name); \
	quern_slot_##name = call ? call : (void *)missing;
#include "calls.h"
#undef CALL
}

/* start finds the driver and initialises it. */
static void start(void)
{
	const char *wish = getenv("QUERN_GPU");
	if (wish && strcmp(wish, "0") == 0) {
		driver.state = QUERN_CUDA_OFF;
		return;
	}
	void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	CUresult (*init)(unsigned int) = library ? (CUresult(*)(unsigned int))dlsym(library, "cuInit") : NULL;
	if (!init) {
		const char *why = dlerror();
		driver.state = QUERN_CUDA_NO_LIBRARY;
		snprintf(driver.loading, sizeof driver.loading, "%s", why ? why : "libcuda.so.1 has no cuInit");
		return;
	}
	Dl_info where;
	snprintf(driver.path, sizeof driver.path, "%s",
		 dladdr((void *)init, &where) && where.dli_fname ? where.dli_fname : "libcuda.so.1");
	driver.code = init(0);
	driver.state = driver.code == CUDA_SUCCESS ? QUERN_CUDA_LIVE : QUERN_CUDA_REFUSED;
	fill(library);
}

HIDDEN const struct quern_cuda *quern_cuda_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start);
	return &driver;
}
