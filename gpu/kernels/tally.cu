// Counts of special rows, and extremes.
#include "rows.cuh"

// What a thread has seen. The extremes are keys that ascend with the values, -0 just
// below 0; the least is kept as the greatest complement, so that all zeros are nothing.
struct Seen {
  u32 absent, nans, plus, minus, zeros;
  u64 low, high;
};

// Words of the state.
enum { ROWS, NULLS, NANS, PLUS, MINUS, ZEROS, LOW, HIGH, WORDS };

DEVICE u64 signed_key(u64 bits) { return bits ^ ((u64)((i64)bits >> 63) | 1ull << 63); }

DEVICE void extend(Seen &s, u64 key) {
  s.low = max(s.low, ~key);
  s.high = max(s.high, key);
}

template <u32 TYPE> DEVICE void see(Seen &s, u64 bits) {
  if (TYPE == F64) {
    u64 size = bits & ~(1ull << 63);
    if (size > 0x7ffull << 52) {
      s.nans++;
      return;
    }
    s.zeros += size == 0;
    if (size == 0x7ffull << 52) bits >> 63 ? s.minus++ : s.plus++;
    extend(s, signed_key(bits));
    return;
  }
  if (TYPE != BOOL) s.zeros += bits == 0;
  extend(s, bits ^ 1ull << 63);
}

// The same of float32 values, whose keys have 32 bits until the end.
DEVICE void see32(Seen &s, u32 &low, u32 &high, u32 bits) {
  u32 size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) {
    s.nans++;
    return;
  }
  s.zeros += size == 0;
  if (size == 0x7f800000u) bits >> 31 ? s.minus++ : s.plus++;
  u32 key = bits ^ ((u32)((i32)bits >> 31) | 1u << 31);
  low = max(low, ~key);
  high = max(high, key);
}

// The float64 key of a float32 key.
DEVICE u64 widen_key(u32 key) {
  u32 bits = key ^ ((u32)((i32)~key >> 31) | 1u << 31);
  return signed_key(bits_of((double)float_of(bits)));
}

template <u32 TYPE> DEVICE void look(Seen &s, const Task &t, u32 part, u32 parts) {
  u32 low = 0, high = 0;
#pragma unroll 1
  for (u64 g = (u64)part * blockDim.x + threadIdx.x; 4 * g < t.rows; g += (u64)parts * blockDim.x) {
    Quad<TYPE> q;
    q.load(t.x, g, t.rows);
    s.absent += q.there - __popc(q.present);
#pragma unroll
    for (u32 k = 0; k < 4; k++)
      if (q.has(k)) {
        if (TYPE == F32)
          see32(s, low, high, (u32)q.raw[k]);
        else
          see<TYPE>(s, q.raw[k]);
      }
  }
  if (TYPE == F32 && (low | high) != 0) {
    s.low = ~widen_key(~low);
    s.high = widen_key(high);
  }
}

DEVICE void give(const Seen &s, const Task &t, u32 part) {
  __shared__ u64 total[WORDS];
  if (threadIdx.x < WORDS) total[threadIdx.x] = 0;
  __syncthreads();
  u64 counts[] = {0, s.absent, s.nans, s.plus, s.minus, s.zeros};
#pragma unroll
  for (u32 i = NULLS; i <= ZEROS; i++) {
    u64 sum = warp_sum(counts[i]);
    if (lane_number() == 0) add_to(&total[i], sum);
  }
  u64 low = warp_max(s.low), high = warp_max(s.high);
  if (lane_number() == 0) {
    atomicMax(&total[LOW], low);
    atomicMax(&total[HIGH], high);
  }
  __syncthreads();
  u64 *state = into<u64>(t.state);
  if (threadIdx.x == ROWS && part == 0) add_to(&state[ROWS], t.rows);
  if (threadIdx.x >= NULLS && threadIdx.x <= ZEROS) add_to(&state[threadIdx.x], total[threadIdx.x]);
  if (threadIdx.x == LOW || threadIdx.x == HIGH) atomicMax(&state[threadIdx.x], total[threadIdx.x]);
  __syncthreads();
}

ROW_KERNEL quern_tally(u64 tasks, u64 count, u64 fault) {
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    Seen s = {};
    switch (t.x.type) {
      case F32: look<F32>(s, t, d.part(), d.parts); break;
      case F64: look<F64>(s, t, d.part(), d.parts); break;
      case I64: look<I64>(s, t, d.part(), d.parts); break;
      case I32: look<I32>(s, t, d.part(), d.parts); break;
      default: look<BOOL>(s, t, d.part(), d.parts);
    }
    give(s, t, d.part());
  }
}
