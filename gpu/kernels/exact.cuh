// Exact sums of values and of their squares, as integers.
//
// A value is m times 2^(c-1075) with an integer m of at most 64 bits; c is its cell. A
// state has, per cell, the sum of what is added to x in two words, and to the squares in
// four, all as integers of 64 bits that stand for
//
//   sum of x   = sum over c of (word[0] + word[1] 2^32) 2^(c-1075)
//   sum of x^2 = sum over c of (word[2] + word[3] 2^32 + word[4] 2^64 + word[5] 2^96) 2^(2(c-1075))
//
// Words 0 and 1 are signed. What one row adds to a word is less than 2^32 in size, so
// 2^31 rows cannot overflow it.
//
// Most values of a column are of similar size. Those in a window of exponents are cut
// into limbs of 25 bits, whose products a thread adds up in registers; all others go to
// the cells one by one. Where the window lies cannot change the sums.
#pragma once
#include "rows.cuh"

#define LIMB 25
#define LIMB_MASK ((1u << LIMB) - 1)
#define CELL_WORDS 6
#define CELL_OF_ONE 1075  // the cell of integers
#define ROUND_QUADS 1024  // 4096 rows of a thread: 4096 3 2^50 < 2^64

// Sums of limbs of a thread: of x0 + x1 2^25 + x2 2^50, in units of one cell. The
// coefficients of the squares are those of 2^0, 2^26, 2^50, 2^76 and 2^100: products of
// different limbs count twice.
template <u32 LIMBS> struct Limbs {
  i64 s0, s1, s2;
  u64 q0, q1, q2, q3, q4;

  METHOD void add(u32 x0, u32 x1, u32 x2, i32 sign) {
    s0 += (i64)(i32)x0 * sign;
    s1 += (i64)(i32)x1 * sign;
    q0 += (u64)x0 * x0;
    q1 += (u64)x0 * x1;
    q2 += (u64)x1 * x1;
    if (LIMBS == 3) {
      s2 += (i64)(i32)x2 * sign;
      q2 += (u64)(2 * x0) * x2;
      q3 += (u64)x1 * x2;
      q4 += (u64)x2 * x2;
    }
  }
};

#define FLUSH_WORDS 16

// Adds the limbs of all threads of a block to the cells from base on. total are
// FLUSH_WORDS words of shared memory.
template <u32 LIMBS> DEVICE void flush(Limbs<LIMBS> &l, u64 *total, u64 *cells, u32 base) {
  const u32 words = LIMBS == 3 ? FLUSH_WORDS : 10;
  __syncthreads();
  if (threadIdx.x < words) total[threadIdx.x] = 0;
  __syncthreads();
  i64 s[] = {l.s0, l.s1, l.s2};
  u64 q[] = {l.q0, l.q1, l.q2, l.q3, l.q4};
#pragma unroll
  for (u32 i = 0; i < words; i++) {
    u64 half;
    if (i < 2 * LIMBS)
      half = i & 1 ? (u64)(s[i / 2] >> 32) : (u64)s[i / 2] & FULL;
    else
      half = i & 1 ? q[i / 2 - LIMBS] >> 32 : q[i / 2 - LIMBS] & FULL;
    half = warp_sum(half);
    if (lane_number() == 0) add_to(&total[i], half);
  }
  __syncthreads();
  if (threadIdx.x < words) {
    u32 limb = threadIdx.x / 2, half = threadIdx.x & 1;
    u32 at_word = limb < LIMBS ? limb * LIMB * CELL_WORDS + half
                               : ((limb - LIMBS) * LIMB + ((limb - LIMBS) & 1)) / 2 * CELL_WORDS + 2 + half;
    add_to(&cells[(u64)base * CELL_WORDS + at_word], total[threadIdx.x]);
  }
  l = {};
}

// Adds one value, sign m times the weight of a cell, to its cell.
DEVICE void add_apart(u64 *cells, u32 cell, u64 m, bool negative) {
  u64 *c = cells + (u64)cell * CELL_WORDS;
  u64 low = m & FULL, high = m >> 32;
  add_to(c, negative ? -low : low);
  add_to(c + 1, negative ? -high : high);
  u64 square = m * m, above = __umul64hi(m, m);
  add_to(c + 2, square & FULL);
  add_to(c + 3, square >> 32);
  add_to(c + 4, above & FULL);
  add_to(c + 5, above >> 32);
}
