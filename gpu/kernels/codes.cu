// How often each slot, or each tuple of slots, is in the rows.
#include "rows.cuh"

#define SHARED_SLOTS 4096

// Four codes of a column, whether its values are there or not; those past the end, and
// those without a slot, are NONE.
#define NONE 0xffffffffu

DEVICE u32 code_at(const Column &c, u64 row, u64 rows) {
  if (row >= rows) return NONE;
  u64 slot = slot_of(c, row);
  return slot < c.slots ? (u32)slot : NONE;
}

// Where there are few slots, a block has counters of its own.
template <typename CODE> DEVICE void count_few(u32 *counts, const Task &t, u32 part, u32 parts) {
  u32 slots = (u32)t.x.slots;
  for (u32 i = threadIdx.x; i < slots; i += blockDim.x) counts[i] = 0;
  __syncthreads();
  const u32 each = 16 / sizeof(CODE);  // codes of one load
  const u32 bits = 8 * sizeof(CODE);
  u64 whole = t.rows / each;
#pragma unroll 1
  for (u64 g = (u64)part * blockDim.x + threadIdx.x; g < whole; g += (u64)parts * blockDim.x) {
    uint4 v = __ldg(at<uint4>(t.x.index) + g);
    u32 word[] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (u32 i = 0; i < each; i++) {
      u32 code = (CODE)(word[i * bits / 32] >> i * bits % 32);
      if (code < slots) atomicAdd(&counts[code], 1u);
    }
  }
  if (part == 0)
    for (u64 row = whole * each + threadIdx.x; row < t.rows; row += blockDim.x) {
      u32 code = at<CODE>(t.x.index)[row];
      if (code < slots) atomicAdd(&counts[code], 1u);
    }
  __syncthreads();
  u32 *state = into<u32>(t.state);
  for (u32 i = threadIdx.x; i < slots; i += blockDim.x)
    if (counts[i] != 0) atomicAdd(&state[i], counts[i]);
  __syncthreads();
}

// Counts a cell of each thread of a warp, equal ones together. NONE is counted nowhere.
DEVICE void count_cell(u32 *state, u32 cell) {
  u32 same = __match_any_sync(FULL, cell);
  if (cell != NONE && __ffs(same) - 1 == (i32)lane_number()) atomicAdd(&state[cell], (u32)__popc(same));
}

DEVICE void count_many(const Task &t, u32 part, u32 parts) {
#pragma unroll 1
  for (u64 g = (u64)part * blockDim.x; g < t.rows; g += (u64)parts * blockDim.x)
    count_cell(into<u32>(t.state), code_at(t.x, g + threadIdx.x, t.rows));
}

ROW_KERNEL quern_codes(u64 tasks, u64 count, u64 fault) {
  __shared__ u32 counts[SHARED_SLOTS];
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    if (t.x.slots > SHARED_SLOTS || t.x.width > 2)
      count_many(t, d.part(), d.parts);
    else if (t.x.width == 1)
      count_few<u8>(counts, t, d.part(), d.parts);
    else
      count_few<u16>(counts, t, d.part(), d.parts);
  }
}

// Tuples of p[1] coded columns at p[0] are numbered in mixed radix, the last column
// fastest; there are p[2] of them.
ROW_KERNEL quern_tuples(u64 tasks, u64 count, u64 fault) {
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    const Column *columns = at<Column>(t.p[0]);
#pragma unroll 1
    for (u64 g = (u64)d.part() * blockDim.x; g < t.rows; g += (u64)d.parts * blockDim.x) {
      u64 cell = 0;
      bool whole = true;
#pragma unroll 1
      for (u32 i = 0; i < (u32)t.p[1]; i++) {
        u32 code = code_at(columns[i], g + threadIdx.x, t.rows);
        whole = whole && code != NONE;
        cell = cell * columns[i].slots + code;
      }
      count_cell(into<u32>(t.state), whole && cell < t.p[2] ? (u32)cell : NONE);
    }
  }
}
