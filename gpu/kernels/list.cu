// Lists, cut and padded: list_slice, then list_pad.
//
// A task has: x the elements; rows the number of lists; p[0] the address of their offsets
// (u32, rows + 1); p[1] and p[2] the bounds of the slice, p[3] the length to pad to, p[4] 1
// to pad before the elements. Each kernel says what state and the others are.
#include "element.cuh"
#include "rows.cuh"

struct Cut {
  u64 from;     // the first element that stays
  u32 kept;     // how many stay
  u32 length;   // with what is padded
  u32 padding;  // how many come before those that stay
};

DEVICE i64 bound(i64 x, i64 n) {
  if (x < 0) x += n;
  return min(max(x, 0ll), n);
}

// program.SliceBounds and padding.
DEVICE Cut cut(const Task &t, u64 list) {
  const u32 *offsets = at<u32>(t.p[0]);
  u32 first = offsets[list];
  i64 n = offsets[list + 1] - first, low = bound((i64)t.p[1], n), high = max(low, bound((i64)t.p[2], n));
  Cut c;
  c.from = first + low;
  c.kept = (u32)(high - low);
  c.length = max(c.kept, (u32)t.p[3]);
  c.padding = t.p[4] != 0 ? c.length - c.kept : 0;
  return c;
}

// The lists of a part: a run, so that offsets can be added up run by run.
DEVICE u64 run_of(const Task &t, u32 part, u32 parts) {
  u64 each = (t.rows + parts - 1) / parts;
  return min(each * part, t.rows);
}

// The sum over a block. shared is one word of shared memory.
DEVICE u64 block_sum(u64 v, u64 *shared) {
  __syncthreads();
  if (threadIdx.x == 0) *shared = 0;
  __syncthreads();
  v = warp_sum(v);
  if (lane_number() == 0) add_to(shared, v);
  __syncthreads();
  return *shared;
}

// First half of the new offsets: the elements of each part, to the array of u64 at p[5],
// which has room for as many as the launch has blocks.
ROW_KERNEL quern_list_count(u64 tasks, u64 count, u64 fault) {
  __shared__ u64 shared;
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    u64 n = 0;
    for (u64 i = run_of(t, d.part(), d.parts) + threadIdx.x; i < run_of(t, d.part() + 1, d.parts); i += blockDim.x)
      n += cut(t, i).length;
    n = block_sum(n, &shared);
    if (threadIdx.x == 0) into<u64>(t.p[5])[d.part()] = n;
  }
}

// The sum of v over the threads of the block before this one. warps is a word of shared
// memory per warp.
DEVICE u64 sum_before(u64 v, u64 *warps) {
  u64 sum = v;
#pragma unroll
  for (u32 d = 1; d < 32; d <<= 1) {
    u64 left = __shfl_up_sync(FULL, sum, d);
    if (lane_number() >= d) sum += left;
  }
  __syncthreads();
  if (lane_number() == 31) warps[warp_number()] = sum;
  __syncthreads();
  sum -= v;
  for (u32 w = 0; w < warp_number(); w++) sum += warps[w];
  return sum;
}

// Second half, of a launch with the same grid and tasks: the new offsets (u32, rows + 1) to
// state, and how many elements there are, which may be more than an offset holds, to the
// word at p[6].
ROW_KERNEL quern_list_offsets(u64 tasks, u64 count, u64 fault) {
  __shared__ u64 shared, warps[8];
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    u64 n = 0;
    for (u32 i = threadIdx.x; i < d.part(); i += blockDim.x) n += at<u64>(t.p[5])[i];
    n = block_sum(n, &shared);
    u64 end = run_of(t, d.part() + 1, d.parts);
    for (u64 base = run_of(t, d.part(), d.parts); base < end; base += blockDim.x) {
      u64 i = base + threadIdx.x, length = i < end ? cut(t, i).length : 0;
      u64 before = n + sum_before(length, warps);
      if (i < end) into<u32>(t.state)[i] = (u32)before;
      n += block_sum(length, &shared);
    }
    if (d.part() == d.parts - 1 && threadIdx.x == 0) {
      into<u32>(t.state)[t.rows] = (u32)n;
      into<u64>(t.p[6])[0] = n;
    }
  }
}

// The slot of each new element, or p[6] of what is padded, to the array of u32 at state;
// p[5] is the address of the new offsets. One warp per list.
ROW_KERNEL quern_list_index(u64 tasks, u64 count, u64 fault) {
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    for (u64 i = (u64)d.part() * warp_count() + warp_number(); i < t.rows; i += (u64)d.parts * warp_count()) {
      Cut c = cut(t, i);
      u32 *out = into<u32>(t.state) + at<u32>(t.p[5])[i];
      for (u32 k = lane_number(); k < c.length; k += 32) {
        u32 at_element = k - c.padding;
        out[k] = at_element < c.kept ? (u32)slot_of(t.x, c.from + at_element) : (u32)t.p[6];
      }
    }
  }
}

// What a matrix has for each element, or for padding: the value whose register has the
// bits p[6], or null if p[7] is 1. All lists must have p[5] elements when cut and padded.
template <u32 TYPE> DEVICE void matrix(const Task &t, u32 part, u32 parts, u64 fault) {
  typedef typename Element<TYPE>::type E;
  u32 width = (u32)t.p[5], lists = 256;
  bool real = t.x.type == F32 || t.x.type == F64;
  for (u64 base = (u64)part * lists; base < t.rows; base += (u64)parts * lists) {
    u32 n = (u32)min((u64)lists, t.rows - base), i = threadIdx.x / width, k = threadIdx.x % width;
    while (i < n) {
      Cut c = cut(t, base + i);
      if (c.length != width) report(fault, FAULT_RANGE);
      u32 at_element = k - c.padding;
      into<E>(t.state)[(base + i) * width + k] =
          at_element < c.kept ? element_at<TYPE>(t.x, c.from + at_element, fault) : Element<TYPE>::of(t.p[6], real, t.p[7] != 1, fault);
      i += blockDim.x / width;
      k += blockDim.x % width;
      if (k >= width) k -= width, i++;
    }
  }
}

// The matrix of type p[8] to state: rows times p[5] elements.
ROW_KERNEL quern_list_matrix(u64 tasks, u64 count, u64 fault) {
  for (Deal d(tasks, count, 0); d.more(); d.next()) {
    const Task &t = d.task();
    if (t.p[5] == 0) continue;
    switch ((u32)t.p[8]) {
      case F32: matrix<F32>(t, d.part(), d.parts, fault); break;
      case F64: matrix<F64>(t, d.part(), d.parts, fault); break;
      case I64: matrix<I64>(t, d.part(), d.parts, fault); break;
      default: matrix<BOOL>(t, d.part(), d.parts, fault);
    }
  }
}
