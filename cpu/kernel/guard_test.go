package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"quern/features/program"
)

// sizes are where words of 64 slots and blocks begin and end.
func sizes() []int {
	return []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025}
}

func newRand(seed int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 3)) }

// guarded returns n slots in the middle of memory that holds mark everywhere, and
// a check that what lies around them still does.
func guarded[T comparable](t *testing.T, n int, mark T) (slots []T, check func()) {
	const around = 9
	memory := make([]T, n+2*around)
	for i := range memory {
		memory[i] = mark
	}
	return memory[around : around+n], func() {
		t.Helper()
		for i := range around {
			if memory[i] != mark || memory[around+n+i] != mark {
				t.Fatalf("%d slots: written outside", n)
			}
		}
	}
}

func randomInts(rng *rand.Rand, n int) []int64 {
	x := make([]int64, n)
	for i := range x {
		switch rng.IntN(6) {
		case 0:
			x[i] = [...]int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64, 0, -1, 1, 1 << 31, -1<<31 - 1}[rng.IntN(8)]
		case 1:
			x[i] = int64(rng.Uint64()) >> rng.IntN(64)
		default:
			x[i] = int64(rng.IntN(200)) - 100
		}
	}
	return x
}

func randomFloats(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		switch rng.IntN(6) {
		case 0:
			x[i] = [...]float64{math.NaN(), math.Float64frombits(0xFFF0_0000_DEAD_BEEF), math.Inf(1), math.Inf(-1),
				0, math.Copysign(0, -1), math.MaxFloat64, 5e-324, 0x1p63, -0x1p63, 0x1p53 + 2}[rng.IntN(11)]
		case 1:
			x[i] = math.Float64frombits(rng.Uint64())
		default:
			x[i] = float64(rng.IntN(41)-20) / 2
		}
	}
	return x
}

func randomBools(rng *rand.Rand, n int) []bool {
	x := make([]bool, n)
	for i := range x {
		x[i] = rng.IntN(2) == 0
	}
	return x
}

// randomBits returns a bitmap of n slots with garbage past them, or nil.
func randomBits(rng *rand.Rand, n int) []uint64 {
	if rng.IntN(4) == 0 {
		return nil
	}
	x := make([]uint64, Words(n))
	for i := range x {
		x[i] = rng.Uint64() | rng.Uint64()
	}
	return x
}

// The kernels over two floats are the scalar functions.
func TestFloatPairs(t *testing.T) {
	set := Best()
	kernels := map[program.Op]func(dst, a, b []float64){
		program.Add: set.AddFloats, program.Sub: set.SubFloats, program.Mul: set.MulFloats, program.Div: set.DivFloats,
		program.FloorDiv: FloorDivFloats, program.Min: Mins[float64], program.Max: Maxs[float64],
		program.Mod: func(dst, a, b []float64) { ZipFloats(dst, a, b, program.ModFloat) },
	}
	for op, k := range kernels {
		scalar := program.RealBinary(op)
		for _, n := range sizes() {
			rng := newRand(n)
			a, b := randomFloats(rng, n), randomFloats(rng, n+3)
			dst, check := guarded(t, n, 77.0)
			k(dst, a, b)
			check()
			for i := range dst {
				sameFloats(t, op, dst[i], scalar(a[i], b[i]), a[i], b[i])
			}
		}
	}
}

// The kernels over one float are the scalar functions.
func TestFloatMaps(t *testing.T) {
	kernels := map[program.Op]func(dst, a []float64){
		program.Neg: NegFloats, program.Abs: AbsFloats, program.Sign: SignFloats, program.Floor: FloorFloats,
		program.Ceil: CeilFloats, program.Round: RoundFloats, program.Trunc: TruncFloats, program.Sqrt: SqrtFloats,
		program.Round32: Best().Round32,
		program.Log:     func(dst, a []float64) { MapFloats(dst, a, program.RealUnary(program.Log)) },
	}
	for op, k := range kernels {
		scalar := program.RealUnary(op)
		for _, n := range sizes() {
			a := randomFloats(newRand(n), n+1)
			dst, check := guarded(t, n, 77.0)
			k(dst, a)
			check()
			for i := range dst {
				sameFloats(t, op, dst[i], scalar(a[i]), a[i])
			}
		}
	}
}

func sameFloats(t *testing.T, op program.Op, got, want float64, args ...float64) {
	t.Helper()
	if math.Float64bits(program.Canon(got)) != math.Float64bits(program.Canon(want)) {
		t.Fatalf("%s%v is %v, want %v", op, args, got, want)
	}
}

// The kernels over integers are the scalar functions where those do not overflow,
// and report exactly the slots where they do.
func TestCheckedInts(t *testing.T) {
	type pair = func(a, b int64) (int64, bool)
	kernels := map[string]struct {
		kernel func(dst, a, b []int64) bool
		scalar pair
		faults func(a, b []int64) []int32
	}{
		"add": {AddInts, program.AddInt, func(a, b []int64) []int32 { return PairFaults(nil, a, b, program.AddInt) }},
		"sub": {SubInts, program.SubInt, func(a, b []int64) []int32 { return PairFaults(nil, a, b, program.SubInt) }},
		"mul": {MulInts, program.MulInt, func(a, b []int64) []int32 { return PairFaults(nil, a, b, program.MulInt) }},
		"neg": {func(dst, a, _ []int64) bool { return NegInts(dst, a) }, func(a, _ int64) (int64, bool) { return program.NegInt(a) },
			func(a, _ []int64) []int32 { return IntFaults(nil, a) }},
		"abs": {func(dst, a, _ []int64) bool { return AbsInts(dst, a) }, func(a, _ int64) (int64, bool) { return program.AbsInt(a) },
			func(a, _ []int64) []int32 { return IntFaults(nil, a) }},
		"floor_div": {func(dst, a, b []int64) bool { _, over := FloorDivInts(dst, a, b); return over }, divUnlessZero,
			func(a, b []int64) []int32 { return DivFaults(nil, a, b) }},
		"mod": {func(dst, a, b []int64) bool { ModInts(dst, a, b); return false }, modUnlessZero,
			func(a, b []int64) []int32 { return nil }},
		"narrow32": {func(dst, a, _ []int64) bool { return CheckInts32(dst, a) },
			func(a, _ int64) (int64, bool) { return a, a == int64(int32(a)) },
			func(a, _ []int64) []int32 { return Int32Faults(nil, a) }},
	}
	for name, k := range kernels {
		for _, n := range sizes() {
			rng := newRand(n)
			a, b := randomInts(rng, n), randomInts(rng, n)
			dst, check := guarded[int64](t, n, 77)
			over := k.kernel(dst, a, b)
			check()
			var want []int32
			for i := range dst {
				x, ok := k.scalar(a[i], b[i])
				if !ok {
					want = append(want, int32(i))
				} else if dst[i] != x {
					t.Fatalf("%s(%d, %d) is %d, want %d", name, a[i], b[i], dst[i], x)
				}
			}
			got := k.faults(a, b)
			if over != (len(want) > 0) || len(got) != len(want) {
				t.Fatalf("%s: %d slots: overflow %v in %v, want %v", name, n, over, got, want)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%s: overflow in %v, want %v", name, got, want)
				}
			}
		}
	}
}

func divUnlessZero(a, b int64) (int64, bool) {
	if b == 0 {
		return 0, true
	}
	return program.FloorDivInt(a, b)
}

func modUnlessZero(a, b int64) (int64, bool) {
	if b == 0 {
		return 0, true
	}
	return program.ModInt(a, b), true
}

// Division by zero is reported and cleared.
func TestZeros(t *testing.T) {
	a, b := []int64{1, 2, 3}, []int64{4, 0, 5}
	dst := make([]int64, 3)
	if zero, _ := FloorDivInts(dst, a, b); !zero || !ModInts(dst, a, b) {
		t.Error("a zero went unnoticed")
	}
	if zero, _ := FloorDivInts(dst, b, a); zero || ModInts(dst, b, a) {
		t.Error("a zero where there is none")
	}
	valid := []uint64{0b111}
	ClearZeros(valid, b)
	if valid[0] != 0b101 {
		t.Errorf("valid %b", valid[0])
	}
}

// Clamps and signs are the scalar functions, for limits in any order.
func TestClampsAndSigns(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		x, low, high := randomFloats(rng, n), randomFloats(rng, n), randomFloats(rng, n)
		dst, check := guarded(t, n, 77.0)
		Clamps(dst, x, low, high)
		check()
		for i := range dst {
			sameFloats(t, program.Clamp, dst[i], program.ClampFloat(x[i], low[i], high[i]), x[i], low[i], high[i])
		}
		xi, lowi, highi := randomInts(rng, n), randomInts(rng, n), randomInts(rng, n)
		ints, checkInts := guarded[int64](t, n, 77)
		Clamps(ints, xi, lowi, highi)
		for i := range ints {
			if want := program.ClampInt(xi[i], lowi[i], highi[i]); ints[i] != want {
				t.Fatalf("clamp(%d, %d, %d) is %d", xi[i], lowi[i], highi[i], ints[i])
			}
		}
		SignInts(ints, xi)
		checkInts()
		for i := range ints {
			if ints[i] != program.SignInt(xi[i]) {
				t.Fatalf("sign(%d) is %d", xi[i], ints[i])
			}
		}
	}
}
