// The interpreter of device programs: one launch runs a chain of instructions over the
// rows of a batch. A register holds 64 bits per row (a bool as 0 or 1, an int64, a
// float64) in shared memory, and a bit that says whether the row is not null in a mask
// per thread. Package gpu/code makes the instructions and says what they do.
#include "date.cuh"
#include "hash.cuh"
#include "program.cuh"
#include "search.cuh"
#include "trig.cuh"

struct Thread {
  u64 row, rows;
  u64 pool, columns;
  u64 scratch, stride;  // a thread's first spilled word, and the distance of the next
  u32 valid;  // bit r: register r is not null; the bit of IMMEDIATE is always set
  u32 fault;
};

// One value of an instruction that is running.
struct Result {
  u64 bits;
  bool ok;  // not null
};

// A spilled register is two words: its bits, and whether it is not null.
DEVICE void spill(const Thread &t, u64 slot, u64 bits, bool ok) {
  u64 word = t.scratch + 2 * slot * t.stride;
  *into<u64>(word) = bits;
  *into<u64>(word + t.stride) = ok;
}

DEVICE Result fill(const Thread &t, u64 slot) {
  u64 word = t.scratch + 2 * slot * t.stride;
  return {*at<u64>(word), *at<u64>(word + t.stride) != 0};
}

DEVICE Result load(Thread &t, u64 number) {
  const Column c = column_at(t.columns, number);
  if (t.row >= t.rows) return {0, false};
  u64 slot = slot_of(c, t.row);
  if (slot >= c.slots) {
    t.fault |= FAULT_CODE;
    return {0, false};
  }
  return {value_at(c, slot), bit(c.valid, slot)};
}

// Writes a value in its column's type, zero under nulls, and 32 bits of validity per
// warp, up to the end of the last row's 64-bit word.
DEVICE void store(const Thread &t, u64 number, u64 bits, bool ok) {
  const Column c = column_at(t.columns, number);
  bool here = t.row < t.rows;
  u32 lanes = __ballot_sync(0xFFFFFFFFu, ok && here);
  if (c.valid != 0 && (t.row & 31) == 0 && t.row < ((t.rows + 63) & ~63ull)) into<u32>(c.valid)[t.row >> 5] = lanes;
  if (!here) return;
  if (!ok) bits = 0;
  switch (c.type) {
    case BOOL: into<u8>(c.values)[t.row] = (u8)bits; break;
    case I32: into<u32>(c.values)[t.row] = (u32)bits; break;
    case I64: into<u64>(c.values)[t.row] = bits; break;
    case F32: {
      double x = double_of(bits);
      into<u32>(c.values)[t.row] = x != x ? 0x7FC00000u : bits_of((float)x);
      break;
    }
    case F64: into<u64>(c.values)[t.row] = bits_of(canonical(double_of(bits))); break;
  }
}

DEVICE u64 checked(Thread &t, Checked x, bool ok, u32 reason) {
  if (x.overflow && ok) t.fault |= reason;
  return (u64)x.value;
}

DEVICE Result find(const Thread &t, u64 table, u64 key, bool ok) {
  if (!ok) return {read<u64>(table, 3), read<u64>(table, 2) != 0};
  Found f = look_up(table, key);
  return {f.value, f.found};
}

DEVICE u64 clamp_float(u64 x, u64 low, u64 high) {
  if (double_of(x) < double_of(low)) return low;
  return double_of(x) > double_of(high) ? high : x;
}

DEVICE u64 clamp_int(i64 x, i64 low, i64 high) { return (u64)(x < low ? low : x > high ? high : x); }

// Runs one instruction on the values of its operands, x, y and z; ok: none is null. valid
// has a bit for each of them, x's first.
DEVICE Result step(Thread &t, u32 op, u64 x, u64 y, u64 z, u32 valid) {
  bool ok = valid == 7;
  const double a = double_of(x), b = double_of(y);
  const i64 i = (i64)x, j = (i64)y;
  double real;
  switch (op) {
    case OP_NULL: return {0, false};
    case OP_LOAD: return load(t, x);
    case OP_FILL: return fill(t, x);

    case OP_ADD_REAL: real = a + b; break;
    case OP_SUB_REAL: real = a - b; break;
    case OP_MUL_REAL: real = a * b; break;
    case OP_DIV_REAL: real = a / b; break;
    case OP_FLOORDIV_REAL: real = floor(a / b); break;
    case OP_MOD_REAL: real = mod_float(a, b); break;
    case OP_MIN_REAL: real = min_float(a, b); break;
    case OP_MAX_REAL: real = max_float(a, b); break;
    case OP_SIGN_REAL: real = sign_float(a); break;
    case OP_FLOOR: real = floor(a); break;
    case OP_CEIL: real = ceil(a); break;
    case OP_ROUND: real = rint(a); break;
    case OP_TRUNC: real = trunc(a); break;
    case OP_SQRT: real = sqrt(a); break;
    case OP_LOG:
    case OP_LOG1P: real = real_log(a, op == OP_LOG1P); break;
    case OP_EXP: real = real_exp(a); break;
    case OP_EXPM1: real = real_expm1(a); break;
    case OP_POW: real = real_pow(a, b); break;
    case OP_SIN:
    case OP_COS: real = real_sin(a, op == OP_COS, t.pool + y); break;
    case OP_DOT: real = a + b * double_of(z); break;
    case OP_ROUND32: real = (double)(float)a; break;
    case OP_TO_REAL: real = (double)i; break;
    case OP_NEG_REAL: return {x ^ 1ull << 63, ok};
    case OP_ABS_REAL: return {x & ~(1ull << 63), ok};
    case OP_CLAMP_REAL: return {clamp_float(x, y, z), ok};

    case OP_ADD_INT: return {checked(t, add_int(i, j), ok, FAULT_VALUE), ok};
    case OP_SUB_INT: return {checked(t, sub_int(i, j), ok, FAULT_VALUE), ok};
    case OP_MUL_INT: return {checked(t, mul_int(i, j), ok, FAULT_VALUE), ok};
    case OP_FLOORDIV_INT: {
      ok = ok && j != 0;
      return {checked(t, floor_div(i, j != 0 ? j : 1), ok, FAULT_VALUE), ok};
    }
    case OP_MOD_INT: return {(u64)mod_int(i, j != 0 ? j : 1), ok && j != 0};
    case OP_MIN_INT: return {i < j ? x : y, ok};
    case OP_MAX_INT: return {i > j ? x : y, ok};
    case OP_ABS_INT: return {checked(t, i < 0 ? sub_int(0, i) : Checked{i, false}, ok, FAULT_VALUE), ok};
    case OP_SIGN_INT: return {(u64)(i64)((i > 0) - (i < 0)), ok};
    case OP_CLAMP_INT: return {clamp_int(i, j, (i64)z), ok};

    case OP_EQ_REAL: return {a == b, ok};
    case OP_NE_REAL: return {a != b, ok};
    case OP_LT_REAL: return {a < b, ok};
    case OP_LE_REAL: return {a <= b, ok};
    case OP_EQ_INT: return {i == j, ok};
    case OP_NE_INT: return {i != j, ok};
    case OP_LT_INT: return {i < j, ok};
    case OP_LE_INT: return {i <= j, ok};

    // Kleene's logic: what decides alone is not null.
    case OP_AND: return {x & y, ok || (valid & 1 && !x) || (valid & 2 && !y)};
    case OP_OR: return {(valid & 1 && x) || (valid & 2 && y), ok || (valid & 1 && x) || (valid & 2 && y)};
    case OP_NOT: return {x ^ 1, ok};
    case OP_IS_NULL: return {!ok, true};
    case OP_IS_NAN: return {ok && a != a, true};
    case OP_IS_INF: return {ok && infinite(a), true};
    case OP_COALESCE: return {valid & 1 ? x : y, (valid & 3) != 0};
    case OP_SELECT: {
      bool first = valid & 1 && x;
      return {first ? y : z, (bool)(valid & (first ? 2 : 4))};
    }

    case OP_TO_INT: return {checked(t, int_of(a), ok, FAULT_VALUE), ok};
    case OP_NARROW: return {checked(t, {i, i != (i64)(i32)i}, ok, FAULT_VALUE), ok};

    case OP_BUCKET_REAL: return {(u64)bucket_float(t.pool + y, a), ok};
    case OP_BUCKET_INT: return {(u64)bucket_int(t.pool + y, i), ok};
    case OP_ORDERED: return {ordered_bits(a), ok};
    case OP_XOR: return {x ^ y, ok};
    case OP_SWAP: return {swap_bytes(x ^ y), ok};
    case OP_XXH3: return {xxh3_word(x, y), ok};
    case OP_MURMUR3: return {murmur3_word(x, (u32)y), ok};
    case OP_FARM: return {farm_word(x), ok};
    case OP_XXH3_PAIR: return {xxh3_pair(x, y), ok};
    case OP_XXH3_MIX: return {x + fold_product(y, z), ok};
    case OP_XXH3_END: return {xxh3_avalanche(x), ok};
    case OP_MODULO: return {x % (y != 0 ? y : 1), ok};
    case OP_LOOKUP: return find(t, t.pool + y, x, valid & 1);

    case OP_WALL_DAY:
    case OP_WALL_CLOCK: {
      Wall w = wall_of(y != 0 ? t.pool + y : 0, i);
      return {checked(t, {op == OP_WALL_DAY ? w.day : w.clock, w.beyond}, ok, FAULT_RANGE), ok};
    }
    case OP_OFFSET: return {checked(t, offset_at(t.pool + y, i), ok, FAULT_RANGE), ok};
    case OP_OFFSET_WALL: return {checked(t, offset_of_wall(t.pool + y, i), ok, FAULT_RANGE), ok};
    case OP_DAY_PART: return {(u64)day_part((u32)y, i), ok};
    case OP_CLOCK_PART: return {(u64)clock_part((u32)y, i), ok};
    default: return {0, false};
  }
  return {bits_of(real), ok};
}

// code: count instructions (see program.cuh); pool: the constants that they name by
// their distance in bytes; columns: inputs and results; scratch: two words per slot that
// spills need and thread of the grid. All but scratch and the results is only read.
KERNEL(PROGRAM_BLOCK, 4)  // with fewer blocks in mind, ptxas spills for sm_90
quern_program(u64 code, u64 count, u64 pool, u64 columns, u64 rows, u64 scratch, u64 fault) {
  __shared__ u64 registers[PROGRAM_REGISTERS][PROGRAM_BLOCK];
  Thread t;
  t.rows = rows;
  t.pool = pool;
  t.columns = columns;
  t.scratch = scratch + 8 * thread_number();
  t.stride = 8 * thread_count();
  t.fault = 0;
  u32 faults = 0;
  const u32 lane = threadIdx.x;
  for (u64 first = (u64)blockIdx.x * PROGRAM_BLOCK; first < rows; first += (u64)gridDim.x * PROGRAM_BLOCK) {
    t.row = first + lane;
    t.valid = 1u << IMMEDIATE;
    for (u64 k = 0; k < count; k++) {
      const ulonglong2 head = read<ulonglong2>(code, 2 * k), tail = read<ulonglong2>(code, 2 * k + 1);
      const u32 op = (u8)head.x, into_register = (u8)(head.x >> 8);
      const u32 a = (u8)(head.x >> 16), b = (u8)(head.x >> 24), c = (u8)(head.x >> 32);
      const u64 x = a == IMMEDIATE ? head.y : registers[a % PROGRAM_REGISTERS][lane];
      const u64 y = b == IMMEDIATE ? tail.x : registers[b % PROGRAM_REGISTERS][lane];
      const u64 z = c == IMMEDIATE ? tail.y : registers[c % PROGRAM_REGISTERS][lane];
      const u32 valid = (t.valid >> a & 1) | (t.valid >> b & 1) << 1 | (t.valid >> c & 1) << 2;
      if (op == OP_STORE) {
        store(t, y, x, valid & 1);
        continue;
      }
      if (op == OP_SPILL) {
        spill(t, y, x, valid & 1);
        continue;
      }
      Result r = step(t, op, x, y, z, valid);
      registers[into_register % PROGRAM_REGISTERS][lane] = r.bits;
      t.valid = (t.valid & ~(1u << into_register)) | (u32)r.ok << into_register;
    }
    if (t.row < rows) faults |= t.fault;
    t.fault = 0;
  }
  if (faults != 0) report(fault, faults);
}
