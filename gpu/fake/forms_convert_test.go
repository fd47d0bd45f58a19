package fake_test

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

func convertForms() []form {
	integers := []string{"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"}
	var forms []form
	for _, from := range integers {
		for _, to := range integers {
			if from == to {
				continue
			}
			forms = append(forms,
				f(fmt.Sprintf("cvt.%s.%s %%y, %%a", to, from), from, to, func(x []uint64) uint64 { return low(number(from, x[0])) }),
				f(fmt.Sprintf("cvt.sat.%s.%s %%y, %%a", to, from), from, to, func(x []uint64) uint64 { return clamp(to, number(from, x[0])) }))
		}
		forms = append(forms, integerToFloat(from)...)
		for _, mode := range []string{"rni", "rzi", "rmi", "rpi"} {
			forms = append(forms,
				f(fmt.Sprintf("cvt.%s.%s.f32 %%y, %%a", mode, from), "f32", from, func(x []uint64) uint64 { return toInteger(mode, "f32", from, float64(f32(x[0]))) }),
				f(fmt.Sprintf("cvt.%s.%s.f64 %%y, %%a", mode, from), "f64", from, func(x []uint64) uint64 { return toInteger(mode, "f64", from, f64(x[0])) }))
		}
	}
	for _, mode := range []string{"rni", "rzi", "rmi", "rpi"} {
		forms = append(forms,
			f("cvt."+mode+".f32.f32 %y, %a", "f32", "f32", func(x []uint64) uint64 { return b32(float32(rounded(mode, float64(f32(x[0]))))) }),
			f("cvt."+mode+".f64.f64 %y, %a", "f64", "f64", func(x []uint64) uint64 { return b64(rounded(mode, f64(x[0]))) }))
	}
	saturate := func(x float64) float64 {
		if !(x > 0) {
			return 0
		}
		return math.Min(x, 1)
	}
	return append(forms,
		f("cvt.f64.f32 %y, %a", "f32", "f64", func(x []uint64) uint64 { return b64(float64(f32(x[0]))) }),
		f("cvt.rn.f32.f64 %y, %a", "f64", "f32", func(x []uint64) uint64 { return b32(float32(f64(x[0]))) }),
		f("cvt.sat.f32.f32 %y, %a", "f32", "f32", func(x []uint64) uint64 { return b32(float32(saturate(float64(f32(x[0]))))) }),
		f("cvt.rn.sat.f32.f64 %y, %a", "f64", "f32", func(x []uint64) uint64 { return b32(float32(saturate(float64(float32(f64(x[0])))))) }))
}

// integerToFloat rounds to nearest even, by big.Float.
func integerToFloat(from string) []form {
	return []form{
		f("cvt.rn.f32."+from+" %y, %a", from, "f32", func(x []uint64) uint64 {
			v, _ := new(big.Float).SetPrec(24).SetMode(big.ToNearestEven).SetInt(number(from, x[0])).Float32()
			return b32(v)
		}),
		f("cvt.rn.f64."+from+" %y, %a", from, "f64", func(x []uint64) uint64 {
			v, _ := new(big.Float).SetPrec(53).SetMode(big.ToNearestEven).SetInt(number(from, x[0])).Float64()
			return b64(v)
		}),
	}
}

// holds says which of less, equal, greater and unordered a comparison accepts.
func holds(cmp string, less, equal, greater, unordered bool) bool {
	orNaN := strings.HasSuffix(cmp, "u") && len(cmp) == 3
	switch strings.TrimSuffix(cmp, "u") {
	case "eq":
		return equal || orNaN && unordered
	case "ne":
		return less || greater || orNaN && unordered
	case "lt", "lo":
		return less || orNaN && unordered
	case "le", "ls":
		return less || equal || orNaN && unordered
	case "gt", "hi":
		return greater || orNaN && unordered
	case "ge", "hs":
		return greater || equal || orNaN && unordered
	case "num":
		return !unordered
	}
	return unordered // nan
}

// compared returns whether the comparison of two values of type t holds.
func compared(cmp, t string, a, b uint64) bool {
	x, y := 0.0, 0.0
	switch t {
	case "f32":
		x, y = float64(f32(a)), float64(f32(b))
	case "f64":
		x, y = f64(a), f64(b)
	default:
		c := number(t, a).Cmp(number(t, b))
		return holds(cmp, c < 0, c == 0, c > 0, false)
	}
	return holds(cmp, x < y, x == y, x > y, x != x || y != y)
}

func compareForms() []form {
	var forms []form
	add := func(t string, cmps ...string) {
		for _, cmp := range cmps {
			forms = append(forms, f(fmt.Sprintf("setp.%s.%s %%y, %%a, %%b", cmp, t), t+" "+t, "pred", func(x []uint64) uint64 { return truth(compared(cmp, t, x[0], x[1])) }))
			if t == "f32" || t == "f64" || t == "s32" {
				forms = append(forms,
					f(fmt.Sprintf("set.%s.u32.%s %%y, %%a, %%b", cmp, t), t+" "+t, "u32", func(x []uint64) uint64 { return -truth(compared(cmp, t, x[0], x[1])) }),
					f(fmt.Sprintf("set.%s.f32.%s %%y, %%a, %%b", cmp, t), t+" "+t, "f32", func(x []uint64) uint64 { return b32(float32(truth(compared(cmp, t, x[0], x[1])))) }))
			}
		}
	}
	for _, t := range []string{"b16", "b32", "b64"} {
		add(t, "eq", "ne")
	}
	for _, t := range []string{"u16", "u32", "u64"} {
		add(t, "eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs")
	}
	for _, t := range []string{"s16", "s32", "s64"} {
		add(t, "eq", "ne", "lt", "le", "gt", "ge")
	}
	for _, t := range []string{"f32", "f64"} {
		add(t, "eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan")
	}
	for _, op := range []string{"and", "or", "xor"} {
		forms = append(forms, form{"setp.lt." + op + ".f64 %y|%z, %a, %b, %c", []string{"f64", "f64", "pred"}, []string{"pred", "pred"}, func(x []uint64) []uint64 {
			c := truth(compared("lt", "f64", x[0], x[1]))
			apply := func(c uint64) uint64 { return map[string]uint64{"and": c & x[2], "or": c | x[2], "xor": c ^ x[2]}[op] }
			return []uint64{apply(c), apply(1 - c)}
		}})
	}
	for _, t := range []string{"b16", "b32", "b64", "f32", "f64"} {
		forms = append(forms,
			f("selp."+t+" %y, %a, %b, %c", t+" "+t+" pred", t, func(x []uint64) uint64 { return x[1-x[2]] }),
			f("slct."+t+".s32 %y, %a, %b, %c", t+" "+t+" s32", t, func(x []uint64) uint64 { return x[x[2]>>31] }),
			f("slct."+t+".f32 %y, %a, %b, %c", t+" "+t+" f32", t, func(x []uint64) uint64 { return x[1-truth(f32(x[2]) >= 0)] }))
	}
	return forms
}

func moveForms() []form {
	return []form{
		f("mov.b64 %y, {%a, %b}", "b32 b32", "b64", func(x []uint64) uint64 { return x[1]<<32 | x[0] }),
		f("mov.b32 %y, {%a, %b}", "b16 b16", "b32", func(x []uint64) uint64 { return x[1]<<16 | x[0] }),
		f("mov.b64 %y, {%a, %b, %c, %d}", "b16 b16 b16 b16", "b64", func(x []uint64) uint64 { return x[3]<<48 | x[2]<<32 | x[1]<<16 | x[0] }),
		{"mov.b64 {%y, %z}, %a", []string{"f64"}, []string{"b32", "b32"}, func(x []uint64) []uint64 { return []uint64{x[0] & 0xffffffff, x[0] >> 32} }},
		f("mov.b64 {_, %y}, %a", "b64", "b32", func(x []uint64) uint64 { return x[0] >> 32 }),
		f("mov.b64 %y, %a", "f64", "b64", func(x []uint64) uint64 { return x[0] }),
		f("mov.b32 %y, %a", "b32", "f32", func(x []uint64) uint64 { return x[0] }),
		f("mov.f64 %y, 0d3FF8000000000000", "f64", "f64", func([]uint64) uint64 { return b64(1.5) }),
		f("mov.f32 %y, 0f3FC00000", "f64", "f32", func([]uint64) uint64 { return b32(1.5) }),
		f("mov.u64 %y, -5", "b64", "u64", func([]uint64) uint64 { return math.MaxUint64 - 4 }),
		f("mov.u32 %y, 0xdeadbeef", "b64", "u32", func([]uint64) uint64 { return 0xdeadbeef }),
		f("mov.pred %q, %a; mov.b32 %y, 3; @!%q mov.b32 %y, %b", "pred b32", "b32", func(x []uint64) uint64 {
			if x[0] != 0 {
				return 3
			}
			return x[1]
		}),
		f("{ .reg .b32 %a; mov.u32 %a, 7; add.u32 %y, %a, 1; } add.u32 %y, %y, %a", "b32", "b32", func(x []uint64) uint64 { return x[0] + 8 }),
		// What a guarded write may leave as it is lives on through a loop that is interrupted.
		f("mov.u32 %y, %b; mov.u32 %w, 3000; AGAIN: sub.u32 %w, %w, 1; setp.ne.u32 %q, %w, 0; @%q bra AGAIN; setp.eq.u32 %q, %a, 0; @%q mov.u32 %y, 7", "b32 b32", "u32",
			func(x []uint64) uint64 {
				if x[0] == 0 {
					return 7
				}
				return x[1]
			}),
		// A counted loop, and a table of branches.
		f("mov.u64 %y, 0; and.b32 %a, %a, 63; AGAIN: setp.eq.u32 %q, %a, 0; @%q bra OUT; add.u64 %y, %y, %b; sub.u32 %a, %a, 1; bra.uni AGAIN; OUT: mov.u64 %y, %y", "b32 b64", "u64",
			func(x []uint64) uint64 { return x[1] * (x[0] & 63) }),
		f("T: .branchtargets A, B, C; and.b32 %a, %a, 1; mov.u32 %y, 9; brx.idx %a, T; C: mov.u32 %y, 1; A: add.u32 %y, %y, 1; B: add.u32 %y, %y, 1", "b32", "u32",
			func(x []uint64) uint64 { return 11 - x[0]&1 }),
	}
}
