// The hash functions that programs name, of 8 or 16 bytes: XXH3 (Y. Collet), MurmurHash3
// x86 32 (A. Appleby), FarmHash fingerprint64 (G. Pike), as package features/program
// has them. Words are little-endian, as hashes read them.
#pragma once
#include "common.cuh"

DEVICE u64 swap_bytes(u64 x) {
  u32 low = (u32)x, high = (u32)(x >> 32);
  return (u64)__byte_perm(low, 0, 0x0123) << 32 | __byte_perm(high, 0, 0x0123);
}
DEVICE u64 rotate(u64 x, u32 left) { return x << left | x >> (64 - left); }
DEVICE u32 rotate(u32 x, u32 left) { return x << left | x >> (32 - left); }

// XXH3 of one word. flip is two words of its secret and the seed: see package gpu/code.
DEVICE u64 xxh3_word(u64 word, u64 flip) {
  u64 h = rotate(word, 32) ^ flip;
  h ^= rotate(h, 49) ^ rotate(h, 24);
  h *= 0x9FB21C651E98DF25ull;
  h ^= (h >> 35) + 8;
  h *= 0x9FB21C651E98DF25ull;
  return h ^ h >> 28;
}

DEVICE u64 fold_product(u64 a, u64 b) { return a * b ^ __umul64hi(a, b); }

DEVICE u64 xxh3_avalanche(u64 h) {
  h ^= h >> 37;
  h *= 0x165667919E3779F9ull;
  return h ^ h >> 32;
}

// XXH3 of two words, to which their parts of the secret are added already.
DEVICE u64 xxh3_pair(u64 low, u64 high) {
  return xxh3_avalanche(16 + swap_bytes(low) + high + fold_product(low, high));
}

DEVICE u32 murmur3_block(u32 h, u32 k) {
  h ^= rotate(k * 0xcc9e2d51u, 15) * 0x1b873593u;
  return rotate(h, 13) * 5 + 0xe6546b64u;
}

DEVICE u64 murmur3_word(u64 word, u32 seed) {
  u32 h = murmur3_block(murmur3_block(seed, (u32)word), (u32)(word >> 32)) ^ 8;
  h = (h ^ h >> 16) * 0x85ebca6bu;
  h = (h ^ h >> 13) * 0xc2b2ae35u;
  return h ^ h >> 16;
}

DEVICE u64 farm_word(u64 word) {
  const u64 mul = 0x9ae16a3b2f90404full + 16, a = word + 0x9ae16a3b2f90404full;
  u64 c = rotate(word, 27) * mul + a;
  u64 d = (rotate(a, 39) + word) * mul;
  u64 x = (c ^ d) * mul;
  x ^= x >> 47;
  u64 y = (d ^ x) * mul;
  return (y ^ y >> 47) * mul;
}
