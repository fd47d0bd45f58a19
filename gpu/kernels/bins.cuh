// The bins of stat.Histogram.
#pragma once
#include "common.cuh"

// The bin of the bits of a float32, of which -0 is below 0.
DEVICE u32 bin_of_bits(u32 bits) { return (bits ^ ((u32)((i32)bits >> 31) | 1u << 31)) >> 16; }

// The bin of a float32 value, which is not NaN: -0 is 0.
DEVICE u32 bin_of_real32(u32 bits) { return bin_of_bits(bits << 1 == 0 ? 0 : bits); }

// The bin of a float64 value, which is not NaN: -0 is 0, but what is rounded to -0 is not.
DEVICE u32 bin_of_real(double x) { return bin_of_bits(bits_of(__double2float_rn(x + 0.0))); }

DEVICE u32 bin_of_int(i64 v) {
  u64 sign = (u64)(v >> 63), u = (u64)v ^ sign;
  u32 length = 64 - __clzll((i64)u);
  u32 digits = length <= 1 ? 0 : (u32)(u << (64 - length) << 1 >> 55);
  u32 bin = length << 9 | digits;
  return ((bin ^ (u32)sign) & 0x7fffu) | (~(u32)sign & 0x8000u);
}
