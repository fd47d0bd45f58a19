// Types and primitives that all kernels share. No header of a toolkit is taken in.
//
// Rules: kernels are extern "C" __global__, named quern_*, of at most 256 threads, with
// 64-bit parameters only (addresses too); they stride over their rows, and what they
// compute does not depend on the grid or on any order. Real numbers are float64; every
// operation is rounded by itself (the compiler is told not to fuse).
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

#define DEVICE static __device__ __forceinline__
#define KERNEL(...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__)

DEVICE u64 bits_of(double x) { return (u64)__double_as_longlong(x); }
DEVICE double double_of(u64 x) { return __longlong_as_double((i64)x); }
DEVICE u32 bits_of(float x) { return __float_as_uint(x); }
DEVICE float float_of(u32 x) { return __uint_as_float(x); }

// The type of a column's values in memory. package gpu/code has the same numbers.
enum { BOOL = 0, I32 = 1, I64 = 2, F32 = 3, F64 = 4 };

// A column in device memory. package gpu/code has the same layout.
struct Column {
  u64 values;  // address of an array of type, one per slot; garbage under nulls
  u64 valid;   // address of 64-bit words, bit i % 64 of word i / 64: slot i is not null; 0: no null
  u64 index;   // address of a code per row: its slot; 0: the slot is the row
  u32 type;    // BOOL (u8), I32, I64, F32, F64
  u32 width;   // bytes of a code: 1, 2, 4
  u64 slots;   // how many
};

// Addresses are of global memory. read is for what no thread of the launch writes; at and
// into are for the rest. (Telling the compiler the address space of a pointer, by
// __cvta_global_to_generic, makes NVRTC 12.4 loop for ever on some kernels.)
template <typename T> DEVICE T read(u64 address, u64 i) { return __ldg((const T *)address + i); }
template <typename T> DEVICE const T *at(u64 address) { return (const T *)address; }
template <typename T> DEVICE T *into(u64 address) { return (T *)address; }

DEVICE u64 thread_number() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
DEVICE u64 thread_count() { return (u64)gridDim.x * blockDim.x; }

// Column number of an array of them.
DEVICE Column column_at(u64 columns, u64 number) {
  const u64 first = 5 * number, type_width = read<u64>(columns, first + 3);
  return {read<u64>(columns, first), read<u64>(columns, first + 1), read<u64>(columns, first + 2),
          (u32)type_width, (u32)(type_width >> 32), read<u64>(columns, first + 4)};
}

// Bit i of a bitmap; without a bitmap all are set.
DEVICE bool bit(u64 bitmap, u64 i) {
  return bitmap == 0 || (read<u64>(bitmap, i >> 6) >> (i & 63)) & 1;
}

// The slot of a row. Whoever uses it first compares it with the column's slots.
DEVICE u64 slot_of(const Column &c, u64 row) {
  if (c.index == 0) return row;
  if (c.width == 1) return read<u8>(c.index, row);
  if (c.width == 2) return read<u16>(c.index, row);
  return read<u32>(c.index, row);
}

// A slot's value as the 64 bits of a register: 0 or 1, an int64, or a float64.
DEVICE u64 value_at(const Column &c, u64 slot) {
  switch (c.type) {
    case BOOL: return read<u8>(c.values, slot);
    case I32: return (u64)(i64)read<i32>(c.values, slot);
    case F32: return bits_of((double)read<float>(c.values, slot));
  }
  return read<u64>(c.values, slot);
}

// The only NaN that is ever stored. As a float32 it is 0x7FC00000.
#define NAN_BITS 0x7FF8000000000000ull

DEVICE double canonical(double x) { return x != x ? double_of(NAN_BITS) : x; }

// Bits that ascend with x, NaN last; -0 and 0 have the same, and so have all NaNs:
// program.OrderedBits.
DEVICE u64 ordered_bits(double x) {
  u64 bits = bits_of(canonical(x + 0.0));  // what an addition makes of NaN has any bits
  return bits >> 63 ? ~bits : bits | 1ull << 63;
}

// The reasons in a fault word, whose bits kernels set by atomic or. Any of them means
// that the batch is computed again by the reference back end, which says what was wrong.
enum {
  FAULT_VALUE = 1,  // a value on which an instruction faults
  FAULT_RANGE = 2,  // a value that a table made for this device does not cover
  FAULT_CODE = 4,   // a code without a slot
};

DEVICE void report(u64 word, u32 fault) { atomicOr(into<u32>(word), fault); }
