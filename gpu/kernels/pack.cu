// Columns to row-major tensors.
//
// A task has: rows; state the address of the tensor; p[0] and p[1] the address and the
// number of its Columns; p[2] its type: F32, F64, I64 or BOOL.
#include "element.cuh"
#include "rows.cuh"

#define TILE_BYTES 32768

// A tile is some rows of some columns. A warp reads 32 rows of a column at a time, and the
// block writes rows that lie one behind the other: both are coalesced. An odd pitch keeps
// the threads of a warp in different banks.
template <u32 TYPE> DEVICE void pack(u64 *memory, const Task &t, u32 part, u32 parts, u64 fault) {
  typedef typename Element<TYPE>::type E;
  const u32 room = TILE_BYTES / sizeof(E), most = (room < 8192 ? room : 8192) / 32 - 1;
  E *tile = (E *)memory, *out = into<E>(t.state);
  const Column *columns = at<Column>(t.p[0]);
  u32 all = (u32)t.p[1], wide = min(all, most), pitch = wide | 1;
  u32 height = min(room / pitch / 32 * 32, 256u), groups = (all + wide - 1) / wide, group = 0;
  u64 row0 = 0;
  u32 turn = 0;
#pragma unroll 1
  for (; row0 < t.rows; turn++) {
    if (turn % parts == part) {
      u32 from = group * wide, n = min(wide, all - from), rows = (u32)min((u64)height, t.rows - row0);
      __syncthreads();
#pragma unroll 1
      for (u32 c = warp_number(); c < n; c += warp_count())
#pragma unroll 1
        for (u32 r = lane_number(); r < rows; r += 32) tile[r * pitch + c] = element_at<TYPE>(columns[from + c], row0 + r, fault);
      __syncthreads();
      u32 r = threadIdx.x / n, c = threadIdx.x % n, down = blockDim.x / n, right = blockDim.x % n;
#pragma unroll 1
      while (r < rows) {
        out[(row0 + r) * all + from + c] = tile[r * pitch + c];
        r += down;
        c += right;
        if (c >= n) c -= n, r++;
      }
    }
    if (++group == groups) group = 0, row0 += height;
  }
}

ROW_KERNEL quern_pack(u64 tasks, u64 count, u64 fault) {
  __shared__ u64 tile[TILE_BYTES / 8];
  for (Deal d(tasks, count, 0); d.more(); d.next()) {
    const Task &t = d.task();
    if (t.p[1] == 0) continue;
    switch ((u32)t.p[2]) {
      case F32: pack<F32>(tile, t, d.part(), d.parts, fault); break;
      case F64: pack<F64>(tile, t, d.part(), d.parts, fault); break;
      case I64: pack<I64>(tile, t, d.part(), d.parts, fault); break;
      default: pack<BOOL>(tile, t, d.part(), d.parts, fault);
    }
  }
}
