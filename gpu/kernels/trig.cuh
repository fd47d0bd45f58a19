// Sin and cos, as package features/real has them: see real.cuh.
#pragma once
#include "real.cuh"

// What is left of x after n quarter turns.
struct Turned {
  u32 n;  // the low bits count
  Wide y;
};

DEVICE Turned reduce_small(double x) {
  double shifted = mul_add(x, 0x1.45f306dc9c883p-1, 0x1.8p52);
  double k = shifted - 0x1.8p52;
  Wide s = two_sum(x - k * 0x1.921fb54400000p+0, -(k * 0x1.0b4611a600000p-34));
  Wide t = two_sum(s.hi, -(k * 0x1.3198a2e000000p-69));
  Wide y = two_sum(t.hi, (s.lo + t.lo) - k * 0x1.b839a252049c1p-104);
  return {(u32)bits_of(shifted), y};
}

DEVICE Wide fraction_to_radians(u64 high, u64 low, double sign) {
  u32 zeros = __clzll(high);
  // A shift by 64 gives 0 in the reference; the count is below 64 here, as no double
  // is that near to a multiple of pi/2.
  high = high << zeros | (zeros ? low >> (64 - zeros) : 0);
  low = low << zeros;
  double unit = sign * power_of_two(-(i32)zeros);
  Wide f = {(double)(i64)(high >> 11) * (unit * 0x1p-53),
            (double)(i64)((high << 53 | low >> 11) >> 1) * (unit * 0x1p-116)};
  Wide p = times(f, {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54});
  return fast_two_sum(p.hi, p.lo);
}

// 64 bits of 2/pi, from bit start of: 64 zeros, then its fraction, which table holds.
DEVICE u64 two_over_pi(u64 table, u32 start) {
  u32 word = start / 64, shift = start % 64;
  u64 here = read<u64>(table, word), next = read<u64>(table, word + 1);
  return here << shift | (shift ? next >> (64 - shift) : 0);
}

DEVICE Turned reduce_large(double x, u64 table) {
  u64 b = bits_of(x);
  u64 m = ((b & ((1ull << 52) - 1)) | 1ull << 52) << 11;
  u32 start = (u32)(b >> 52) - 1024;
  u64 v0 = two_over_pi(table, start), v1 = two_over_pi(table, start + 64), v2 = two_over_pi(table, start + 128);
  u64 l1 = m * v1, h2 = __umul64hi(m, v2);
  u64 low = l1 + h2;
  u64 high = m * v0 + __umul64hi(m, v1) + (low < l1);
  u32 n = (u32)(high >> 62);
  high = high << 2 | low >> 62;
  low = low << 2;
  double sign = 1.0;
  if (high >> 63) {
    n++;
    high = 0 - high - (low != 0);
    low = 0 - low;
    sign = -1.0;
  }
  return {n, fraction_to_radians(high, low, sign)};
}

DEVICE Turned reduce(double x, u64 table) {
  if (absolute(x) <= 0x1p20) return reduce_small(x);
  Turned t = reduce_large(absolute(x), table);
  if (x < 0.0) return {0 - t.n, {-t.y.hi, -t.y.lo}};
  return t;
}

DEVICE double sin_near(Wide y) {
  double z = y.hi * y.hi;
  double a = mul_add(z, 0x1.1111111111110p-7, -0x1.5555555555555p-3);
  double b = mul_add(z, 0x1.71de3a5460950p-19, -0x1.a01a01a019938p-13);
  double c = mul_add(z, 0x1.61217f0a95ad6p-33, -0x1.ae645412c4390p-26);
  double z2 = z * z;
  a = mul_add(b, z2, a);
  c = mul_add(-0x1.ab17d37ab5989p-41, z2, c);
  double cube = y.hi * z * mul_add(z2 * z2, c, a);
  return y.hi + (cube + (y.lo - 0.5 * z * y.lo));
}

DEVICE double cos_near(Wide y) {
  double z = y.hi * y.hi;
  double a = mul_add(z, -0x1.6c16c16c16967p-10, 0x1.5555555555555p-5);
  double b = mul_add(z, -0x1.27e4fa17d9624p-22, 0x1.a01a019f4eaf9p-16);
  double c = mul_add(z, -0x1.907da2e9cd397p-37, 0x1.1eeb68e88cbb9p-29);
  double z2 = z * z;
  double polynomial = mul_add(z2 * z2, c, mul_add(b, z2, a));
  Wide sum = fast_two_sum(1.0, -0.5 * z);
  double rest = z2 * polynomial - y.hi * y.lo;
  return sum.hi + (sum.lo + rest);
}

// sin x, or cos x if a quarter turn is added. table holds 2/pi: see two_over_pi.
DEVICE double real_sin(double x, u32 quarters, u64 table) {
  if (quarters == 0 && absolute(x) < 0x1p-27) return x;
  if (!(absolute(x) <= LARGEST)) return nan();
  Turned t = reduce(x, table);
  u32 n = t.n + quarters;
  double v = n & 1 ? cos_near(t.y) : sin_near(t.y);
  return n & 2 ? -v : v;
}
