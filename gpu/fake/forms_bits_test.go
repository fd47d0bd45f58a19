package fake_test

import (
	"fmt"
	"math/bits"
)

func bitForms() []form {
	var forms []form
	for _, w := range []int{16, 32, 64} {
		t := fmt.Sprintf("b%d", w)
		forms = append(forms,
			f("and."+t+" %y, %a, %b", t+" "+t, t, func(x []uint64) uint64 { return x[0] & x[1] }),
			f("or."+t+" %y, %a, %b", t+" "+t, t, func(x []uint64) uint64 { return x[0] | x[1] }),
			f("xor."+t+" %y, %a, %b", t+" "+t, t, func(x []uint64) uint64 { return x[0] ^ x[1] }),
			f("not."+t+" %y, %a", t, t, func(x []uint64) uint64 { return ^x[0] }),
			f("cnot."+t+" %y, %a", t, t, func(x []uint64) uint64 { return truth(x[0] == 0) }))
		if w == 16 {
			continue
		}
		forms = append(forms,
			f("popc."+t+" %y, %a", t, "u32", func(x []uint64) uint64 { return uint64(bits.OnesCount64(x[0])) }),
			f("clz."+t+" %y, %a", t, "u32", func(x []uint64) uint64 { return uint64(bits.LeadingZeros64(x[0]) - 64 + w) }),
			f("brev."+t+" %y, %a", t, t, func(x []uint64) uint64 { return bits.Reverse64(x[0]) >> (64 - w) }),
			f("bfi."+t+" %y, %a, %b, %c, %d", t+" "+t+" u32 u32", t, func(x []uint64) uint64 {
				y := x[1]
				for i := range x[3] & 255 {
					if at := x[2]&255 + i; at < uint64(w) {
						y = y&^(1<<at) | x[0]>>i&1<<at
					}
				}
				return y
			}))
	}
	for _, t := range []string{"u32", "s32", "u64", "s64"} {
		forms = append(forms, fieldForms(t)...)
	}
	for _, op := range []string{"and", "or", "xor"} {
		forms = append(forms, f(op+".pred %y, %a, %b", "pred pred", "pred", func(x []uint64) uint64 {
			return map[string]uint64{"and": x[0] & x[1], "or": x[0] | x[1], "xor": x[0] ^ x[1]}[op]
		}))
	}
	return append(forms, f("not.pred %y, %a", "pred", "pred", func(x []uint64) uint64 { return 1 - x[0] }),
		f("and.pred %y, %a, !%b", "pred pred", "pred", func(x []uint64) uint64 { return x[0] & (1 - x[1]) }))
}

// fieldForms are bfe and bfind.
func fieldForms(t string) []form {
	w := bitsOf(t)
	signed := t[0] == 's'
	find := func(v uint64) int { // index of the highest bit that differs from the sign
		for i := w - 1; i >= 0; i-- {
			if v>>i&1 != truth(signed && v>>(w-1) != 0) {
				return i
			}
		}
		return -1
	}
	return []form{
		f("bfind."+t+" %y, %a", t, "u32", func(x []uint64) uint64 { return uint64(uint32(find(x[0]))) }),
		f("bfind.shiftamt."+t+" %y, %a", t, "u32", func(x []uint64) uint64 {
			if i := find(x[0]); i >= 0 {
				return uint64(w - 1 - i)
			}
			return 0xffffffff
		}),
		// As the manual has it: bit by bit.
		f("bfe."+t+" %y, %a, %b, %c", t+" u32 u32", t, func(x []uint64) uint64 {
			pos, n := int(x[1]&255), int(x[2]&255)
			var sign uint64
			if signed && n > 0 {
				sign = x[0] >> min(pos+n-1, w-1) & 1
			}
			var y uint64
			for i := range w {
				if i < n && pos+i < w {
					y |= x[0] >> (pos + i) & 1 << i
				} else {
					y |= sign << i
				}
			}
			return y
		}),
	}
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func shiftForms() []form {
	var forms []form
	for _, t := range []string{"b16", "b32", "b64"} {
		forms = append(forms,
			f("shl."+t+" %y, %a, %b", t+" u32", t, func(x []uint64) uint64 { return x[0] << x[1] }),
			f("shr.u"+t[1:]+" %y, %a, %b", t+" u32", t, func(x []uint64) uint64 { return x[0] >> x[1] }),
			f("shr."+t+" %y, %a, %b", t+" u32", t, func(x []uint64) uint64 { return x[0] >> x[1] }),
			f("shr.s"+t[1:]+" %y, %a, %b", t+" u32", t, func(x []uint64) uint64 {
				w := bitsOf(t)
				return uint64(int64(x[0]<<(64-w)) >> min(x[1], 63) >> (64 - w))
			}))
	}
	for _, side := range []string{"l", "r"} {
		for _, mode := range []string{"wrap", "clamp"} {
			forms = append(forms, f("shf."+side+"."+mode+".b32 %y, %a, %b, %c", "b32 b32 u32", "b32", func(x []uint64) uint64 {
				long, n := x[1]<<32|x[0], min(x[2], 32)
				if mode == "wrap" {
					n = x[2] & 31
				}
				if side == "l" {
					return long << n >> 32
				}
				return long >> n
			}))
		}
	}
	for _, table := range []uint64{0x80, 0xfe, 0x96, 0xca, 0x1d} {
		forms = append(forms, f(fmt.Sprintf("lop3.b32 %%y, %%a, %%b, %%c, %d", table), "b32 b32 b32", "b32", func(x []uint64) uint64 {
			var y uint64
			for i := range 32 {
				y |= table >> (x[0]>>i&1<<2 | x[1]>>i&1<<1 | x[2]>>i&1) & 1 << i
			}
			return y
		}))
	}
	return append(forms, permuteForms()...)
}

// permuteForms are prmt: which bytes each mode picks, from the manual's table.
func permuteForms() []form {
	forms := []form{f("prmt.b32 %y, %a, %b, %c", "b32 b32 b32", "b32", func(x []uint64) uint64 {
		var y uint64
		for i := range 4 {
			pick := x[2] >> (4 * i)
			b := (x[1]<<32 | x[0]) >> (8 * (pick & 7)) & 255
			if pick&8 != 0 {
				b = b >> 7 * 255
			}
			y |= b << (8 * i)
		}
		return y
	})}
	for mode, table := range map[string][4]uint64{ // the choices for d, c, b, a, one hexadecimal digit each
		"f4e": {0x3210, 0x4321, 0x5432, 0x6543}, "b4e": {0x5670, 0x6701, 0x7012, 0x0123}, "rc8": {0x0000, 0x1111, 0x2222, 0x3333},
		"ecl": {0x3210, 0x3211, 0x3222, 0x3333}, "ecr": {0x0000, 0x1110, 0x2210, 0x3210}, "rc16": {0x1010, 0x3232, 0x1010, 0x3232},
	} {
		forms = append(forms, f("prmt.b32."+mode+" %y, %a, %b, %c", "b32 b32 b32", "b32", func(x []uint64) uint64 {
			var y uint64
			for i := range 4 {
				y |= (x[1]<<32 | x[0]) >> (8 * (table[x[2]&3] >> (4 * i) & 15)) & 255 << (8 * i)
			}
			return y
		}))
	}
	return forms
}
