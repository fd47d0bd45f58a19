// rt_number.h: the meaning of PTX arithmetic in C without undefined behaviour.
#include <math.h>

#define Q_LOAD(T, C) static inline C q_load_##T(const uint8_t *p) { C v; memcpy(&v, p, sizeof v); return v; }
Q_LOAD(u8, uint8_t) Q_LOAD(u16, uint16_t) Q_LOAD(u32, uint32_t) Q_LOAD(u64, uint64_t)
Q_LOAD(s8, int8_t) Q_LOAD(s16, int16_t) Q_LOAD(s32, int32_t) Q_LOAD(s64, int64_t)
Q_LOAD(f32, float) Q_LOAD(f64, double)

static inline float q_f32(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
static inline double q_f64(uint64_t u) { double d; memcpy(&d, &u, 8); return d; }
static inline uint32_t q_bits_f32(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }
static inline uint64_t q_bits_f64(double d) { uint64_t u; memcpy(&u, &d, 8); return u; }

static inline uint8_t uint8_t_poison(const q_state *q) { return q->poison & 1; }
static inline uint16_t uint16_t_poison(const q_state *q) { return (uint16_t)q->poison; }
static inline uint32_t uint32_t_poison(const q_state *q) { return (uint32_t)q->poison; }
static inline uint64_t uint64_t_poison(const q_state *q) { return q->poison; }
static inline float float_poison(const q_state *q) { return q_f32((uint32_t)q->poison); }
static inline double double_poison(const q_state *q) { return q_f64(q->poison); }

// Floats. U is the type of the bits, S the sign bit.
#define Q_FLOAT(T, C, U, S, SQRT, FLOOR, CEIL, RINT, TRUNC) \
	static inline C q_nan_##T(const q_state *q, C x) { return x != x ? q->nan_##T : x; } \
	static inline int q_unordered_##T(C x, C y) { return x != x || y != y; } \
	static inline C q_sqrt_##T(C x) { return SQRT(x); } \
	static inline C q_abs_##T(C x) { return q_##T(q_bits_##T(x) & ~(U)S); } \
	static inline C q_neg_##T(C x) { return q_##T(q_bits_##T(x) ^ (U)S); } \
	static inline int q_negative_##T(C x) { return (q_bits_##T(x) & (U)S) != 0; } \
	static inline C q_min_##T(C x, C y) { return x != x ? y : y != y ? x : x < y ? x : y < x ? y : q_negative_##T(x) ? x : y; } \
	static inline C q_max_##T(C x, C y) { return x != x ? y : y != y ? x : x > y ? x : y > x ? y : q_negative_##T(x) ? y : x; } \
	static inline C q_copysign_##T(C x, C y) { return q_##T((q_bits_##T(y) & ~(U)S) | (q_bits_##T(x) & (U)S)); } \
	static inline C q_rni_##T(C x) { return RINT(x); } \
	static inline C q_rzi_##T(C x) { return TRUNC(x); } \
	static inline C q_rmi_##T(C x) { return FLOOR(x); } \
	static inline C q_rpi_##T(C x) { return CEIL(x); } \
	static inline C q_sat_##T(C x) { return x > 0 ? (x < 1 ? x : 1) : 0; } \
	static inline uint8_t q_finite_##T(C x) { return isfinite(x) != 0; } \
	static inline uint8_t q_infinite_##T(C x) { return isinf(x) != 0; } \
	static inline uint8_t q_number_##T(C x) { return x == x; } \
	static inline uint8_t q_notanumber_##T(C x) { return x != x; } \
	static inline uint8_t q_normal_##T(C x) { return isnormal(x) != 0; } \
	static inline uint8_t q_subnormal_##T(C x) { return fpclassify(x) == FP_SUBNORMAL; }
Q_FLOAT(f32, float, uint32_t, 0x80000000u, sqrtf, floorf, ceilf, rintf, truncf)
Q_FLOAT(f64, double, uint64_t, 0x8000000000000000ull, sqrt, floor, ceil, rint, trunc)

// Float to integer: clamps. LOW and HIGH are the exclusive bounds as floats.
// A NaN gives the sign bit alone, but 0 from f32 to 32 bits or less.
#define Q_INT(T, C, F, FC, LOW, HIGH, MIN, MAX, NAN_) \
	static inline C q_int_##T##_##F(FC x) { return x != x ? (C)(NAN_) : x <= (FC)(LOW) ? (C)(MIN) : x >= (FC)(HIGH) ? (C)(MAX) : (C)x; }
Q_INT(s8, int8_t, f32, float, -128.0, 127.0, -128, 127, 0)
Q_INT(u8, uint8_t, f32, float, 0.0, 255.0, 0, 255, 0)
Q_INT(s16, int16_t, f32, float, -32768.0, 32767.0, -32768, 32767, 0)
Q_INT(u16, uint16_t, f32, float, 0.0, 65535.0, 0, 65535, 0)
Q_INT(s32, int32_t, f32, float, -0x1p31, 0x1p31, INT32_MIN, INT32_MAX, 0)
Q_INT(u32, uint32_t, f32, float, 0.0, 0x1p32, 0, UINT32_MAX, 0)
Q_INT(s64, int64_t, f32, float, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX, INT64_MIN)
Q_INT(u64, uint64_t, f32, float, 0.0, 0x1p64, 0, UINT64_MAX, 0x8000000000000000ull)
Q_INT(s8, int8_t, f64, double, -128.0, 127.0, -128, 127, -128)
Q_INT(u8, uint8_t, f64, double, 0.0, 255.0, 0, 255, 128)
Q_INT(s16, int16_t, f64, double, -32768.0, 32767.0, -32768, 32767, -32768)
Q_INT(u16, uint16_t, f64, double, 0.0, 65535.0, 0, 65535, 32768)
Q_INT(s32, int32_t, f64, double, -0x1p31, 0x1p31, INT32_MIN, INT32_MAX, INT32_MIN)
Q_INT(u32, uint32_t, f64, double, 0.0, 0x1p32, 0, UINT32_MAX, 0x80000000u)
Q_INT(s64, int64_t, f64, double, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX, INT64_MIN)
Q_INT(u64, uint64_t, f64, double, 0.0, 0x1p64, 0, UINT64_MAX, 0x8000000000000000ull)

// Integers. W is the width, D a type of twice the width.
#define Q_UNSIGNED(T, C, W, D) \
	static inline C q_shl_##T(C x, uint32_t n) { return n >= W ? 0 : (C)((D)x << n); } \
	static inline C q_shr_##T(C x, uint32_t n) { return n >= W ? 0 : (C)(x >> n); } \
	static inline C q_min_##T(C x, C y) { return x < y ? x : y; } \
	static inline C q_max_##T(C x, C y) { return x > y ? x : y; } \
	static inline C q_mul_lo_##T(C x, C y) { return (C)((D)x * y); } \
	static inline C q_mul_hi_##T(C x, C y) { return (C)((D)x * y >> W); } \
	static inline C q_sad_##T(C x, C y) { return x < y ? (C)(y - x) : (C)(x - y); } \
	static inline C q_div_##T(q_state *q, q_thread *t, uint32_t line, C x, C y) { if (!y) q_fault(q, t, line, "division by zero"); return x / y; } \
	static inline C q_rem_##T(q_state *q, q_thread *t, uint32_t line, C x, C y) { if (!y) q_fault(q, t, line, "division by zero"); return x % y; }
#define Q_SIGNED(T, C, U, W, D, MIN) \
	static inline C q_shl_##T(C x, uint32_t n) { return n >= W ? 0 : (C)(U)((uint64_t)(U)x << n); } \
	static inline C q_shr_##T(C x, uint32_t n) { return (C)(x >> (n >= W ? W - 1 : n)); } \
	static inline C q_min_##T(C x, C y) { return x < y ? x : y; } \
	static inline C q_max_##T(C x, C y) { return x > y ? x : y; } \
	static inline C q_mul_hi_##T(C x, C y) { return (C)((D)x * y >> W); } \
	static inline C q_abs_##T(U x) { return (C)((C)x < 0 ? (U)(0 - x) : x); } \
	static inline C q_neg_##T(U x) { return (C)(U)(0 - x); } \
	static inline U q_sad_##T(C x, C y) { return x < y ? (U)((U)y - (U)x) : (U)((U)x - (U)y); } \
	static inline C q_div_##T(q_state *q, q_thread *t, uint32_t line, C x, C y) { if (!y) q_fault(q, t, line, "division by zero"); return x == MIN && y == -1 ? MIN : (C)(x / y); } \
	static inline C q_rem_##T(q_state *q, q_thread *t, uint32_t line, C x, C y) { if (!y) q_fault(q, t, line, "division by zero"); return x == MIN && y == -1 ? 0 : (C)(x % y); }
Q_UNSIGNED(u16, uint16_t, 16, uint32_t)
Q_UNSIGNED(u32, uint32_t, 32, uint64_t)
Q_UNSIGNED(u64, uint64_t, 64, unsigned __int128)
Q_SIGNED(s16, int16_t, uint16_t, 16, int32_t, INT16_MIN)
Q_SIGNED(s32, int32_t, uint32_t, 32, int64_t, INT32_MIN)
Q_SIGNED(s64, int64_t, uint64_t, 64, __int128, INT64_MIN)

static inline uint32_t q_mul_wide_u16(uint16_t x, uint16_t y) { return (uint32_t)x * y; }
static inline uint64_t q_mul_wide_u32(uint32_t x, uint32_t y) { return (uint64_t)x * y; }
static inline int32_t q_mul_wide_s16(int16_t x, int16_t y) { return (int32_t)x * y; }
static inline int64_t q_mul_wide_s32(int32_t x, int32_t y) { return (int64_t)x * y; }

static inline int32_t q_saturate_s32(int64_t x) { return x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : (int32_t)x; }
static inline int32_t q_add_sat_s32(int32_t x, int32_t y) { return q_saturate_s32((int64_t)x + y); }
static inline int32_t q_sub_sat_s32(int32_t x, int32_t y) { return q_saturate_s32((int64_t)x - y); }

// Carry and borrow: in and out are 0 or 1.
#define Q_CARRY(T, C, D, W) \
	static inline C q_add_carry_##T(C x, C y, uint32_t in, uint32_t *out) { D s = (D)x + y + in; *out = (uint32_t)(s >> W); return (C)s; } \
	static inline C q_sub_carry_##T(C x, C y, uint32_t in, uint32_t *out) { D s = (D)x - y - in; *out = (uint32_t)(s >> W) & 1; return (C)s; }
Q_CARRY(u32, uint32_t, uint64_t, 32)
Q_CARRY(u64, uint64_t, unsigned __int128, 64)

// Integer to integer with .sat: through a type that holds every value of both.
#define Q_CLAMP1(T, C, F, FC, MIN, MAX) \
	static inline C q_clamp_##T##_##F(FC x) { const __int128 w = x; return w < (__int128)(MIN) ? (C)(MIN) : w > (__int128)(MAX) ? (C)(MAX) : (C)x; }
#define Q_CLAMPS(T, C, MIN, MAX) \
	Q_CLAMP1(T, C, u8, uint8_t, MIN, MAX) Q_CLAMP1(T, C, s8, int8_t, MIN, MAX) Q_CLAMP1(T, C, u16, uint16_t, MIN, MAX) Q_CLAMP1(T, C, s16, int16_t, MIN, MAX) \
	Q_CLAMP1(T, C, u32, uint32_t, MIN, MAX) Q_CLAMP1(T, C, s32, int32_t, MIN, MAX) Q_CLAMP1(T, C, u64, uint64_t, MIN, MAX) Q_CLAMP1(T, C, s64, int64_t, MIN, MAX)
Q_CLAMPS(u8, uint8_t, 0, UINT8_MAX) Q_CLAMPS(s8, int8_t, INT8_MIN, INT8_MAX)
Q_CLAMPS(u16, uint16_t, 0, UINT16_MAX) Q_CLAMPS(s16, int16_t, INT16_MIN, INT16_MAX)
Q_CLAMPS(u32, uint32_t, 0, UINT32_MAX) Q_CLAMPS(s32, int32_t, INT32_MIN, INT32_MAX)
Q_CLAMPS(u64, uint64_t, 0, UINT64_MAX) Q_CLAMPS(s64, int64_t, INT64_MIN, INT64_MAX)

#include "rt_bits.h"
