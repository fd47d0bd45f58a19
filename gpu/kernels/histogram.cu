// Counts by leading bits: the bins of stat.Histogram.
#include "bins.cuh"
#include "rows.cuh"

#define NONE 0xffffffffu

// The bin of a value that is not null, or NONE of NaN.
template <u32 TYPE> DEVICE u32 bin_of(u64 bits) {
  if (TYPE == F32) return ((u32)bits & 0x7fffffffu) > 0x7f800000u ? NONE : bin_of_real32((u32)bits);
  if (TYPE == F64) {
    double x = double_of(bits);
    return x != x ? NONE : bin_of_real(x);
  }
  return bin_of_int((i64)bits);
}

// Equal bins in a warp are counted together: where a column has a value that is
// everywhere, its counter would be what all warps wait for.
template <u32 TYPE> DEVICE void count(const Task &t, u32 part, u32 parts) {
  u32 *bins = into<u32>(t.state);
#pragma unroll 1
  for (u64 g = (u64)part * blockDim.x; 4 * g < t.rows; g += (u64)parts * blockDim.x) {
    Quad<TYPE> q;
    q.load(t.x, g + threadIdx.x, t.rows);
#pragma unroll
    for (u32 k = 0; k < 4; k++) {
      u32 bin = q.has(k) ? bin_of<TYPE>(q.raw[k]) : NONE;
      u32 same = __match_any_sync(FULL, bin);
      if (bin != NONE && __ffs(same) - 1 == (i32)lane_number()) atomicAdd(&bins[bin], (u32)__popc(same));
    }
  }
}

ROW_KERNEL quern_histogram(u64 tasks, u64 count_, u64 fault) {
  for (Deal d(tasks, count_, fault); d.more(); d.next()) {
    const Task &t = d.task();
    switch (t.x.type) {
      case F32: count<F32>(t, d.part(), d.parts); break;
      case F64: count<F64>(t, d.part(), d.parts); break;
      case I64: count<I64>(t, d.part(), d.parts); break;
      default: count<I32>(t, d.part(), d.parts);
    }
  }
}
