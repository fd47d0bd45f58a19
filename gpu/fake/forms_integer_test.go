package fake_test

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strings"
)

// number returns bits of an integer type as a number.
func number(t string, v uint64) *big.Int {
	w := bitsOf(t)
	v &= math.MaxUint64 >> (64 - w)
	n := new(big.Int).SetUint64(v)
	if t[0] == 's' && v>>(w-1) != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(w)))
	}
	return n
}

// low returns the low 64 bits of n, in two's complement.
func low(n *big.Int) uint64 {
	m := new(big.Int).Lsh(big.NewInt(1), 64)
	return new(big.Int).Mod(n, m).Uint64()
}

// arithmetic makes a form of integers from exact arithmetic on them.
func arithmetic(op, t string, n int, want func(x []*big.Int) *big.Int) form {
	operands := strings.Join([]string{"%a", "%b", "%c"}[:n], ", ")
	in := strings.TrimSpace(strings.Repeat(t+" ", n))
	return f(fmt.Sprintf("%s %%y, %s", op, operands), in, t, func(x []uint64) uint64 {
		var v []*big.Int
		for _, b := range x {
			v = append(v, number(t, b))
		}
		return low(want(v))
	})
}

func integerForms() []form {
	var forms []form
	for _, t := range []string{"u16", "s16", "u32", "s32", "u64", "s64"} {
		w := uint(bitsOf(t))
		add := func(op string, n int, want func(x []*big.Int) *big.Int) {
			forms = append(forms, arithmetic(op+"."+t, t, n, want))
		}
		add("add", 2, func(x []*big.Int) *big.Int { return x[0].Add(x[0], x[1]) })
		add("sub", 2, func(x []*big.Int) *big.Int { return x[0].Sub(x[0], x[1]) })
		add("mul.lo", 2, func(x []*big.Int) *big.Int { return x[0].Mul(x[0], x[1]) })
		add("mul.hi", 2, func(x []*big.Int) *big.Int { return x[0].Rsh(x[0].Mul(x[0], x[1]), w) })
		add("mad.lo", 3, func(x []*big.Int) *big.Int { return x[0].Add(x[0].Mul(x[0], x[1]), x[2]) })
		add("mad.hi", 3, func(x []*big.Int) *big.Int { return x[0].Add(x[0].Rsh(x[0].Mul(x[0], x[1]), w), x[2]) })
		add("sad", 3, func(x []*big.Int) *big.Int { return x[0].Add(x[0].Abs(x[0].Sub(x[0], x[1])), x[2]) })
		add("min", 2, func(x []*big.Int) *big.Int {
			if x[0].Cmp(x[1]) < 0 {
				return x[0]
			}
			return x[1]
		})
		add("max", 2, func(x []*big.Int) *big.Int {
			if x[0].Cmp(x[1]) > 0 {
				return x[0]
			}
			return x[1]
		})
		if t[0] == 's' {
			add("abs", 1, func(x []*big.Int) *big.Int { return x[0].Abs(x[0]) })
			add("neg", 1, func(x []*big.Int) *big.Int { return x[0].Neg(x[0]) })
		}
		// Division by zero is a fault: one stands for zero here.
		guard := fmt.Sprintf("setp.eq.%s %%q, %%b, 0; selp.%s %%b, 1, %%b, %%q; ", t, t)
		for _, op := range []string{"div", "rem"} {
			x := arithmetic(op+"."+t, t, 2, func(x []*big.Int) *big.Int {
				if x[1].Sign() == 0 {
					x[1].SetInt64(1)
				}
				if op == "div" {
					return x[0].Quo(x[0], x[1])
				}
				return x[0].Rem(x[0], x[1])
			})
			x.code = guard + x.code
			forms = append(forms, x)
		}
	}
	saturate := func(n *big.Int) *big.Int {
		if v := n.Int64(); v > math.MaxInt32 {
			n.SetInt64(math.MaxInt32)
		} else if v < math.MinInt32 {
			n.SetInt64(math.MinInt32)
		}
		return n
	}
	return append(forms,
		arithmetic("add.sat.s32", "s32", 2, func(x []*big.Int) *big.Int { return saturate(x[0].Add(x[0], x[1])) }),
		arithmetic("sub.sat.s32", "s32", 2, func(x []*big.Int) *big.Int { return saturate(x[0].Sub(x[0], x[1])) }))
}

// wideForms are those with a result of twice the width, and carry chains.
func wideForms() []form {
	var forms []form
	for _, t := range []string{"u16", "s16", "u32", "s32"} {
		wide := fmt.Sprintf("%c%d", t[0], 2*bitsOf(t))
		forms = append(forms,
			f("mul.wide."+t+" %y, %a, %b", t+" "+t, wide, func(x []uint64) uint64 {
				return low(new(big.Int).Mul(number(t, x[0]), number(t, x[1])))
			}),
			f("mad.wide."+t+" %y, %a, %b, %c", t+" "+t+" "+wide, wide, func(x []uint64) uint64 {
				return low(new(big.Int).Add(new(big.Int).Mul(number(t, x[0]), number(t, x[1])), number(wide, x[2])))
			}))
	}
	for _, t := range []string{"u32", "s32", "u64"} {
		w := bitsOf(t)
		u := fmt.Sprintf("u%d", w)
		chain := func(op string, combine func(a, b *big.Int) *big.Int) form {
			code := fmt.Sprintf("%s.cc.%s %%y, %%a, %%c; %sc.%s %%z, %%b, %%d", op, t, op, t)
			return form{code, []string{u, u, u, u}, []string{u, u}, func(x []uint64) []uint64 {
				long := func(lo, hi uint64) *big.Int {
					return new(big.Int).Add(number(u, lo), new(big.Int).Lsh(number(u, hi), uint(w)))
				}
				n := combine(long(x[0], x[1]), long(x[2], x[3]))
				hi := new(big.Int).Rsh(n, uint(w))
				return []uint64{low(n), low(hi)}
			}}
		}
		forms = append(forms,
			chain("add", func(a, b *big.Int) *big.Int { return a.Add(a, b) }),
			chain("sub", func(a, b *big.Int) *big.Int { return a.Sub(a, b) }))
	}
	// The low word of a*b + c and the carry out of it, through a second add.
	return append(forms,
		form{"mad.lo.cc.u64 %y, %a, %b, %c; madc.hi.u64 %z, %a, %b, %d", []string{"u64", "u64", "u64", "u64"}, []string{"u64", "u64"}, func(x []uint64) []uint64 {
			hi, lo := bits.Mul64(x[0], x[1])
			lo, carry := bits.Add64(lo, x[2], 0)
			hi, _ = bits.Add64(hi, x[3], carry)
			return []uint64{lo, hi}
		}},
		form{"add.cc.u32 %y, %a, %b; addc.cc.u32 %y, %c, %d; addc.u32 %z, 0, 0", []string{"u32", "u32", "u32", "u32"}, []string{"u32", "u32"}, func(x []uint64) []uint64 {
			_, c := bits.Add32(uint32(x[0]), uint32(x[1]), 0)
			y, c := bits.Add32(uint32(x[2]), uint32(x[3]), c)
			return []uint64{uint64(y), uint64(c)}
		}})
}
