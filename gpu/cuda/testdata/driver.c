/* A driver for the tests of package cuda: what is enqueued is done at once, and nothing can go wrong but what the
 * environment asks for. It checks what the package promises of its calls: a current context on the calling thread,
 * explicit streams, page-locked memory for copies. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda.h"

enum { most = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { char *at; size_t bytes; int pinned; } blocks[most];
static __thread CUcontext current;
static int retained;

static int asked(const char *name, int otherwise)
{
	const char *value = getenv(name);
	return value ? atoi(value) : otherwise;
}

/* Without a context nothing works. */
#define NEEDS_CONTEXT() do { if (!current || !retained) return CUDA_ERROR_INVALID_CONTEXT; } while (0)

static CUresult take(void **p, size_t bytes, int pinned)
{
	NEEDS_CONTEXT();
	if (bytes > (size_t)1 << 40)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&lock);
	int i = 0;
	while (blocks[i].at)
		i++;
	blocks[i].at = aligned_alloc(256, (bytes + 255) / 256 * 256);
	blocks[i].bytes = bytes;
	blocks[i].pinned = pinned;
	*p = blocks[i].at;
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

static CUresult give(void *p, int pinned)
{
	NEEDS_CONTEXT();
	CUresult found = CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < most; i++)
		if (p && blocks[i].at == p && blocks[i].pinned == pinned) {
			free(blocks[i].at);
			blocks[i].at = NULL;
			found = CUDA_SUCCESS;
		}
	pthread_mutex_unlock(&lock);
	return found;
}

/* in says whether bytes at p lie in a block of a kind. */
static int in(const void *p, size_t bytes, int pinned)
{
	int found = 0;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < most; i++) {
		char *at = blocks[i].at;
		if (at && blocks[i].pinned == pinned && (char *)p >= at && (char *)p + bytes <= at + blocks[i].bytes)
			found = 1;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static CUresult move(void *dst, int dst_pinned, const void *src, int src_pinned, size_t bytes, CUstream s)
{
	NEEDS_CONTEXT();
	if (!s || !in(dst, bytes, dst_pinned) || !in(src, bytes, src_pinned))
		return CUDA_ERROR_INVALID_VALUE;
	memmove(dst, src, bytes);
	return CUDA_SUCCESS;
}

static CUresult object(void **p)
{
	NEEDS_CONTEXT();
	*p = malloc(16);
	return CUDA_SUCCESS;
}

static CUresult gone(void *p)
{
	NEEDS_CONTEXT();
	free(p);
	return p ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuInit(unsigned int f) { (void)f; return asked("FAKE_INIT", 0); }
CUresult cuDriverGetVersion(int *v) { *v = asked("FAKE_VERSION", 12080); return 0; }
CUresult cuDeviceGetCount(int *n) { *n = asked("FAKE_DEVICES", 2); return 0; }
CUresult cuDeviceGet(CUdevice *d, int i) { *d = i; return 0; }
CUresult cuDeviceGetName(char *p, int n, CUdevice d) { snprintf(p, n, "Fake %d", d); return 0; }
CUresult cuDeviceTotalMem_v2(size_t *n, CUdevice d) { (void)d; *n = (size_t)8 << 30; return 0; }
CUresult cuDeviceGetPCIBusId(char *p, int n, CUdevice d) { snprintf(p, n, "0000:%02X:00.0", d); return 0; }

CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice d)
{
	(void)d;
	switch (a) {
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = 3; return 0;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = asked("FAKE_MAJOR", 9); return 0;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = 0; return 0;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
}

CUresult cuGetErrorName(CUresult e, const char **name)
{
	*name = e == CUDA_ERROR_OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_OF_FAKE";
	return 0;
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice d, unsigned int f) { (void)d; (void)f; return 0; }
CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d) { (void)d; *c = (CUcontext)&lock; retained++; return 0; }
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice d) { (void)d; return retained-- > 0 ? 0 : CUDA_ERROR_INVALID_CONTEXT; }
CUresult cuCtxSetCurrent(CUcontext c) { current = c; return 0; }
CUresult cuCtxSynchronize(void) { NEEDS_CONTEXT(); return 0; }

CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t n) { return take((void **)p, n, 0); }
CUresult cuMemFree_v2(CUdeviceptr p) { return give((void *)p, 0); }
CUresult cuMemHostAlloc(void **p, size_t n, unsigned int f) { (void)f; return take(p, n, 1); }
CUresult cuMemFreeHost(void *p) { return give(p, 1); }
CUresult cuMemGetInfo_v2(size_t *f, size_t *t) { NEEDS_CONTEXT(); *f = 1 << 30; *t = (size_t)8 << 30; return 0; }

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr d, const void *s, size_t n, CUstream q) { return move((void *)d, 0, s, 1, n, q); }
CUresult cuMemcpyDtoHAsync_v2(void *d, CUdeviceptr s, size_t n, CUstream q) { return move(d, 1, (void *)s, 0, n, q); }
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr d, CUdeviceptr s, size_t n, CUstream q) { return move((void *)d, 0, (void *)s, 0, n, q); }

CUresult cuMemsetD8Async(CUdeviceptr d, unsigned char c, size_t n, CUstream s)
{
	NEEDS_CONTEXT();
	if (!s || !in((void *)d, n, 0))
		return CUDA_ERROR_INVALID_VALUE;
	memset((void *)d, c, n);
	return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *s, unsigned int f) { return f == CU_STREAM_NON_BLOCKING ? object((void **)s) : CUDA_ERROR_INVALID_VALUE; }
CUresult cuStreamDestroy_v2(CUstream s) { return gone(s); }
CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned int f) { (void)f; NEEDS_CONTEXT(); return s && e ? 0 : CUDA_ERROR_INVALID_HANDLE; }
CUresult cuEventCreate(CUevent *e, unsigned int f) { return f & CU_EVENT_BLOCKING_SYNC ? object((void **)e) : CUDA_ERROR_INVALID_VALUE; }
CUresult cuEventDestroy_v2(CUevent e) { return gone(e); }
CUresult cuEventRecord(CUevent e, CUstream s) { NEEDS_CONTEXT(); return s && e ? 0 : CUDA_ERROR_INVALID_HANDLE; }
CUresult cuEventSynchronize(CUevent e) { NEEDS_CONTEXT(); return e ? asked("FAKE_WAIT", 0) : CUDA_ERROR_INVALID_HANDLE; }
CUresult cuEventElapsedTime(float *ms, CUevent a, CUevent b) { NEEDS_CONTEXT(); *ms = 0.5f; return a && b ? 0 : CUDA_ERROR_INVALID_HANDLE; }

CUresult cuModuleLoadData(CUmodule *m, const void *image)
{
	return strstr(image, "quern_test_store") ? object((void **)m) : CUDA_ERROR_INVALID_PTX;
}

CUresult cuModuleLoadDataEx(CUmodule *m, const void *image, unsigned int n, CUjit_option *options, void **values)
{
	(void)m;
	(void)image;
	for (unsigned int i = 0; i < n; i++)
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER)
			strcpy(values[i], "ptxas fatal:\n  nothing to compile");
	return CUDA_ERROR_INVALID_PTX;
}

CUresult cuModuleUnload(CUmodule m) { return gone(m); }

CUresult cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name)
{
	if (!m || strcmp(name, "quern_test_store"))
		return CUDA_ERROR_NOT_FOUND;
	*f = (CUfunction)&lock;
	return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction f, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx, unsigned int by,
			unsigned int bz, unsigned int shared, CUstream s, void **args, void **extra)
{
	NEEDS_CONTEXT();
	if (!f || !s || gx * gy * gz * bx * by * bz != 1 || shared || extra)
		return CUDA_ERROR_INVALID_VALUE;
	uint64_t *at = *(uint64_t **)args[0];
	if (!in(at, 8, 0))
		return CUDA_ERROR_ILLEGAL_ADDRESS;
	*at = *(uint64_t *)args[1] + *(uint64_t *)args[2];
	return CUDA_SUCCESS;
}
