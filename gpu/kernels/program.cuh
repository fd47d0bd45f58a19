// The instructions of the interpreter. Package gpu/code has the same numbers, and says
// what each does; a test compares the two.
//
// An instruction is 32 bytes: operation, register of the result, registers of the
// operands x, y and z (one byte each), three bytes that are zero, then three 64-bit
// immediates. An operand whose register is IMMEDIATE is its immediate.
#pragma once

#define PROGRAM_BLOCK 128
#define PROGRAM_REGISTERS 16
#define IMMEDIATE 31

enum {
  OP_NULL, OP_LOAD, OP_STORE, OP_SPILL, OP_FILL,
  OP_ADD_REAL, OP_SUB_REAL, OP_MUL_REAL, OP_DIV_REAL, OP_FLOORDIV_REAL, OP_MOD_REAL, OP_NEG_REAL, OP_ABS_REAL,
  OP_MIN_REAL, OP_MAX_REAL, OP_CLAMP_REAL, OP_SIGN_REAL,
  OP_FLOOR, OP_CEIL, OP_ROUND, OP_TRUNC, OP_SQRT,
  OP_LOG, OP_LOG1P, OP_EXP, OP_EXPM1, OP_POW, OP_SIN, OP_COS, OP_DOT,
  OP_ADD_INT, OP_SUB_INT, OP_MUL_INT, OP_FLOORDIV_INT, OP_MOD_INT, OP_ABS_INT,
  OP_MIN_INT, OP_MAX_INT, OP_CLAMP_INT, OP_SIGN_INT,
  OP_EQ_REAL, OP_NE_REAL, OP_LT_REAL, OP_LE_REAL, OP_EQ_INT, OP_NE_INT, OP_LT_INT, OP_LE_INT,
  OP_AND, OP_OR, OP_NOT, OP_IS_NULL, OP_IS_NAN, OP_IS_INF, OP_COALESCE, OP_SELECT,
  OP_TO_REAL, OP_TO_INT, OP_ROUND32, OP_NARROW,
  OP_BUCKET_REAL, OP_BUCKET_INT, OP_LOOKUP, OP_ORDERED, OP_XOR, OP_SWAP,
  OP_XXH3, OP_MURMUR3, OP_FARM, OP_XXH3_PAIR, OP_XXH3_MIX, OP_XXH3_END, OP_MODULO,
  OP_WALL_DAY, OP_WALL_CLOCK, OP_OFFSET, OP_OFFSET_WALL, OP_DAY_PART, OP_CLOCK_PART,
};
