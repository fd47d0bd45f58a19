// Kernels for the tests of package fake, compiled by NVRTC 12.4 to kernels.ptx:
// --gpu-architecture=compute_75 --fmad=false -std=c++17
typedef unsigned char u8; typedef unsigned u32; typedef unsigned long long u64;

__constant__ double table_[4] = {0.5, -1.25, 3.0, 1e300};
__device__ const u32 primes[5] = {2, 3, 5, 7, 11};
__device__ u64 calls = 40;

// out += sum of x, through a tree in shared memory.
extern "C" __global__ void __launch_bounds__(256) fake_sum(const u64* __restrict__ x, u64* out, u32 n) {
	__shared__ u64 s[256];
	u32 t = threadIdx.x;
	u64 v = 0;
	for (u32 i = blockIdx.x * blockDim.x + t; i < n; i += gridDim.x * blockDim.x) v += x[i];
	s[t] = v;
	__syncthreads();
	for (u32 h = blockDim.x / 2; h; h /= 2) {
		if (t < h) s[t] += s[t + h];
		__syncthreads();
	}
	if (t == 0) atomicAdd(out, s[0]);
}

// What a warp knows of its lanes: sums by butterfly and prefix, votes, matches.
extern "C" __global__ void __launch_bounds__(256) fake_warp(const u32* x, u32* y) {
	u32 i = blockIdx.x * blockDim.x + threadIdx.x, v = x[i], all = v, up = v;
	for (int d = 16; d; d /= 2) all += __shfl_xor_sync(~0u, all, d);
	for (int d = 1; d < 32; d *= 2) { u32 o = __shfl_up_sync(~0u, up, d); if ((threadIdx.x & 31) >= d) up += o; }
	u32* o = y + 12 * i;
	o[0] = all; o[1] = up;
	o[2] = __ballot_sync(~0u, v & 1);
	o[3] = __any_sync(~0u, v > 200) + 2 * __all_sync(~0u, v < 100);
	o[4] = __match_any_sync(~0u, v & 7);
	int same; o[5] = __match_all_sync(~0u, v & 0x80, &same); o[6] = same;
	o[7] = __shfl_sync(~0u, v, v, 8);
	o[8] = __shfl_down_sync(~0u, v, 3, 16);
	u32 peers = __match_any_sync(~0u, v & 1); // two groups meet apart
	o[9] = v & 1 ? __ballot_sync(peers, v & 2) : __ballot_sync(peers, v & 4);
	u32 active = __activemask();
	o[10] = active >> (threadIdx.x & 31) & 1;
	o[11] = __syncthreads_count(v & 1) + 1000 * __syncthreads_or(v == 7) + 2000 * __syncthreads_and(v < 255);
}

// Counts of bytes, in shared memory first.
extern "C" __global__ void __launch_bounds__(256) fake_histogram(const u8* x, u32* h, u32 n) {
	__shared__ u32 s[256];
	s[threadIdx.x] = 0;
	__syncthreads();
	for (u32 i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&s[x[i]], 1u);
	__syncthreads();
	if (s[threadIdx.x]) atomicAdd(&h[threadIdx.x], s[threadIdx.x]);
}

// Open addressing: keys into slots by compare-and-swap, with counts.
extern "C" __global__ void __launch_bounds__(256) fake_insert(const u64* x, u64* keys, u64* counts, u32 n, u32 mask) {
	for (u32 i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
		for (u32 p = (u32)(x[i] * 0x9e3779b97f4a7c15ull >> 40) & mask;; p = (p + 1) & mask) {
			u64 old = atomicCAS(&keys[p], ~0ull, x[i]);
			if (old == ~0ull || old == x[i]) { atomicAdd(&counts[p], 1ull); break; }
		}
}

// Every thread waits until all before it, of all blocks, have had their turn.
extern "C" __global__ void fake_turns(volatile u32* turn, u32* y) {
	u32 i = blockIdx.x * blockDim.x + threadIdx.x;
	while (*turn != i) {}
	y[i] = i + 1;
	__threadfence();
	*turn = i + 1;
}

// Tables of the module, and dynamic shared memory.
extern "C" __global__ void fake_tables(double* y, u32* z) {
	extern __shared__ double d[];
	u32 t = threadIdx.x;
	d[t] = table_[t & 3];
	__syncthreads();
	y[t] = d[blockDim.x - 1 - t];
	z[t] = primes[t % 5];
	if (t == 0) atomicAdd(&calls, 2ull);
	if (t == 0) z[blockDim.x] = (u32)calls;
}
