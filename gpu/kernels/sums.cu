// Exact sums of x and of x^2. See exact.cuh for the form of the cells, which follow the
// words below.
#include "exact.cuh"

enum { ROWS, ABSENT, NANS, PLUS, MINUS, HEAD = 8 };

// Counts of a thread: rows that are null or NaN.
struct Rare {
  u32 absent, nans;
};

DEVICE u64 *cells_of(const Task &t) { return into<u64>(t.state) + HEAD; }

DEVICE void give(Rare &r, const Task &t, u32 part) {
  u64 *state = into<u64>(t.state);
  u64 counts[] = {part == 0 && threadIdx.x == 0 ? t.rows : 0, r.absent, r.nans};
#pragma unroll
  for (u32 i = ROWS; i <= NANS; i++) {
    if (!__any_sync(FULL, counts[i] != 0)) continue;
    u64 sum = warp_sum(counts[i]);
    if (lane_number() == 0) add_to(&state[i], sum);
  }
}

// How a real type is laid out: digits with the implicit one, and the width of a window in
// exponents. ABOVE of them lie above the median of a sample; none is that of infinity.
template <u32 TYPE> struct Format;
template <> struct Format<F32> { enum { LIMBS = 2, EXPONENTS = 256, WIDTH = 26, ABOVE = 9, CELL = 925, HIGHEST = 229 }; };
template <> struct Format<F64> { enum { LIMBS = 3, EXPONENTS = 2048, WIDTH = 23, ABOVE = 9, CELL = 0, HIGHEST = 1990 }; };

DEVICE u32 exponent_of(u32 bits) { return bits >> 23 & 0xff; }
DEVICE u32 exponent_of(u64 bits) { return (u32)(bits >> 52) & 0x7ff; }

// The exponent of a row, or EXPONENTS of one that says nothing about the window.
template <u32 TYPE> DEVICE u32 sample_of(const Task &t, u64 row) {
  u64 slot = row < t.rows ? slot_of(t.x, row) : t.x.slots;
  if (slot >= t.x.slots || !bit(t.x.valid, slot)) return Format<TYPE>::EXPONENTS;
  u32 e = TYPE == F32 ? exponent_of(at<u32>(t.x.values)[slot]) : exponent_of(at<u64>(t.x.values)[slot]);
  return e == 0 || e == Format<TYPE>::EXPONENTS - 1 ? Format<TYPE>::EXPONENTS : e;
}

#define SAMPLES 128

// The lowest exponent of the window: from the median of a sample of rows.
template <u32 TYPE> DEVICE u32 window_of(const Task &t) {
  typedef Format<TYPE> F;
  __shared__ u32 sample[SAMPLES], lowest;
  __syncthreads();
#pragma unroll 1
  for (u32 i = threadIdx.x; i < SAMPLES; i += blockDim.x) sample[i] = sample_of<TYPE>(t, t.rows * i / SAMPLES);
  __syncthreads();
  if (threadIdx.x < 32) {
    u32 median = 0;  // the most that at most half of the sample is below
#pragma unroll 1
    for (u32 step = F::EXPONENTS / 2; step > 0; step >>= 1) {
      u32 below = 0, n = 0;
#pragma unroll 1
      for (u32 i = threadIdx.x; i < SAMPLES; i += 32) {
        below += __popc(__ballot_sync(FULL, sample[i] < median + step));
        n += __popc(__ballot_sync(FULL, sample[i] < F::EXPONENTS));
      }
      if (2 * below <= n) median += step;
    }
    if (threadIdx.x == 0) lowest = min(max(median + F::ABOVE + 1, F::WIDTH + 1u) - F::WIDTH, (u32)F::HIGHEST);
  }
  __syncthreads();
  return lowest;
}

// A value that is not in the window: zero, tiny, huge or not finite.
DEVICE void rare(Rare &r, const Task &t, u64 bits) {
  u64 size = bits & ~(1ull << 63);
  u32 e = exponent_of(size);
  if (e == 0x7ff) {
    if (size > 0x7ffull << 52)
      r.nans++;
    else
      atomicAdd(into<u64>(t.state) + (bits >> 63 ? MINUS : PLUS), 1ull);
    return;
  }
  u64 m = size & ((1ull << 52) - 1);
  if (e > 0) m |= 1ull << 52;
  add_apart(cells_of(t), max(e, 1u), m, bits >> 63);
}

DEVICE void rare(Rare &r, const Task &t, u32 bits) {
  u32 e = exponent_of(bits), m = bits & 0x7fffffu;
  if (e == 0xff) {
    if (m != 0)
      r.nans++;
    else
      atomicAdd(into<u64>(t.state) + (bits >> 31 ? MINUS : PLUS), 1ull);
    return;
  }
  if (e > 0) m |= 1u << 23;
  add_apart(cells_of(t), max(e, 1u) + Format<F32>::CELL, m, bits >> 31);
}

// Adds a value that is in the window and returns true, or returns false.
DEVICE bool add(Limbs<2> &l, u32 bits, u32 lowest) {
  u32 shift = exponent_of(bits) - lowest;
  if (shift >= Format<F32>::WIDTH) return bits << 1 == 0;
  u32 m = (bits & 0x7fffffu) | 1u << 23;
  l.add(m << shift & LIMB_MASK, m >> (LIMB - shift), 0, (i32)bits >> 31 | 1);
  return true;
}

DEVICE bool add(Limbs<3> &l, u64 bits, u32 lowest) {
  u32 shift = exponent_of(bits) - lowest;
  if (shift >= Format<F64>::WIDTH) return bits << 1 == 0;
  u64 m = (bits & ((1ull << 52) - 1)) | 1ull << 52, w = m << shift;
  l.add((u32)w & LIMB_MASK, (u32)(w >> LIMB) & LIMB_MASK, (u32)(m >> (2 * LIMB - shift)), (i32)(bits >> 32) >> 31 | 1);
  return true;
}

// Rounds of rows so short that no limb overflows, each with its flush.
template <u32 TYPE> DEVICE void sum(u64 *total, const Task &t, u32 part, u32 parts) {
  u32 lowest = window_of<TYPE>(t);
  Limbs<Format<TYPE>::LIMBS> l = {};
  Rare r = {};
  u64 g = (u64)part * blockDim.x;
  while (4 * g < t.rows) {
#pragma unroll 1
    for (u32 i = 0; i < ROUND_QUADS && 4 * g < t.rows; i++, g += (u64)parts * blockDim.x) {
      Quad<TYPE> q;
      q.load(t.x, g + threadIdx.x, t.rows);
      r.absent += q.there - __popc(q.present);
      u32 apart = 0;
#pragma unroll
      for (u32 k = 0; k < 4; k++)
        if (q.has(k) && !add(l, q.raw[k], lowest)) apart |= 1u << k;
#pragma unroll 1
      for (; apart != 0; apart &= apart - 1) rare(r, t, q.pick(__ffs(apart) - 1));
    }
    flush(l, total, cells_of(t), lowest + Format<TYPE>::CELL);
  }
  give(r, t, part);
}

ROW_KERNEL quern_sums_real(u64 tasks, u64 count, u64 fault) {
  __shared__ u64 total[FLUSH_WORDS];
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    if (t.x.type == F32)
      sum<F32>(total, t, d.part(), d.parts);
    else
      sum<F64>(total, t, d.part(), d.parts);
  }
}

template <u32 TYPE> DEVICE void sum_integers(u64 *total, const Task &t, u32 part, u32 parts) {
  Limbs<3> l = {};
  Rare r = {};
  u64 g = (u64)part * blockDim.x;
  while (4 * g < t.rows) {
#pragma unroll 1
    for (u32 i = 0; i < ROUND_QUADS && 4 * g < t.rows; i++, g += (u64)parts * blockDim.x) {
      Quad<TYPE> q;
      q.load(t.x, g + threadIdx.x, t.rows);
      r.absent += q.there - __popc(q.present);
#pragma unroll
      for (u32 k = 0; k < 4; k++)
        if (q.has(k)) {
          u64 sign = (u64)((i64)q.raw[k] >> 63), m = (q.raw[k] ^ sign) - sign;
          l.add((u32)m & LIMB_MASK, (u32)(m >> LIMB) & LIMB_MASK, (u32)(m >> 2 * LIMB), (i32)sign | 1);
        }
    }
    flush(l, total, cells_of(t), CELL_OF_ONE);
  }
  give(r, t, part);
}

ROW_KERNEL quern_sums_integer(u64 tasks, u64 count, u64 fault) {
  __shared__ u64 total[FLUSH_WORDS];
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    if (t.x.type == I64)
      sum_integers<I64>(total, t, d.part(), d.parts);
    else
      sum_integers<I32>(total, t, d.part(), d.parts);
  }
}
