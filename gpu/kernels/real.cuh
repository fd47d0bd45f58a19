// Log, log1p, exp, expm1, pow, sin and cos: the sequences of package features/real,
// operation by operation, so that every argument gives the same bits. What each part
// is for, and where the method is from, is said there. Results that are NaN are
// canonical.
#pragma once
#include "common.cuh"

DEVICE double mul_add(double x, double y, double z) { return x * y + z; }  // two roundings
DEVICE double absolute(double x) { return double_of(bits_of(x) & ~(1ull << 63)); }
DEVICE double with_sign(double x, double sign) {
  return double_of((bits_of(x) & ~(1ull << 63)) | (bits_of(sign) & 1ull << 63));
}
DEVICE double infinity() { return double_of(0x7FF0000000000000ull); }
DEVICE double nan() { return double_of(NAN_BITS); }
DEVICE bool infinite(double x) { return absolute(x) == infinity(); }

#define LARGEST 0x1.fffffffffffffp1023

// An unevaluated sum of two doubles.
struct Wide {
  double hi, lo;
};

DEVICE Wide fast_two_sum(double a, double b) {
  double sum = a + b;
  return {sum, b - (sum - a)};
}

DEVICE Wide two_sum(double a, double b) {
  double sum = a + b;
  double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

DEVICE Wide split(double x) {
  double c = 134217729.0 * x;  // 2^27 + 1
  double high = c - (c - x);
  return {high, x - high};
}

DEVICE Wide two_product(double a, double b) {
  Wide x = split(a), y = split(b);
  double product = a * b;
  double err = x.hi * y.hi - product;
  err += x.hi * y.lo;
  err += x.lo * y.hi;
  return {product, err + x.lo * y.lo};
}

DEVICE Wide times(Wide a, Wide b) {
  Wide p = two_product(a.hi, b.hi);
  p.lo += a.hi * b.lo + a.lo * b.hi;
  return p;
}

DEVICE Wide plus(Wide a, Wide b) {
  Wide s = fast_two_sum(a.hi, b.hi);
  s.lo += a.lo + b.lo;
  return s;
}

DEVICE double power_of_two(i32 k) { return double_of((u64)(i64)(k + 1023) << 52); }

DEVICE double scale(double v, i32 k) {
  i32 first = k >> 1;
  return v * power_of_two(first) * power_of_two(k - first);
}

#define LN2_HIGH 0x1.62e42fefa3800p-1
#define LN2_LOW 0x1.ef35793c76730p-45

// Log.

struct Binary {
  i32 k;
  double m;
};

DEVICE Binary binary(double x) {
  i32 k = 0;
  if (x < 0x1p-1022) {
    x = x * 0x1p54;
    k = -54;
  }
  u64 bits = bits_of(x);
  i64 e = (i64)(bits - (0x3FE6A09Eull << 32)) >> 52;
  return {k + (i32)e, double_of(bits - ((u64)e << 52))};
}

DEVICE double log_polynomial(double f, double z) {
  double a = mul_add(f, -0x1.0000000000007p-2, 0x1.5555555555555p-2);
  double b = mul_add(f, -0x1.5555555553457p-3, 0x1.99999999998d7p-3);
  double c = mul_add(f, -0x1.000000017c537p-3, 0x1.249249249e4aap-3);
  double d = mul_add(f, -0x1.9999989e9cd62p-4, 0x1.c71c71bf5dae5p-4);
  double e = mul_add(f, -0x1.55558229a00ddp-4, 0x1.745d1806bb4dfp-4);
  double g = mul_add(f, -0x1.248da65935e4ap-4, 0x1.3b13c73d45a59p-4);
  double h = mul_add(f, -0x1.00471d7e38c82p-4, 0x1.110a3ca1062aap-4);
  double i = mul_add(f, -0x1.c29e20290a705p-5, 0x1.e3351dc7fa4a8p-5);
  double j = mul_add(f, -0x1.a4f2c03141503p-5, 0x1.9ef542a887b4fp-5);
  double l = mul_add(f, -0x1.ba0e12fbf27d8p-5, 0x1.e4de413226fa1p-5);
  a = mul_add(b, z, a);
  c = mul_add(d, z, c);
  e = mul_add(g, z, e);
  h = mul_add(i, z, h);
  j = mul_add(l, z, j);
  double z2 = z * z;
  a = mul_add(c, z2, a);
  e = mul_add(h, z2, e);
  j = mul_add(0x1.7d2985cade08bp-6, z2, j);
  double z4 = z2 * z2;
  return mul_add(z4 * z4, j, mul_add(e, z4, a));
}

DEVICE double log_sum(double k, double f, double g) {
  double z = f * f;
  Wide sum = fast_two_sum(k * LN2_HIGH, f);
  double small = sum.lo + (k * LN2_LOW + g);
  small = mul_add(f * z, log_polynomial(f, z), small);
  return sum.hi + (small - 0.5 * z);
}

// log x, or log(1+x) if one is set: both end in one sum.
DEVICE double real_log(double x, bool one) {
  double least = one ? -1.0 : 0.0;
  if (x != x || x < least) return nan();
  if (x == least) return -infinity();
  if (x > LARGEST || (one && absolute(x) < 0x1p-54)) return x;
  Wide u = {x, 0.0};
  if (one) u = two_sum(1.0, x);
  Binary b = binary(u.hi);
  Wide f = {b.m - 1.0, 0.0};
  if (one && b.k <= 60) {
    f = two_sum(f.hi, u.lo * power_of_two(-b.k));
    f.lo = f.lo - f.lo * f.hi;
  }
  return log_sum((double)b.k, f.hi, f.lo);
}

// Exp.

DEVICE double exp_polynomial(double r, double z) {
  double a = mul_add(r, 0x1.5555555555556p-5, 0x1.5555555555555p-3);
  double b = mul_add(r, 0x1.6c16c16c162d6p-10, 0x1.1111111111111p-7);
  double c = mul_add(r, 0x1.a01a01a6d787dp-16, 0x1.a01a01a019b2bp-13);
  double d = mul_add(r, 0x1.27e4db679d0c0p-22, 0x1.71de3a5904972p-19);
  double e = mul_add(r, 0x1.1f72fca335d17p-29, 0x1.ae64344d66a09p-26);
  a = mul_add(b, z, a);
  c = mul_add(d, z, c);
  e = mul_add(0x1.61b2b04a0777ap-33, z, e);
  double z2 = z * z;
  return mul_add(z2 * z2, e, mul_add(c, z2, a));
}

struct Reduced {
  i32 k;
  double r, q;
};

DEVICE Reduced reduce_exp(Wide x) {
  double shifted = mul_add(x.hi, 0x1.71547652b82fep+0, 0x1.8p52);
  double n = shifted - 0x1.8p52;
  i32 k = (i32)(u32)bits_of(shifted);
  double a = x.hi - n * LN2_HIGH;
  double b = n * LN2_LOW;
  double first = a - b;
  double rest = ((a - first) - b) + x.lo;
  Wide rc = fast_two_sum(first, rest);
  double r = rc.hi, c = rc.lo;
  double z = r * r;
  double small = mul_add(z * r, exp_polynomial(r, z), mul_add(c, r, c));
  return {k, r, 0.5 * z + small};
}

DEVICE double exp_wide(Wide x) {
  if (x.hi > 710.0) return infinity();
  if (x.hi < -746.0) return 0.0;
  Reduced e = reduce_exp(x);
  Wide sum = fast_two_sum(1.0, e.r);
  return scale(sum.hi + (sum.lo + e.q), e.k);
}

DEVICE double real_exp(double x) {
  if (x != x) return nan();
  return exp_wide({x, 0.0});
}

DEVICE double real_expm1(double x) {
  if (x != x) return nan();
  if (x == 0.0) return x;
  if (x > 710.0) return infinity();
  if (x < -40.0) return -1.0;
  Reduced e = reduce_exp({x, 0.0});
  Wide one = {1.0, 0.0};
  if (e.k <= 60) one = two_sum(1.0, -power_of_two(-e.k));
  Wide sum = fast_two_sum(one.hi, e.r);
  return scale(sum.hi + (sum.lo + (e.q + one.lo)), e.k);
}

// Pow.

DEVICE Wide quotient(double m) {
  double above = m - 1.0;
  Wide below = fast_two_sum(1.0, m);
  double s = above / below.hi;
  Wide p = two_product(s, below.hi);
  double missing = (above - p.hi) - p.lo;
  missing -= s * below.lo;
  return {s, missing / below.hi};
}

DEVICE double atanh_polynomial(double z) {
  double a = mul_add(z, 0x1.c71c71c71c822p-3, 0x1.2492492492492p-2);
  double b = mul_add(z, 0x1.3b13b16b47407p-3, 0x1.745d1745a3f3dp-3);
  double c = mul_add(z, 0x1.e1eff9fad66e2p-4, 0x1.1110f8070e9a8p-3);
  double d = mul_add(z, 0x1.b2e0003420902p-4, 0x1.acf858cc7a69fp-4);
  double z2 = z * z;
  a = mul_add(b, z2, a);
  c = mul_add(d, z2, c);
  return mul_add(z2 * z2, c, a);
}

DEVICE Wide log_wide(double x) {
  Binary b = binary(x);
  double k = (double)b.k;
  Wide s = quotient(b.m);
  Wide z = times(s, s);
  Wide u = plus({0x1.999999999999ap-2, -0x1.999999999999ap-56}, {z.hi * atanh_polynomial(z.hi), 0.0});
  Wide w = plus({0x1.5555555555555p-1, 0x1.5555555555555p-55}, times(u, z));
  Wide log_m = plus({2.0 * s.hi, 2.0 * s.lo}, times(times(w, z), s));
  Wide sum = plus({k * LN2_HIGH, k * LN2_LOW}, log_m);
  return fast_two_sum(sum.hi, sum.lo);
}

DEVICE double pow_positive(double x, double y) {
  if (absolute(y) < 0x1p-65) return 1.0;
  if (absolute(y) > 0x1p65) return (x > 1.0) == (y > 0.0) ? infinity() : 0.0;
  Wide l = log_wide(x);
  Wide p = two_product(y, l.hi);
  return exp_wide({p.hi, mul_add(y, l.lo, p.lo)});
}

DEVICE double pow_special(double x, double y, bool integer, bool odd) {
  double size = absolute(x);
  double result = infinity();
  if (size == 1.0 && !integer) return nan();  // an infinite y counts as an integer
  if (size == 1.0) result = 1.0;
  else if ((size > 1.0) == (y < 0.0)) result = 0.0;
  return odd ? with_sign(result, x) : result;
}

DEVICE double real_pow(double x, double y) {
  if (y == 0.0 || x == 1.0) return 1.0;
  if (x != x || y != y) return nan();
  bool integer = true, odd = false;
  if (absolute(y) < 9007199254740992.0) {  // 2^53
    i64 i = (i64)y;
    integer = (double)i == y;
    odd = integer && (i & 1);
  }
  double size = absolute(x);
  if (size == 0.0 || size == 1.0 || infinite(x) || infinite(y)) return pow_special(x, y, integer, odd);
  if (x < 0.0 && !integer) return nan();
  double result = pow_positive(size, y);
  return x < 0.0 && odd ? -result : result;
}
