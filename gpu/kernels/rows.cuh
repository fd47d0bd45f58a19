// What the kernels over rows share: tasks, loads of four rows, sums over a block.
#pragma once
#include "common.cuh"

#define FULL 0xffffffffu
#define METHOD __device__ __forceinline__

// A kernel of 256 threads of which a multiprocessor holds four blocks: 64 registers. Left
// to itself, the assembler spills some to make room for more blocks.
#define ROW_KERNEL extern "C" __global__ void __launch_bounds__(256, 4)

// What one column's share of a launch is; package gpu/reduce has the same layout and says
// what each kernel takes. A launch has an array of tasks, so that the columns of a table
// cost one launch.
struct Task {
  Column x;
  u64 rows;
  u64 state;  // address of what the kernel adds to
  u64 p[9];
};

// The blocks of a launch are dealt out to its tasks: part of parts works at one task. A
// fault that is there already stops everything: the batch will be computed elsewhere.
// The threads of a block agree on it. Kernels that report faults themselves do not look:
// what they leave would depend on when they did.
struct Deal {
  const Task *tasks;
  u32 count, parts, turn;
  METHOD Deal(u64 address, u64 n, u64 fault) : tasks(at<Task>(address)), count((u32)n), turn(blockIdx.x) {
    parts = count ? max(gridDim.x / count, 1u) : 0;
    if (fault != 0 && __syncthreads_or(*into<volatile u32>(fault) != 0)) count = 0;
  }
  METHOD bool more() const { return turn < count * parts; }
  METHOD void next() { turn += gridDim.x; }
  METHOD const Task &task() const { return tasks[turn % count]; }
  METHOD u32 part() const { return turn / count; }
};

// Four neighbouring rows of a column. raw are the bits of the column's own type F32, else
// those of a register.
template <u32 TYPE> struct Raw { typedef u64 type; };
template <> struct Raw<F32> { typedef u32 type; };

template <u32 TYPE> struct Quad {
  typename Raw<TYPE>::type raw[4];
  u32 present;  // bit k: row k is there and is not null
  u32 there;    // how many of the rows there are

  METHOD Quad() : raw{0, 0, 0, 0}, present(0), there(0) {}

  METHOD bool has(u32 k) const { return present >> k & 1; }

  // Row k, where k is not known to the compiler: an array of registers has no index.
  METHOD typename Raw<TYPE>::type pick(u32 k) const {
    return k & 2 ? (k & 1 ? raw[3] : raw[2]) : (k & 1 ? raw[1] : raw[0]);
  }

  // Takes rows 4g to 4g+3; rows past the end are not there. Bits past the end of a bitmap
  // are not looked at.
  METHOD void load(const Column &c, u64 g, u64 rows) {
    u64 row = 4 * g;
    there = row >= rows ? 0 : (u32)min(rows - row, 4ull);
    present = (1u << there) - 1;
    if (there == 4 && c.index == 0) {
      if (c.valid != 0) present &= at<u8>(c.valid)[row >> 3] >> (row & 4);
      return whole(c, g);
    }
#pragma unroll 1
    for (u32 k = 0; k < there; k++) {
      u64 slot = slot_of(c, row + k);
      if (slot >= c.slots || !bit(c.valid, slot))
        present &= ~(1u << k);
      else
        put(k, one(c, slot));
    }
  }

 private:
  typedef typename Raw<TYPE>::type Bits;

  METHOD static Bits one(const Column &c, u64 slot) {
    if (TYPE == F32) return at<u32>(c.values)[slot];
    if (TYPE == F64 || TYPE == I64) return at<u64>(c.values)[slot];
    return value_at(c, slot);
  }

  METHOD void put(u32 k, Bits v) {
#pragma unroll
    for (u32 i = 0; i < 4; i++) raw[i] = i == k ? v : raw[i];
  }

  // Columns are not written while they are read; said so, vectors are loaded from global
  // memory in one go.
  METHOD void whole(const Column &c, u64 g) {
    if (TYPE == F32) {
      uint4 v = __ldg(at<uint4>(c.values) + g);
      raw[0] = v.x, raw[1] = v.y, raw[2] = v.z, raw[3] = v.w;
    } else if (TYPE == F64 || TYPE == I64) {
      ulonglong2 v = __ldg(at<ulonglong2>(c.values) + 2 * g), w = __ldg(at<ulonglong2>(c.values) + 2 * g + 1);
      raw[0] = v.x, raw[1] = v.y, raw[2] = w.x, raw[3] = w.y;
    } else {
#pragma unroll
      for (u32 k = 0; k < 4; k++) raw[k] = value_at(c, 4 * g + k);
    }
  }
};

// The sum over a warp, in lane 0.
DEVICE u64 warp_sum(u64 v) {
#pragma unroll
  for (u32 d = 16; d > 0; d >>= 1) v += __shfl_down_sync(FULL, v, d);
  return v;
}

DEVICE u64 warp_max(u64 v) {
#pragma unroll
  for (u32 d = 16; d > 0; d >>= 1) v = max(v, __shfl_down_sync(FULL, v, d));
  return v;
}

DEVICE u32 lane_number() { return threadIdx.x & 31; }
DEVICE u32 warp_number() { return threadIdx.x >> 5; }
DEVICE u32 warp_count() { return (blockDim.x + 31) >> 5; }

// Adds, where there is something to add.
DEVICE void add_to(u64 *word, u64 v) {
  if (v != 0) atomicAdd(word, v);
}
