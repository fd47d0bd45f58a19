// enqueue.h, part of stream.c: the calls that put work on a stream.

// range refuses device memory that is not all of one live allocation.
static CUresult range(CUdeviceptr p, uint64_t n, const char *what) {
	if (device_range(current(), p, n)) return SUCCESS;
	misuse("%s of %llu bytes at 0x%llx, which is no live memory of the device", what, (unsigned long long)n, (unsigned long long)p);
	return INVALID_VALUE;
}

static CUresult host_range(const void *p, uint64_t n, const char *what) {
	if (!config.pinned || pinned(p, n)) return SUCCESS;
	misuse("%s of %llu bytes of host memory that is not page-locked", what, (unsigned long long)n);
	return INVALID_VALUE;
}

API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t n, stream *s) {
	CUresult r = enter(ON_COPY, 1);
	if (!r) r = STREAM(s);
	if (!r) r = range(dst, n, "upload");
	if (!r) r = host_range(src, n, "upload");
	if (r || !n) return leave(r);
	op *o = enqueue(s, OP_UPLOAD);
	o->dst = dst, o->host = (uint8_t *)(uintptr_t)src, o->size = n, o->sum = sum(src, n);
	counter[N_COPY]++;
	return leave(SUCCESS);
}

API CUresult cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t n, stream *s) {
	CUresult r = enter(ON_COPY, 1);
	if (!r) r = STREAM(s);
	if (!r) r = range(src, n, "download");
	if (!r) r = host_range(dst, n, "download");
	if (r || !n) return leave(r);
	op *o = enqueue(s, OP_DOWNLOAD);
	o->src = src, o->host = dst, o->size = n;
	memset(dst, 0xdb, n); // who looks before it is done sees this
	counter[N_COPY]++;
	return leave(SUCCESS);
}

API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t n, stream *s) {
	CUresult r = enter(ON_COPY, 1);
	if (!r) r = STREAM(s);
	if (!r) r = range(dst, n, "copy");
	if (!r) r = range(src, n, "copy");
	if (r || !n) return leave(r);
	op *o = enqueue(s, OP_COPY);
	o->dst = dst, o->src = src, o->size = n;
	counter[N_COPY]++;
	return leave(SUCCESS);
}

static CUresult fill(CUdeviceptr dst, uint32_t pattern, uint32_t width, size_t n, stream *s) {
	CUresult r = enter(ON_FILL, 1);
	if (!r) r = STREAM(s);
	if (!r) r = range(dst, n * width, "fill");
	if (!r && dst % width) r = INVALID_VALUE;
	if (r || !n) return leave(r);
	op *o = enqueue(s, OP_FILL);
	o->dst = dst, o->pattern = pattern, o->width = width, o->size = n * width;
	counter[N_FILL]++;
	return leave(SUCCESS);
}
API CUresult cuMemsetD8Async(CUdeviceptr p, unsigned char v, size_t n, stream *s) { return fill(p, v, 1, n, s); }
API CUresult cuMemsetD16Async(CUdeviceptr p, unsigned short v, size_t n, stream *s) { return fill(p, v, 2, n, s); }
API CUresult cuMemsetD32Async(CUdeviceptr p, unsigned v, size_t n, stream *s) { return fill(p, v, 4, n, s); }

// now carries out one copy or fill after everything else.
static CUresult now(op *o) {
	CUresult r = enter(o->kind == OP_FILL ? ON_FILL : ON_COPY, 1);
	if (!r && o->kind != OP_DOWNLOAD) r = range(o->dst, o->size, "copy");
	if (!r && (o->kind == OP_DOWNLOAD || o->kind == OP_COPY)) r = range(o->src, o->size, "copy");
	if (r || !o->size) return leave(r);
	drain(current());
	if (!contexts[current()].dead) r = carry_out_copy(o, current());
	return leave(r ? r : contexts[current()].dead);
}

API CUresult cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t n) {
	return now(&(op){ .kind = OP_UPLOAD, .dst = dst, .host = (uint8_t *)(uintptr_t)src, .size = n, .sum = sum(src, n) });
}
API CUresult cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t n) { return now(&(op){ .kind = OP_DOWNLOAD, .src = src, .host = dst, .size = n }); }
API CUresult cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src, size_t n) { return now(&(op){ .kind = OP_COPY, .dst = dst, .src = src, .size = n }); }
API CUresult cuMemsetD8_v2(CUdeviceptr p, unsigned char v, size_t n) { return now(&(op){ .kind = OP_FILL, .dst = p, .pattern = v, .width = 1, .size = n }); }
API CUresult cuMemsetD32_v2(CUdeviceptr p, unsigned v, size_t n) { return now(&(op){ .kind = OP_FILL, .dst = p, .pattern = v, .width = 4, .size = 4 * n }); }

API CUresult cuLaunchKernel(function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned dynamic, stream *s,
	void **params, void **extra) {
	CUresult r = enter(ON_LAUNCH, 1);
	if (!r) r = STREAM(s);
	if (!r && (!f || f->magic != MAGIC_FUNCTION || f->m->magic != MAGIC_MODULE)) misuse("launch of a function that does not live"), r = INVALID_HANDLE;
	if (!r && f->m->device != current()) misuse("launch of a function of another device"), r = INVALID_HANDLE;
	if (r) return leave(r);
	const q_kernel *k = f->kernel;
	uint64_t threads = (uint64_t)bx * by * bz, blocks = (uint64_t)gx * gy * gz;
	if (extra || threads == 0 || threads > 1024 || blocks == 0 || gy > 65535 || gz > 65535 || gx > 0x7fffffffu) return leave(INVALID_VALUE);
	if (blocks > 1u << 24) {
		misuse("%llu blocks: more than the fake device runs", (unsigned long long)blocks);
		return leave(INVALID_VALUE);
	}
	if ((k->max_threads && threads > k->max_threads) || k->shared_size + (uint64_t)dynamic > (96 << 10)) return leave(LAUNCH_OUT_OF_RESOURCES);
	op *o = enqueue(s, OP_LAUNCH);
	o->l = (launch){ .kernel = k, .module = f->m->code, .globals = f->m->globals, .grid = { gx, gy, gz }, .block = { bx, by, bz }, .dynamic = dynamic };
	o->params = calloc(1, 4096 + 64);
	for (uint32_t i = 0; i < k->params; i++) memcpy(o->params + k->param[2 * i], params[i], k->param[2 * i + 1]);
	counter[N_LAUNCH]++;
	return leave(SUCCESS);
}
