// Searches in constants of a program: edges of bins, and tables of keys.
#pragma once
#include "number.cuh"

// Edges lie in the pool as: how many, 1 if bins are closed on the right, the id of NaN,
// then the edges, ascending.

DEVICE i64 bucket_float(u64 edges, double x) {
  if (x != x) return read<i64>(edges, 2);
  bool right = read<i64>(edges, 1) != 0;
  i64 low = 0, high = read<i64>(edges, 0);
  while (low < high) {
    i64 mid = (low + high) >> 1;
    double edge = read<double>(edges, 3 + mid);
    if (edge < x || (edge == x && !right)) low = mid + 1;
    else high = mid;
  }
  return low;
}

DEVICE i64 bucket_int(u64 edges, i64 x) {
  bool right = read<i64>(edges, 1) != 0;
  i64 low = 0, high = read<i64>(edges, 0);
  while (low < high) {
    i64 mid = (low + high) >> 1;
    i32 c = compare_int_float(x, read<double>(edges, 3 + mid));
    if (c > 0 || (c == 0 && !right)) low = mid + 1;
    else high = mid;
  }
  return low;
}

// A table lies in the pool as: how far to shift a hash to the right for a place (the
// table has 2^(64-shift) places), a word that is no key and marks empty places, 1 if
// there is a value of null, that value, then pairs of key and value. A key's place is its
// product's leading bits, or the next free one behind it, around the end. At most half
// of the places are taken.
#define PLACE_FACTOR 0x9E3779B97F4A7C15ull  // 2^64 over the golden ratio, odd

struct Found {
  u64 value;
  bool found;
};

DEVICE Found look_up(u64 table, u64 key) {
  const u64 shift = read<u64>(table, 0), empty = read<u64>(table, 1);
  const u64 mask = (1ull << (64 - shift)) - 1;
  for (u64 place = (key * PLACE_FACTOR) >> shift;; place = (place + 1) & mask) {
    u64 there = read<u64>(table, 4 + 2 * place);
    if (there == empty) return {0, false};
    if (there == key) return {read<u64>(table, 5 + 2 * place), true};
  }
}
