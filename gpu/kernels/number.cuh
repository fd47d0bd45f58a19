// Arithmetic on numbers as package features/program defines it (scalar_int.go,
// scalar_float.go).
#pragma once
#include "real.cuh"

#define LEAST ((i64)(1ull << 63))

// Integers wrap; overflow is told apart, so that the caller can fault.

struct Checked {
  i64 value;
  bool overflow;
};

DEVICE Checked add_int(i64 a, i64 b) {
  i64 c = (i64)((u64)a + (u64)b);
  return {c, (bool)((u64)((a ^ c) & (b ^ c)) >> 63)};
}

DEVICE Checked sub_int(i64 a, i64 b) {
  i64 c = (i64)((u64)a - (u64)b);
  return {c, (bool)((u64)((a ^ b) & (a ^ c)) >> 63)};
}

DEVICE Checked mul_int(i64 a, i64 b) {
  i64 c = (i64)((u64)a * (u64)b);
  return {c, __mul64hi(a, b) != c >> 63};
}

// a/b towards -Inf. b is not 0.
DEVICE Checked floor_div(i64 a, i64 b) {
  if (b == -1) return sub_int(0, a);
  i64 q = a / b;
  return {q - (q * b != a && (a < 0) != (b < 0)), false};
}

// a - b*floor(a/b). b is not 0.
DEVICE i64 mod_int(i64 a, i64 b) {
  if (b == -1) return 0;
  i64 r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// x compared with y as the real numbers that they are: below 0, 0, above 0. y is not NaN.
DEVICE i32 compare_int_float(i64 x, double y) {
  if (y >= 0x1p63) return -1;
  if (y < -0x1p63) return 1;
  double whole = floor(y);
  i64 n = (i64)whole;
  if (x < n || (x == n && whole < y)) return -1;
  return x > n;
}

// The magnitude of a remainder: mantissas are divided as integers, eleven bits of the
// quotient's exponent at a time. x and y are the bits of finite numbers above 0, x >= y.
DEVICE u64 remainder(u64 x, u64 y) {
  const u64 lead = 1ull << 52, rest = lead - 1;
  i32 ex = (i32)(x >> 52), ey = (i32)(y >> 52);
  u64 mx = ex ? (x & rest) | lead : x;
  u64 my = ey ? (y & rest) | lead : y;
  ex = ex ? ex : 1;
  ey = ey ? ey : 1;
  u64 r = mx % my;
  for (i32 left = ex - ey; left > 0 && r != 0; left -= 11) {
    r = (r << (left < 11 ? left : 11)) % my;
  }
  if (r == 0) return 0;
  i32 up = __clzll(r) - 11;  // until bit 52 leads
  if (ey - up < 1) return r << (ey - 1);
  return ((r << up) & rest) | (u64)(ey - up) << 52;
}

// math.Mod, then with the sign of b.
DEVICE double mod_float(double a, double b) {
  u64 x = bits_of(absolute(a)), y = bits_of(absolute(b));
  const u64 inf = 0x7FF0000000000000ull;
  if (x >= inf || y > inf || y == 0) return nan();
  if (x >= y) x = remainder(x, y);
  if (x == 0) return with_sign(0.0, b);
  double r = with_sign(double_of(x), a);
  return (r < 0.0) != (b < 0.0) ? r + b : r;
}

DEVICE double min_float(double a, double b) {
  if (a != a || b != b) return nan();
  if (a == b) return double_of(bits_of(a) | bits_of(b));  // -0 is below 0
  return a < b ? a : b;
}

DEVICE double max_float(double a, double b) {
  if (a != a || b != b) return nan();
  if (a == b) return double_of(bits_of(a) & bits_of(b));
  return a > b ? a : b;
}

DEVICE double sign_float(double x) { return x < 0.0 ? -1.0 : x > 0.0 ? 1.0 : x; }

// A float64 as an int64 without its fraction. overflow: NaN, or out of range.
DEVICE Checked int_of(double x) {
  if (!(x >= -0x1p63 && x < 0x1p63)) return {0, true};
  return {(i64)x, false};
}
