// A table of keys of 64 bits in device memory: open addressing, linear probing.
//
// A key has the order of the value: an integer or a bool with its sign flipped, a real
// number by ordered_bits (one zero, one NaN), or a number of a tuple of codes. What looks
// like an empty place, EMPTY, is the greatest integer: it is counted apart, as is null.
//
// A key that was found once stands where it is: keys are only added, and a search that
// meets an empty place before PROBES places knows that the key is not there.
#include "bins.cuh"
#include "rows.cuh"

#define EMPTY 0xffffffffffffffffull
#define PROBES 256
#define NOWHERE 0xffffffffffffffffull

// Package gpu/reduce has the same layout.
struct Table {
  u64 keys;    // address of a key per place
  u64 counts;  // address of how often each is there; 0: nobody asks
  u64 ids;     // address of a number (u32) for each key; 0: nobody asks
  u64 mask;    // places less 1; a power of two less 1
  u64 limit;   // about how many keys may be in it
  u64 seed;    // of the hash
  u64 used;    // how many keys are in it
  u64 nulls;   // how many rows were null
  u64 top;     // how many rows were EMPTY
};

#define NULL_ID 0
#define TOP_ID 1
#define FIRST_ID 2
#define NO_ID 0xffffffffu

// The finaliser of MurmurHash3 (A. Appleby).
DEVICE u64 mix(u64 k) {
  k = (k ^ k >> 33) * 0xff51afd7ed558ccdull;
  k = (k ^ k >> 33) * 0xc4ceb9fe1a85ec53ull;
  return k ^ k >> 33;
}

// The place of a key, or NOWHERE: there is none, and there was no room for one.
DEVICE u64 place_of(Table *t, u64 key, bool add) {
  u64 *keys = into<u64>(t->keys), place = mix(key ^ t->seed) & t->mask;
#pragma unroll 1
  for (u32 i = 0; i < PROBES; i++) {
    u64 there = ((volatile u64 *)keys)[place];
    if (there == EMPTY && add) {
      if (*(volatile u64 *)&t->used >= t->limit) return NOWHERE;
      there = atomicCAS(&keys[place], EMPTY, key);
      if (there == EMPTY) {
        u64 number = atomicAdd(&t->used, 1ull);
        if (t->ids != 0) into<u32>(t->ids)[place] = (u32)number + FIRST_ID;
        return place;
      }
    }
    if (there == key) return place;
    if (there == EMPTY) return NOWHERE;
    place = (place + 1) & t->mask;
  }
  return NOWHERE;
}

// What a row asks of the table.
enum { NOTHING, IS_NULL, IS_TOP, IS_KEY };

// The key of a row: of column x, or of the tuple of p[4] coded columns at p[3]. Where
// there is a bitmap of bins at p[2], null, NaN and values in other bins ask for nothing.
DEVICE u32 key_of(const Task &t, u64 row, u64 &key) {
  key = 0;
  if (t.p[3] != 0) {
    const Column *columns = at<Column>(t.p[3]);
#pragma unroll 1
    for (u32 i = 0; i < (u32)t.p[4]; i++) {
      u64 slot = slot_of(columns[i], row);
      if (slot >= columns[i].slots) return NOTHING;
      key = key * columns[i].slots + slot;
    }
    return IS_KEY;
  }
  u64 slot = slot_of(t.x, row);
  if (slot >= t.x.slots) return NOTHING;
  if (!bit(t.x.valid, slot)) return t.p[2] != 0 ? NOTHING : IS_NULL;
  u64 bits = value_at(t.x, slot);
  bool real = t.x.type == F32 || t.x.type == F64;
  key = real ? ordered_bits(double_of(bits)) : bits ^ 1ull << 63;
  if (t.p[2] != 0) {
    double x = double_of(bits);
    if (real && x != x) return NOTHING;
    u32 bin = real ? bin_of_real(x) : bin_of_int((i64)bits);
    if (!bit(t.p[2], bin)) return NOTHING;
  }
  return key == EMPTY ? IS_TOP : IS_KEY;
}

DEVICE Table *table_of(const Task &t) { return into<Table>(t.state); }

// Counts the rows whose bit in the bitmap (u32 words) at p[0] is clear, and sets it. Rows
// for whose keys the table has no room stay clear; p[1] is the address of how many these
// are: the host makes a larger table and launches this again.
ROW_KERNEL quern_table_insert(u64 tasks, u64 count, u64 fault) {
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    Table *table = table_of(t);
    u32 *taken = into<u32>(t.p[0]);
    u32 lane = lane_number(), nulls = 0, tops = 0, left = 0;
#pragma unroll 1
    for (u64 w = (u64)d.part() * warp_count() + warp_number(); 32 * w < t.rows; w += (u64)d.parts * warp_count()) {
      u64 row = 32 * w + lane, key;
      u32 before = taken[w];
      bool open = row < t.rows && !(before >> lane & 1);
      u32 ask = open ? key_of(t, row, key) : NOTHING;
      nulls += ask == IS_NULL;
      tops += ask == IS_TOP;
      bool found = true;
      u32 asking = __ballot_sync(FULL, ask == IS_KEY);
      if (ask == IS_KEY) {  // equal keys of a warp are one search
        u32 same = __match_any_sync(asking, key), first = __ffs(same) - 1;
        u64 place = 0;
        if (lane == first) {
          place = place_of(table, key, true);
          if (place != NOWHERE && table->counts != 0) atomicAdd(into<u64>(table->counts) + place, (u64)__popc(same));
        }
        found = __shfl_sync(same, (u32)(place != NOWHERE), first);
      }
      u32 now = __ballot_sync(FULL, open && found);
      left += open && !found;
      if (lane == 0 && now != 0) taken[w] = before | now;
    }
    u64 sum = warp_sum(nulls);
    if (lane == 0) add_to(&table->nulls, sum);
    sum = warp_sum(tops);
    if (lane == 0) add_to(&table->top, sum);
    sum = warp_sum(left);
    if (lane == 0) add_to(into<u64>(t.p[1]), sum);
  }
}

// Writes the number of each row's key to the array of u32 at p[0]; NO_ID where there is
// none.
ROW_KERNEL quern_table_find(u64 tasks, u64 count, u64 fault) {
  for (Deal d(tasks, count, fault); d.more(); d.next()) {
    const Task &t = d.task();
    Table *table = table_of(t);
#pragma unroll 1
    for (u64 row = (u64)d.part() * blockDim.x + threadIdx.x; row < t.rows; row += (u64)d.parts * blockDim.x) {
      u64 key;
      u32 id = NO_ID, ask = key_of(t, row, key);
      if (ask == IS_NULL) id = NULL_ID;
      if (ask == IS_TOP) id = TOP_ID;
      if (ask == IS_KEY) {
        u64 place = place_of(table, key, false);
        if (place != NOWHERE) id = at<u32>(table->ids)[place];
      }
      into<u32>(t.p[0])[row] = id;
    }
  }
}

// Moves all of a table to an empty one with more places. left: address of how many keys
// found no room.
ROW_KERNEL quern_table_move(u64 from, u64 to, u64 left) {
  Table *old = into<Table>(from), *table = into<Table>(to);
  if (thread_number() == 0) {
    table->nulls = old->nulls;
    table->top = old->top;
    table->used = old->used;
  }
#pragma unroll 1
  for (u64 i = thread_number(); i <= old->mask; i += thread_count()) {
    u64 key = at<u64>(old->keys)[i];
    if (key == EMPTY) continue;
    u64 *keys = into<u64>(table->keys), place = mix(key ^ table->seed) & table->mask;
    u32 probes = 0;
#pragma unroll 1
    while (probes < PROBES && atomicCAS(&keys[place], EMPTY, key) != EMPTY) {
      place = (place + 1) & table->mask;
      probes++;
    }
    if (probes == PROBES) {
      atomicAdd(into<u64>(left), 1ull);
      continue;
    }
    if (table->counts != 0) into<u64>(table->counts)[place] = at<u64>(old->counts)[i];
    if (table->ids != 0) into<u32>(table->ids)[place] = at<u32>(old->ids)[i];
  }
}

// Writes the keys in use, in any order, to an array at keys, their counts (u64) or, where
// the table has none, their numbers (u32) to one at values, and adds to the word at length
// how many there are. Arrays have room for room entries.
ROW_KERNEL quern_table_list(u64 from, u64 keys, u64 values, u64 room, u64 length) {
  Table *table = into<Table>(from);
#pragma unroll 1
  for (u64 base = (u64)blockIdx.x * blockDim.x; base <= table->mask; base += thread_count()) {
    u64 i = base + threadIdx.x, key = i <= table->mask ? at<u64>(table->keys)[i] : EMPTY;
    u32 used = __ballot_sync(FULL, key != EMPTY);
    u64 first = 0;
    if (lane_number() == 0 && used != 0) first = atomicAdd(into<u64>(length), (u64)__popc(used));
    first = __shfl_sync(FULL, first, 0) + __popc(used & ((1u << lane_number()) - 1));
    if (key == EMPTY || first >= room) continue;
    into<u64>(keys)[first] = key;
    if (table->counts != 0)
      into<u64>(values)[first] = at<u64>(table->counts)[i];
    else if (table->ids != 0)
      into<u32>(values)[first] = at<u32>(table->ids)[i];
  }
}
