package simd

import "math"

// SumBlock is the most values of one call of Sum. The buffer for its rest must be
// SumSlack values longer than the block.
const (
	SumBlock = 1024
	SumSlack = 8
)

// LimbBits is by how much the weights of neighbouring limbs differ. A limb of one
// value is at most 2^50, that of a block thus at most 2^60.
const LimbBits = 50

// Limbs are exact sums of a block of values in units of u = 2^Exp:
//
//	sum of values  = (Sum[0] + Sum[1] 2^50) u
//	sum of squares = (Squares[0] + Squares[1] 2^50 + Squares[2] 2^100) u^2
type Limbs struct {
	Sum     [2]int64
	Squares [3]int64
	Taken   int // values that are in the sums
	NaNs    int // values that are NaN
	Rest    int // values that were copied to the rest
}

// Window says which values Sum adds up: the multiples of 2^Exp whose size is below
// 2^(Exp+Bits). It holds memory of the call too, so two calls may not share one.
type Window struct {
	Exp, Bits int
	float64s  bool
	c         [28]float64 // see constants
	out       [8]int64    // see limbs
}

// Bits that windows can hold. A float32 value has 24 bits, so 27 neighbouring
// exponents fit into a window of float32; a float64 value has 53, so 23 do.
const (
	bits24 = 50
	bits53 = 75
)

// Set24 makes w the window of float32 values from 2^exp on. exp is clamped to where
// all float32 values are.
func (w *Window) Set24(exp int) {
	w.Exp, w.Bits, w.float64s = min(max(exp, -149), 128-bits24), bits24, false
	w.constants()
}

// Set53 makes w the window of float64 values from 2^exp on. exp is clamped to where
// squares are neither too great nor too small: beyond, values are never taken.
func (w *Window) Set53(exp int) {
	const least = -537               // 2^(2 exp) is a float64
	const most = 1022/2 - bits53 - 2 // and so is the constant of the highest limb
	w.Exp, w.Bits, w.float64s = min(max(exp, least), most), bits53, true
	w.constants()
}

// Places in Window.c, each four times in a row.
const (
	atSum0 = 4 * iota
	atSum1
	atSquare0
	atSquare1
	atSquare2
	atLimit
	atOnes
)

// constants fills c. Adding C = 1.5*2^52*u to a value and taking it off again
// rounds the value to a multiple of u, and the bits of the sum, less those of C,
// are that multiple.
func (w *Window) constants() {
	set := func(at int, x float64) {
		for i := range 4 {
			w.c[at+i] = x
		}
	}
	for i := range 2 {
		set(atSum0+4*i, math.Ldexp(1.5, 52+w.Exp+LimbBits*i))
	}
	for i := range 3 {
		set(atSquare0+4*i, math.Ldexp(1.5, 52+2*w.Exp+LimbBits*i))
	}
	set(atLimit, math.Ldexp(1, w.Exp+w.Bits))
	set(atOnes, math.Float64frombits(math.MaxUint64))
}

// Sum adds up those of the first SumBlock values of x that are in the window w and
// not null. NaNs are counted; all others are copied to rest, in their order. If
// the window was set by Set24, every value must be a float32.
//
// An integer addition of the bits of x+C adds up the leading part of each value
// without error; what the rounding left is exact too and makes the next limb. The
// square of a float32 is exact in float64, that of a float64 is a product and its
// error, which a fused multiply-add gives. (The extraction is that of S. M. Rump,
// T. Ogita, S. Oishi, Accurate floating-point summation I, SIAM J. Sci. Comput. 31,
// 2008; summing the bits of it is ours.)
func (k *Kernels) Sum(w *Window, x []float64, valid []uint64, rest []float64) Limbs {
	if len(x) > SumBlock || len(rest) < len(x)+SumSlack || valid != nil && 64*len(valid) < len(x) {
		panic("quern: bug: sum of a block with too little room")
	}
	if w.float64s {
		k.sum53(x, valid, &w.c, &w.out, rest)
	} else {
		k.sum24(x, valid, &w.c, &w.out, rest)
	}
	return w.limbs()
}

// limbs reads out, which holds Limbs in order, and takes the bits of the constants
// off, once per value taken. Sums are modulo 2^64, and end up below 2^61.
func (w *Window) limbs() Limbs {
	taken := w.out[5]
	of := func(i int) int64 { return w.out[i] - taken*int64(math.Float64bits(w.c[4*i])) }
	l := Limbs{Taken: int(taken), NaNs: int(w.out[6]), Rest: int(w.out[7])}
	l.Sum[0], l.Squares[0], l.Squares[1] = of(0), of(2), of(3)
	if w.float64s {
		l.Sum[1], l.Squares[2] = of(1), of(4)
		l.Squares[1] -= taken * int64(math.Float64bits(w.c[atSquare1])) // products and errors
	}
	return l
}

// sumLimbs returns the limbs of v by the constants of the sum, and whether v is in
// the window.
func sumLimbs(v float64, c *[28]float64, limbs int) (high, low float64, in bool) {
	if limbs == 2 {
		high = v + c[atSum1]
		low = v - (high - c[atSum1])
		v, low = low, low+c[atSum0]
	} else {
		low = v + c[atSum0]
	}
	return high, low, low-c[atSum0] == v
}

func sum24Go(x []float64, valid []uint64, c *[28]float64, out *[8]int64, rest []float64) {
	*out = [8]int64{}
	for i, v := range x {
		if valid != nil && valid[i>>6]>>(i&63)&1 == 0 {
			continue
		}
		_, low, in := sumLimbs(v, c, 1)
		if !in || math.Abs(v) >= c[atLimit] {
			leave(v, out, rest)
			continue
		}
		p := float64(v * v)
		high := p + c[atSquare1]
		p -= high - c[atSquare1]
		out[0] += int64(math.Float64bits(low))
		out[2] += int64(math.Float64bits(p + c[atSquare0]))
		out[3] += int64(math.Float64bits(high))
		out[5]++
	}
}

func sum53Go(x []float64, valid []uint64, c *[28]float64, out *[8]int64, rest []float64) {
	*out = [8]int64{}
	for i, v := range x {
		if valid != nil && valid[i>>6]>>(i&63)&1 == 0 {
			continue
		}
		high, low, in := sumLimbs(v, c, 2)
		if !in || math.Abs(v) >= c[atLimit] {
			leave(v, out, rest)
			continue
		}
		out[0] += int64(math.Float64bits(low))
		out[1] += int64(math.Float64bits(high))
		p := float64(v * v)
		e := math.FMA(v, v, -p)
		t := p + c[atSquare2]
		p -= t - c[atSquare2]
		out[4] += int64(math.Float64bits(t))
		t = p + c[atSquare1]
		p -= t - c[atSquare1]
		out[3] += int64(math.Float64bits(t))
		t = e + c[atSquare1]
		e -= t - c[atSquare1]
		out[3] += int64(math.Float64bits(t))
		out[2] += int64(math.Float64bits(p + e + c[atSquare0]))
		out[5]++
	}
}

// leave counts v if it is NaN, and else appends it to the rest.
func leave(v float64, out *[8]int64, rest []float64) {
	if v != v {
		out[6]++
		return
	}
	rest[out[7]] = v
	out[7]++
}
