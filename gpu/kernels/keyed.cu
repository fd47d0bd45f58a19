// Exact sums of a target x and of x^2 per key and fold, for stat.KeyedSums.
//
// A task has: x the target; p[0] the address of the fold's Column, or 0: fold 0; p[1] and
// p[2] the address and the number of coded key Columns, whose codes make the key in mixed
// radix, the last fastest, or, if p[2] is 0, the address of a key per row (u32, see
// quern_table_find); p[3] folds; p[4] the address of two words, the span; p[5] and p[6] the
// window; p[7] how many cells there are.
//
// A value is m 2^(c-1075), m an integer. The window holds the multiples of 2^(low-1075)
// below 2^(low-1075+32 words); what it does not hold is a fault, before anything is added.
// Cell key * folds + fold has 3 + 3 words words: rows, +Inf, -Inf, then the sum of x in
// words of 32 bits (signed), then that of x^2.
#include "rows.cuh"

#define SPAN_TOP 4096
#define NO_CELL 0xffffffffffffffffull

struct Scaled {
  u64 m;
  u32 c;
  bool negative;
};

// What becomes of a row: null and NaN are skipped.
enum { SKIPPED, PLUS, MINUS, FINITE };

DEVICE u32 target_of(const Task &t, u64 row, Scaled &v) {
  v = {0, 1075, false};
  u64 slot = slot_of(t.x, row);
  if (slot >= t.x.slots || !bit(t.x.valid, slot)) return SKIPPED;
  u64 bits = value_at(t.x, slot);
  v.negative = bits >> 63;
  if (t.x.type != F32 && t.x.type != F64) {
    v.m = v.negative ? -bits : bits;
    return FINITE;
  }
  u32 e = (u32)(bits >> 52) & 0x7ff;
  v.m = bits & ((1ull << 52) - 1);
  if (e == 0x7ff) return v.m != 0 ? SKIPPED : v.negative ? MINUS : PLUS;
  if (e > 0) v.m |= 1ull << 52;
  v.c = max(e, 1u);
  return FINITE;
}

// The cell of a row, or NO_CELL if a code or a fold is not what the task says.
DEVICE u64 cell_of(const Task &t, u64 row) {
  u64 key = 0, fold = 0;
  if (t.p[2] == 0) key = at<u32>(t.p[1])[row];
  const Column *keys = at<Column>(t.p[1]);
#pragma unroll 1
  for (u32 i = 0; i < (u32)t.p[2]; i++) {
    u64 slot = slot_of(keys[i], row);
    if (slot >= keys[i].slots) return NO_CELL;
    key = key * keys[i].slots + slot;
  }
  if (t.p[0] != 0) {
    const Column &c = *at<Column>(t.p[0]);
    u64 slot = slot_of(c, row);
    if (slot >= c.slots || !bit(c.valid, slot)) return NO_CELL;
    fold = value_at(c, slot);
  }
  u64 cell = key * t.p[3] + fold;
  return fold < t.p[3] && cell < t.p[7] ? cell : NO_CELL;
}

// Finds the span of the batch's targets: the greatest of the highest bits, and SPAN_TOP
// less the least of the lowest.
ROW_KERNEL quern_keyed_span(u64 tasks, u64 count, u64 fault) {
  for (Deal d(tasks, count, 0); d.more(); d.next()) {
    const Task &t = d.task();
    u64 high = 0, low = 0;
#pragma unroll 1
    for (u64 row = (u64)d.part() * blockDim.x + threadIdx.x; row < t.rows; row += (u64)d.parts * blockDim.x) {
      Scaled v;
      u32 kind = target_of(t, row, v);
      if (kind != SKIPPED && cell_of(t, row) == NO_CELL) report(fault, FAULT_CODE);
      if (kind != FINITE || v.m == 0) continue;
      high = max(high, (u64)(v.c + 64 - __clzll((i64)v.m)));
      low = max(low, (u64)(SPAN_TOP - v.c - (__ffsll((i64)v.m) - 1)));
    }
    high = warp_max(high);
    low = warp_max(low);
    if (lane_number() == 0 && high != 0) {
      atomicMax(into<u64>(t.p[4]), high);
      atomicMax(into<u64>(t.p[4]) + 1, low);
    }
  }
}

// Reports tasks whose span is not in their window. One block, one thread per task.
ROW_KERNEL quern_keyed_check(u64 tasks, u64 count, u64 fault) {
  for (u64 i = thread_number(); i < count; i += thread_count()) {
    const Task &t = at<Task>(tasks)[i];
    u64 high = at<u64>(t.p[4])[0], low = SPAN_TOP - at<u64>(t.p[4])[1];
    if (high != 0 && (low < t.p[5] || high > t.p[5] + 32 * t.p[6])) report(fault, FAULT_RANGE);
  }
}

// Word i of m 2^shift, shift < 32, of at most 96 bits.
DEVICE u64 word_of(u64 m, u32 shift, u32 i) {
  if (i == 0) return (u32)(m << shift);
  if (i == 1) return (u32)(m >> (32 - shift));
  return (u32)(m >> 32 >> (32 - shift));
}

// Adds a finite value to its cell.
DEVICE void add_value(const Task &t, u64 *words, const Scaled &v) {
  u32 low = (u32)t.p[5], n = (u32)t.p[6];
  u64 m = v.c < low ? v.m >> (low - v.c) : v.m;
  u32 shift = v.c < low ? 0 : v.c - low;
  if (m == 0) return;
  u64 *sum = words + 3, *square = sum + n;
#pragma unroll
  for (u32 i = 0; i < 3; i++) {
    u64 word = word_of(m, shift & 31, i);
    if (word != 0 && shift / 32 + i < n) atomicAdd(&sum[shift / 32 + i], v.negative ? -word : word);
  }
  u64 lower = m * m, upper = __umul64hi(m, m);
  shift *= 2;
  u32 first = shift / 32;
  shift &= 31;
#pragma unroll
  for (u32 i = 0; i < 5; i++) {
    u64 word = i < 2 ? word_of(lower, shift, i) : i == 2 ? word_of(lower, shift, 2) | word_of(upper, shift, 0) : word_of(upper, shift, i - 2);
    if (word != 0 && first + i < 2 * n) atomicAdd(&square[first + i], word);
  }
}

// Adds up, over the threads of a warp with the same cell, what they have, in the first of
// them. All threads of the warp take part.
DEVICE void gather(u32 same, u64 &a, u64 &b, u64 &c) {
  u32 above = same & ~((2u << lane_number()) - 1), rank = __popc(same & ((1u << lane_number()) - 1));
  while (__any_sync(FULL, above != 0)) {
    u32 next = above != 0 ? __ffs(above) - 1 : lane_number();
    u64 x = __shfl_sync(FULL, a, next), y = __shfl_sync(FULL, b, next), z = __shfl_sync(FULL, c, next);
    if (above != 0) a += x, b += y, c += z;
    above &= __ballot_sync(FULL, !(rank & 1));
    rank >>= 1;
  }
}

// In a window of one word a warp adds once per cell: few keys, and labels for targets, are
// what target encoding is mostly asked for.
DEVICE void add_rows(const Task &t, u64 base) {
  u64 row = base + threadIdx.x, cell = NO_CELL, stride = 3 + 3 * t.p[6];
  Scaled v = {0, 0, false};
  u32 kind = row < t.rows ? target_of(t, row, v) : SKIPPED;
  if (kind != SKIPPED) cell = cell_of(t, row);
  if (cell == NO_CELL) kind = SKIPPED;
  u64 *words = into<u64>(t.state) + (kind == SKIPPED ? 0 : cell * stride);
  if (kind == PLUS) atomicAdd(words + 1, 1ull);
  if (kind == MINUS) atomicAdd(words + 2, 1ull);
  if (kind != FINITE) cell = NO_CELL;
  u32 same = __match_any_sync(FULL, cell);
  bool first = __ffs(same) - 1 == (i32)lane_number();
  if (kind == FINITE && first) atomicAdd(words, (u64)__popc(same));
  if (t.p[6] != 1) {
    if (kind == FINITE) add_value(t, words, v);
    return;
  }
  u32 low = (u32)t.p[5];
  u64 m = kind != FINITE ? 0 : v.c < low ? v.m >> (low - v.c) : v.m << (v.c - low);
  u64 sum = v.negative ? -m : m, lower = m * m & FULL, upper = m * m >> 32;
  gather(same, sum, lower, upper);
  if (kind != FINITE || !first) return;
  add_to(words + 3, sum);
  add_to(words + 4, lower);
  add_to(words + 5, upper);
}

ROW_KERNEL quern_keyed_sums(u64 tasks, u64 count, u64 fault) {
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
#pragma unroll 1
    for (u64 g = (u64)d.part() * blockDim.x; g < t.rows; g += (u64)d.parts * blockDim.x) add_rows(t, g);
  }
}
