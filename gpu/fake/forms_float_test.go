package fake_test

import (
	"math"
	"math/big"
	"strings"
)

func f32(v uint64) float32 { return math.Float32frombits(uint32(v)) }
func f64(v uint64) float64 { return math.Float64frombits(v) }
func b32(x float32) uint64 { return uint64(math.Float32bits(x)) }
func b64(x float64) uint64 { return math.Float64bits(x) }

// floats makes the forms of one operation for f32 and f64.
func floats(op string, n int, single func(x []float32) float32, double func(x []float64) float64) []form {
	operands := strings.Join([]string{"%a", "%b"}[:n], ", ")
	return []form{
		f(op+".f32 %y, "+operands, strings.TrimSpace(strings.Repeat("f32 ", n)), "f32", func(x []uint64) uint64 {
			var v []float32
			for _, b := range x {
				v = append(v, f32(b))
			}
			return b32(single(v))
		}),
		f(op+".f64 %y, "+operands, strings.TrimSpace(strings.Repeat("f64 ", n)), "f64", func(x []uint64) uint64 {
			var v []float64
			for _, b := range x {
				v = append(v, f64(b))
			}
			return b64(double(v))
		}),
	}
}

// smaller is min of PTX: a NaN gives the other, -0 is less than +0.
func smaller(x, y float64) float64 {
	switch {
	case x != x:
		return y
	case y != y:
		return x
	}
	return math.Min(x, y)
}

func larger(x, y float64) float64 { return -smaller(-x, -y) }

func floatForms() []form {
	var forms []form
	add := func(f []form) { forms = append(forms, f...) }
	add(floats("add.rn", 2, func(x []float32) float32 { return x[0] + x[1] }, func(x []float64) float64 { return x[0] + x[1] }))
	add(floats("sub.rn", 2, func(x []float32) float32 { return x[0] - x[1] }, func(x []float64) float64 { return x[0] - x[1] }))
	add(floats("mul.rn", 2, func(x []float32) float32 { return x[0] * x[1] }, func(x []float64) float64 { return x[0] * x[1] }))
	add(floats("div.rn", 2, func(x []float32) float32 { return x[0] / x[1] }, func(x []float64) float64 { return x[0] / x[1] }))
	add(floats("rcp.rn", 1, func(x []float32) float32 { return 1 / x[0] }, func(x []float64) float64 { return 1 / x[0] }))
	add(floats("sqrt.rn", 1, func(x []float32) float32 { return float32(math.Sqrt(float64(x[0]))) }, func(x []float64) float64 { return math.Sqrt(x[0]) }))
	add(floats("abs", 1, func(x []float32) float32 { return float32(math.Abs(float64(x[0]))) }, func(x []float64) float64 { return math.Abs(x[0]) }))
	add(floats("neg", 1, func(x []float32) float32 { return -x[0] }, func(x []float64) float64 { return -x[0] }))
	add(floats("min", 2, func(x []float32) float32 { return float32(smaller(float64(x[0]), float64(x[1]))) }, func(x []float64) float64 { return smaller(x[0], x[1]) }))
	add(floats("max", 2, func(x []float32) float32 { return float32(larger(float64(x[0]), float64(x[1]))) }, func(x []float64) float64 { return larger(x[0], x[1]) }))
	forms = append(forms,
		f("copysign.f64 %y, %a, %b", "f64 f64", "f64", func(x []uint64) uint64 { return x[1]&^(1<<63) | x[0]&(1<<63) }),
		f("copysign.f32 %y, %a, %b", "f32 f32", "f32", func(x []uint64) uint64 { return x[1]&^(1<<31) | x[0]&(1<<31) }))
	for class, in := range map[string]func(float64, float64) bool{ // value and smallest normal
		"finite": func(x, _ float64) bool { return !math.IsInf(x, 0) && x == x }, "infinite": func(x, _ float64) bool { return math.IsInf(x, 0) },
		"number": func(x, _ float64) bool { return x == x }, "notanumber": func(x, _ float64) bool { return x != x },
		"normal":    func(x, n float64) bool { return math.Abs(x) >= n && !math.IsInf(x, 0) },
		"subnormal": func(x, n float64) bool { return x != 0 && math.Abs(x) < n },
	} {
		forms = append(forms,
			f("testp."+class+".f32 %y, %a", "f32", "pred", func(x []uint64) uint64 { return truth(in(float64(f32(x[0])), 0x1p-126)) }),
			f("testp."+class+".f64 %y, %a", "f64", "pred", func(x []uint64) uint64 { return truth(in(f64(x[0]), 0x1p-1022)) }))
	}
	return forms
}

// rounded rounds to an integer as the PTX modifier says.
func rounded(mode string, x float64) float64 {
	switch mode {
	case "rni":
		return math.RoundToEven(x)
	case "rzi":
		return math.Trunc(x)
	case "rmi":
		return math.Floor(x)
	}
	return math.Ceil(x)
}

// clamp returns n within the range of an integer type.
func clamp(t string, n *big.Int) uint64 {
	low64, high := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), uint(bitsOf(t)))
	if t[0] == 's' {
		high.Rsh(high, 1)
		low64.Neg(high)
	}
	high.Sub(high, big.NewInt(1))
	if n.Cmp(low64) < 0 {
		n = low64
	} else if n.Cmp(high) > 0 {
		n = high
	}
	return low(n)
}

// toInteger is cvt from a float: out of range clamps, NaN gives the sign bit, but
// zero from f32 to 32 bits or less.
func toInteger(mode, from, to string, x float64) uint64 {
	if x != x {
		if from == "f32" && bitsOf(to) < 64 {
			return 0
		}
		return 1 << (bitsOf(to) - 1)
	}
	x = rounded(mode, x)
	if math.IsInf(x, 0) {
		x = math.Copysign(0x1p200, x)
	}
	n, _ := new(big.Float).SetFloat64(x).Int(nil)
	return clamp(to, n)
}
