package real_test

import (
	"flag"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"quern/features/real"
)

var samples = flag.Int("samples", 800, "random arguments per function and range")

// one is a function of one argument with its truth and the arguments to try.
type one struct {
	name  string
	f     func(float64) float64
	truth func(constants, float64) *big.Float
	args  func(*rand.Rand, func(float64))
}

func functions() []one {
	return []one{
		{"log", real.Log, func(c constants, x float64) *big.Float { return c.log(num(x)) }, logArgs},
		{"log1p", real.Log1p, func(c constants, x float64) *big.Float { return c.log1p(num(x)) }, log1pArgs},
		{"exp", real.Exp, func(c constants, x float64) *big.Float { return c.exp(num(x)) }, expArgs},
		{"expm1", real.Expm1, func(c constants, x float64) *big.Float { return c.expm1(num(x)) }, expArgs},
		{"sin", real.Sin, func(c constants, x float64) *big.Float { return c.sin(x, 0) }, trigArgs},
		{"cos", real.Cos, func(c constants, x float64) *big.Float { return c.sin(x, 1) }, trigArgs},
	}
}

func TestWithinOneUlp(t *testing.T) {
	c := newConstants()
	for _, fn := range functions() {
		t.Run(fn.name, func(t *testing.T) {
			worst, at, n := 0.0, 0.0, 0
			fn.args(rand.New(rand.NewPCG(1, 2)), func(x float64) {
				n++
				if e := ulps(fn.f(x), fn.truth(c, x)); e > worst || math.IsNaN(e) {
					worst, at = e, x
				}
			})
			t.Logf("%s: %d arguments, at most %.4f ulp, at %x", fn.name, n, worst, at)
			if !(worst <= 1) || n < 1500 {
				t.Errorf("%s(%x): %.4f ulp", fn.name, at, worst)
			}
		})
	}
}

// around tries x and its neighbours.
func around(x float64, try func(float64)) {
	down, up := x, x
	try(x)
	for range 3 {
		down, up = math.Nextafter(down, math.Inf(-1)), math.Nextafter(up, math.Inf(1))
		if !math.IsInf(down, 0) {
			try(down)
		}
		if !math.IsInf(up, 0) {
			try(up)
		}
	}
}

// anyExponent tries doubles with exponents spread over [low, high].
func anyExponent(r *rand.Rand, low, high int, signed bool, try func(float64)) {
	for i := range *samples {
		x := math.Ldexp(1+r.Float64(), low+i*(high-low)/(*samples-1))
		if signed && r.IntN(2) == 0 {
			x = -x
		}
		try(x)
	}
}

func uniform(r *rand.Rand, low, high float64, try func(float64)) {
	for range *samples {
		try(low + (high-low)*r.Float64())
	}
}

func logArgs(r *rand.Rand, try func(float64)) {
	anyExponent(r, -1074, 1023, false, try)
	uniform(r, 0.5, 2, try)
	for _, x := range []float64{math.Sqrt2, math.Sqrt2 / 2, 0.5, 2, math.MaxFloat64, 0x1p-1022} {
		around(x, try)
	}
	for k := 1; k < 53; k++ { // near 1
		around(1+math.Ldexp(1, -k), try)
		around(1-math.Ldexp(1, -k), try)
	}
}

func log1pArgs(r *rand.Rand, try func(float64)) {
	positive := func(x float64) {
		if x > -1 {
			try(x)
		}
	}
	anyExponent(r, -1074, 1023, true, positive)
	anyExponent(r, -60, 1, true, positive)
	uniform(r, -1, 1.5, positive)
	for _, x := range []float64{math.Sqrt2 - 1, math.Sqrt2/2 - 1, 1, 3, 0x1p53, 0x1p54, 0x1p60, 0x1p61, math.MaxFloat64, 0x1p-54} {
		around(x, positive)
	}
	for k := 1; k < 53; k++ {
		around(math.Ldexp(1, -k), positive)
		around(math.Ldexp(1, -k)-1, positive)
		around(-math.Ldexp(1, -k), positive)
	}
}

func expArgs(r *rand.Rand, try func(float64)) {
	uniform(r, -746, 710, try)
	uniform(r, -1.1, 1.1, try)
	uniform(r, -745.2, -708, try) // subnormal results
	anyExponent(r, -1074, 9, true, func(x float64) {
		if math.Abs(x) < 750 {
			try(x)
		}
	})
	for k := -1076; k <= 1024; k += 5 { // both ends of each reduced interval
		try((float64(k) + 0.5) * math.Ln2)
		try(math.Nextafter((float64(k)+0.5)*math.Ln2, 0))
		try(float64(k) * math.Ln2)
	}
	for _, x := range []float64{709.782712893384, -745.1332191019412, -708.3964185322641, -37.4, -40, 0x1p-54, 41.5, 42, 0x1.29792a6ea0a3p+05} {
		around(x, try)
	}
}

func trigArgs(r *rand.Rand, try func(float64)) {
	uniform(r, -7, 7, try)
	uniform(r, -0x1p20, 0x1p20, try)
	anyExponent(r, -1074, 1023, true, try)
	anyExponent(r, 15, 60, true, try)
	for k := range 200 { // near multiples of pi/2
		around(float64(k)*(math.Pi/2), try)
	}
	for range *samples {
		try(math.Round(r.Float64()*0x1p21) * (math.Pi / 2))
	}
	around(0x1p20, try)
	around(math.Ldexp(6381956970095103, 797), try) // the double nearest to a multiple of pi/2
	around(math.MaxFloat64, try)
	around(math.Pi/4, try)
	around(0x1p-27, try)
}

func TestPowWithinOneUlp(t *testing.T) {
	c := newConstants()
	worst, n, x1, y1 := 0.0, 0, 0.0, 0.0
	powArgs(rand.New(rand.NewPCG(3, 4)), func(x, y float64) {
		n++
		got := real.Pow(x, y)
		exponent := zero().Mul(c.log(num(x)), num(y))
		if e, _ := exponent.Float64(); math.Abs(e) > 2000 {
			if want := math.Exp(e); got != want {
				t.Errorf("pow(%x, %x) = %v, want %v", x, y, got, want)
			}
			return
		}
		if e := ulps(got, c.exp(exponent)); e > worst {
			worst, x1, y1 = e, x, y
		}
	})
	t.Logf("pow: %d arguments, at most %.4f ulp, at %x, %x", n, worst, x1, y1)
	if worst > 1 || n < 1500 {
		t.Errorf("pow(%x, %x): %.4f ulp", x1, y1, worst)
	}
}

func powArgs(r *rand.Rand, try func(x, y float64)) {
	anyExponent(r, -1074, 1023, false, func(x float64) {
		try(x, (r.Float64()*1490-745)/math.Log(x)) // any result
		try(x, (r.Float64()*37-745)/math.Log(x))   // subnormal ones
		try(x, r.Float64()*4-2)
		try(x, 709.78271289338397/math.Log(x)) // at the threshold
		try(x, -745.13321910194122/math.Log(x))
	})
	for range *samples { // near 1, where y is large
		x := 1 + (r.Float64()-0.5)*math.Ldexp(1, -r.IntN(53))
		if x != 1 {
			try(x, (r.Float64()*1490-745)/math.Log(x))
		}
		try(0.6+r.Float64(), (r.Float64()-0.5)*1400)
	}
	for n := -330.0; n <= 310; n += 5 {
		try(10, n)
		try(2, 3.5*n)
		try(3, n)
		try(1.5, n)
	}
	for k := -1074; k < 1024; k += 3 {
		try(math.Ldexp(1, k), 0.5)
		try(math.Ldexp(1.3, k), 1)
	}
	try(math.Nextafter(1, 2), 0x1p62)
	try(math.Nextafter(1, 0), 0x1p62)
	try(math.Nextafter(1, 2), 0x1p70)
	try(2, 0x1p-66)
	try(2, 0x1p-1074)
}

func TestPowExact(t *testing.T) {
	for n := range 23 {
		ten, _ := new(big.Float).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)).Float64()
		if got := real.Pow(10, float64(n)); got != ten {
			t.Errorf("pow(10, %d) = %v", n, got)
		}
	}
	for k := -1074; k < 1024; k++ {
		if got := real.Pow(2, float64(k)); got != math.Ldexp(1, k) {
			t.Errorf("pow(2, %d) = %v", k, got)
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		i := float64(r.IntN(1 << 26))
		if real.Pow(i, 2) != i*i || real.Pow(-i, 2) != i*i || real.Pow(i*i, 0.5) != i {
			t.Errorf("pow(%v, 2) = %v, pow of its square, 0.5 = %v", i, real.Pow(i, 2), real.Pow(i*i, 0.5))
		}
		x := math.Ldexp(1+r.Float64(), r.IntN(2000)-1000)
		if real.Pow(x, 1) != x || real.Pow(-x, 1) != -x {
			t.Errorf("pow(%x, 1) = %x", x, real.Pow(x, 1))
		}
	}
}

// The special cases are those of package math, but for the bits of NaN. (Ordinary
// values are the other tests' matter: package math is not always near the truth.)
func TestSpecialCases(t *testing.T) {
	const canonical = 0x7FF8000000000000
	inf := math.Inf(1)
	special := []float64{0, math.Copysign(0, -1), 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, -1.5, inf, -inf, math.NaN(),
		math.Float64frombits(0xFFF4000000000001), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64,
		-math.SmallestNonzeroFloat64, 0x1p53, -0x1p53, 0x1p53 - 1, -(0x1p53 - 1), 0x1p-60, -0x1p-60, 711, -711, -750, 1 << 40}
	same := func(what string, got, want float64) {
		t.Helper()
		if want != want {
			if math.Float64bits(got) != canonical {
				t.Errorf("%s = %x, want the canonical NaN", what, math.Float64bits(got))
			}
			return
		}
		exact := want == 0 || math.Abs(want) == 1 || math.IsInf(want, 0)
		if exact && math.Float64bits(got) != math.Float64bits(want) || !exact && (math.Signbit(got) != math.Signbit(want) || got == 0 || math.IsInf(got, 0)) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	std := map[string]func(float64) float64{"log": math.Log, "log1p": math.Log1p, "exp": math.Exp, "expm1": math.Expm1, "sin": math.Sin, "cos": math.Cos}
	for _, x := range special {
		for _, fn := range functions() {
			same(fn.name, fn.f(x), std[fn.name](x))
		}
		for _, y := range special {
			same("pow", real.Pow(x, y), math.Pow(x, y))
		}
	}
}

func TestAllocations(t *testing.T) {
	n := testing.AllocsPerRun(10, func() {
		for _, x := range [...]float64{0.3, 7, 1e9, 1e300} {
			keep(real.Log(x) + real.Log1p(x) + real.Exp(x) + real.Expm1(x) + real.Sin(x) + real.Cos(x) + real.Pow(x, x))
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

//go:noinline
func keep(float64) {}

func BenchmarkReal(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	x := make([]float64, 1024)
	for i := range x {
		x[i] = math.Exp(r.Float64()*8 - 2) // 0.14 .. 403
	}
	run := func(name string, f func(float64) float64) {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				keep(f(x[i&1023]))
			}
		})
	}
	for _, fn := range functions() {
		run(fn.name, fn.f)
	}
	run("sin-large", func(x float64) float64 { return real.Sin(x * 0x1p300) })
	run("pow", func(x float64) float64 { return real.Pow(x, 2.3) })
	run("math-log", math.Log)
	run("math-exp", math.Exp)
	run("math-sin", math.Sin)
	run("math-pow", func(x float64) float64 { return math.Pow(x, 2.3) })
}
