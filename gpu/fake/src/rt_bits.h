// rt_bits.h: bit operations and atomics of PTX.

static inline uint32_t q_popc_b32(uint32_t x) { return (uint32_t)__builtin_popcount(x); }
static inline uint32_t q_popc_b64(uint64_t x) { return (uint32_t)__builtin_popcountll(x); }
static inline uint32_t q_clz_b32(uint32_t x) { return x ? (uint32_t)__builtin_clz(x) : 32; }
static inline uint32_t q_clz_b64(uint64_t x) { return x ? (uint32_t)__builtin_clzll(x) : 64; }
static inline uint32_t q_brev_b32(uint32_t x) {
	uint32_t y = 0;
	for (int i = 0; i < 32; i++) y |= (x >> i & 1) << (31 - i);
	return y;
}
static inline uint64_t q_brev_b64(uint64_t x) { return (uint64_t)q_brev_b32((uint32_t)x) << 32 | q_brev_b32((uint32_t)(x >> 32)); }

// bfind: the highest bit that is not like the sign, or all ones. shift: how far
// it is from the top.
static inline uint32_t q_bfind_u32(uint32_t x, int shift) { return !x ? 0xffffffffu : shift ? q_clz_b32(x) : 31 - q_clz_b32(x); }
static inline uint32_t q_bfind_u64(uint64_t x, int shift) { return !x ? 0xffffffffu : shift ? q_clz_b64(x) : 63 - q_clz_b64(x); }
static inline uint32_t q_bfind_s32(int32_t x, int shift) { return q_bfind_u32((uint32_t)(x < 0 ? ~x : x), shift); }
static inline uint32_t q_bfind_s64(int64_t x, int shift) { return q_bfind_u64((uint64_t)(x < 0 ? ~x : x), shift); }

// bfe: position and length count in their low 8 bits; past the top come zeros or
// the sign, which is the highest bit of the field, or of the word if the field
// passes it.
#define Q_BFE(T, C, W, SIGN) \
	static inline C q_bfe_##T(C x, uint32_t at, uint32_t n) { \
		at &= 255; n &= 255; \
		C y = 0; \
		uint32_t top = at + n - 1 < W - 1 ? at + n - 1 : W - 1; \
		C sign = !(SIGN) || n == 0 ? 0 : (C)(x >> top & 1); \
		for (uint32_t i = 0; i < W; i++) y |= (C)(i < n && at + i < W ? x >> (at + i) & 1 : sign) << i; \
		return y; \
	}
Q_BFE(u32, uint32_t, 32, 0)
Q_BFE(u64, uint64_t, 64, 0)
Q_BFE(s32_, uint32_t, 32, 1)
Q_BFE(s64_, uint64_t, 64, 1)
static inline int32_t q_bfe_s32(int32_t x, uint32_t at, uint32_t n) { return (int32_t)q_bfe_s32_((uint32_t)x, at, n); }
static inline int64_t q_bfe_s64(int64_t x, uint32_t at, uint32_t n) { return (int64_t)q_bfe_s64_((uint64_t)x, at, n); }

#define Q_BFI(T, C, W) \
	static inline C q_bfi_##T(C x, C y, uint32_t at, uint32_t n) { \
		at &= 255; n &= 255; \
		if (at >= W || n == 0) return y; \
		C ones = n >= W ? (C)-1 : (C)(((C)1 << n) - 1); \
		return (y & ~(C)(ones << at)) | (C)((x & ones) << at); \
	}
Q_BFI(b32, uint32_t, 32)
Q_BFI(b64, uint64_t, 64)

static inline uint32_t q_lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
	uint32_t y = 0;
	for (uint32_t i = 0; i < 8; i++)
		if (table >> i & 1) y |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
	return y;
}

// shf: the upper (l) or lower (r) word of hi:lo shifted.
static inline uint32_t q_shf_l_n(uint32_t lo, uint32_t hi, uint32_t n) { return (uint32_t)((((uint64_t)hi << 32 | lo) << n) >> 32); }
static inline uint32_t q_shf_r_n(uint32_t lo, uint32_t hi, uint32_t n) { return (uint32_t)(((uint64_t)hi << 32 | lo) >> n); }
static inline uint32_t q_shf_l_wrap(uint32_t lo, uint32_t hi, uint32_t n) { return q_shf_l_n(lo, hi, n & 31); }
static inline uint32_t q_shf_r_wrap(uint32_t lo, uint32_t hi, uint32_t n) { return q_shf_r_n(lo, hi, n & 31); }
static inline uint32_t q_shf_l_clamp(uint32_t lo, uint32_t hi, uint32_t n) { return q_shf_l_n(lo, hi, n > 32 ? 32 : n); }
static inline uint32_t q_shf_r_clamp(uint32_t lo, uint32_t hi, uint32_t n) { return q_shf_r_n(lo, hi, n > 32 ? 32 : n); }

// prmt: byte i of the result is byte pick(i) of b:a; bit 3 of a choice copies
// its sign (default mode only).
static inline uint32_t q_prmt_byte(uint32_t a, uint32_t b, uint32_t pick) {
	uint32_t byte = (uint32_t)(((uint64_t)b << 32 | a) >> (8 * (pick & 7))) & 255;
	return pick & 8 ? (byte & 128 ? 255 : 0) : byte;
}
static inline uint32_t q_prmt_idx(uint32_t a, uint32_t b, uint32_t c) {
	return q_prmt_byte(a, b, c & 15) | q_prmt_byte(a, b, c >> 4 & 15) << 8 | q_prmt_byte(a, b, c >> 8 & 15) << 16 | q_prmt_byte(a, b, c >> 12 & 15) << 24;
}
static inline uint32_t q_prmt_of(uint32_t a, uint32_t b, uint32_t p0, uint32_t p1, uint32_t p2, uint32_t p3) {
	return q_prmt_idx(a, b, (p0 & 7) | (p1 & 7) << 4 | (p2 & 7) << 8 | (p3 & 7) << 12);
}
static inline uint32_t q_prmt_f4e(uint32_t a, uint32_t b, uint32_t c) { c &= 3; return q_prmt_of(a, b, c, c + 1, c + 2, c + 3); }
static inline uint32_t q_prmt_b4e(uint32_t a, uint32_t b, uint32_t c) { c &= 3; return q_prmt_of(a, b, c, c + 7, c + 6, c + 5); }
static inline uint32_t q_prmt_rc8(uint32_t a, uint32_t b, uint32_t c) { c &= 3; return q_prmt_of(a, b, c, c, c, c); }
static inline uint32_t q_prmt_ecl(uint32_t a, uint32_t b, uint32_t c) { c &= 3; return q_prmt_of(a, b, c, c > 1 ? c : 1, c > 2 ? c : 2, 3); }
static inline uint32_t q_prmt_ecr(uint32_t a, uint32_t b, uint32_t c) { c &= 3; return q_prmt_of(a, b, 0, c < 1 ? c : 1, c < 2 ? c : 2, c); }
static inline uint32_t q_prmt_rc16(uint32_t a, uint32_t b, uint32_t c) { c = (c & 1) * 2; return q_prmt_of(a, b, c, c + 1, c, c + 1); }

// Atomics: the new value from the old one.
#define Q_ATOMICS(T, C, U) \
	static inline C q_atomic_add_##T(C o, C x) { return (C)((U)o + (U)x); } \
	static inline C q_atomic_min_##T(C o, C x) { return x < o ? x : o; } \
	static inline C q_atomic_max_##T(C o, C x) { return x > o ? x : o; } \
	static inline C q_atomic_and_##T(C o, C x) { return o & x; } \
	static inline C q_atomic_or_##T(C o, C x) { return o | x; } \
	static inline C q_atomic_xor_##T(C o, C x) { return o ^ x; } \
	static inline C q_atomic_exch_##T(C o, C x) { (void)o; return x; } \
	static inline C q_atomic_cas_##T(C o, C expected, C x) { return o == expected ? x : o; }
Q_ATOMICS(u32, uint32_t, uint32_t) Q_ATOMICS(s32, int32_t, uint32_t)
Q_ATOMICS(u64, uint64_t, uint64_t) Q_ATOMICS(s64, int64_t, uint64_t)
static inline uint32_t q_atomic_inc_u32(uint32_t o, uint32_t x) { return o >= x ? 0 : o + 1; }
static inline uint32_t q_atomic_dec_u32(uint32_t o, uint32_t x) { return o == 0 || o > x ? x : o - 1; }
