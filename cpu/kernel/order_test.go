package kernel

import (
	"math"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// Comparisons and tests of numbers are the scalar meaning.
func TestComparisons(t *testing.T) {
	ints := map[program.Op]func(dst []bool, a, b []int64){
		program.Eq: Eqs[int64], program.Ne: Nes[int64], program.Lt: Lts[int64], program.Le: Les[int64],
	}
	floats := map[program.Op]func(dst []bool, a, b []float64){
		program.Eq: Eqs[float64], program.Ne: Nes[float64], program.Lt: Lts[float64], program.Le: Les[float64],
		program.IsNaN: func(dst []bool, a, _ []float64) { NaNs(dst, a) },
		program.IsInf: func(dst []bool, a, _ []float64) { Infs(dst, a) },
	}
	for _, n := range sizes() {
		rng := newRand(n)
		x, y := randomInts(rng, n), randomInts(rng, n)
		a, b := randomFloats(rng, n), randomFloats(rng, n)
		dst, check := guarded(t, n, true)
		for op, k := range ints {
			k(dst, x, y)
			check()
			for i := range dst {
				expectBool(t, op, column.Int64, dst[i], program.Value{Int: x[i]}, program.Value{Int: y[i]})
			}
		}
		for op, k := range floats {
			k(dst, a, b)
			check()
			for i := range dst {
				expectBool(t, op, column.Float64, dst[i], program.Value{Float: a[i]}, program.Value{Float: b[i]})
			}
		}
	}
}

// expectBool compares with the scalar meaning of op, which takes one argument or two.
func expectBool(t *testing.T, op program.Op, of column.Type, got bool, args ...program.Value) {
	t.Helper()
	types := []column.Type{of, of}
	if op == program.IsNaN || op == program.IsInf {
		args, types = args[:1], types[:1]
	}
	want, err := program.Eval(op, column.Bool, program.Imm{}, types, args, nil)
	if err != nil || got != want.Bool {
		t.Fatalf("%s(%+v) is %v, want %+v, %v", op, args, got, want, err)
	}
}

// A constant argument gives what the same value in every slot gives.
func TestConstants(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		set := Sets()[n%len(Sets())]
		valid := randomBits(rng, n)
		checkConstants(t, set, randomInts(rng, n), randomInts(rng, 2), valid, set.ClampInts, set.CompareInts)
		a, xs := randomFloats(rng, n), randomFloats(rng, 2)
		checkConstants(t, set, a, xs, valid, set.ClampFloats, set.CompareFloats)
		x := repeated(n, xs[0])
		for _, k := range []struct {
			constant func(dst, a []float64, x float64)
			general  func(dst, a, b []float64)
		}{
			{set.AddConst, set.AddFloats}, {set.SubConst, set.SubFloats}, {set.MulConst, set.MulFloats}, {set.DivConst, set.DivFloats},
		} {
			got, check := guarded(t, n, 77.0)
			want := make([]float64, n)
			k.constant(got, a, xs[0])
			k.general(want, a, x)
			check()
			for i := range want {
				sameFloats(t, program.Add, got[i], want[i], a[i], xs[0])
			}
		}
	}
}

func repeated[T any](n int, x T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = x
	}
	return s
}

func checkConstants[T Number](
	t *testing.T, set *Set, a, xs []T, valid []uint64,
	clamp func(dst, a []T, low, high T), compare func(dst []bool, a []T, is Comparison, x T),
) {
	t.Helper()
	n := len(a)
	x, y := repeated(n, xs[0]), repeated(n, xs[1])
	same := func(what string, got, want T) {
		t.Helper()
		if got != want && (got == got || want == want) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	got, check := guarded[T](t, n, 77)
	want := make([]T, n)
	clamp(got, a, xs[0], xs[1])
	Clamps(want, a, x, y)
	for i := range want {
		same("clamp", got[i], want[i])
	}
	CoalesceConst(set, got, a, valid, xs[0])
	check()
	for i := range got {
		if present(valid, i) {
			same("coalesce", got[i], a[i])
		} else {
			same("coalesce", got[i], xs[0])
		}
	}
	bools, checkBools := guarded(t, n, true)
	wanted := make([]bool, n)
	for is, general := range map[Comparison]func(dst []bool){
		Eq: func(d []bool) { Eqs(d, a, x) }, Ne: func(d []bool) { Nes(d, a, x) },
		Lt: func(d []bool) { Lts(d, a, x) }, Le: func(d []bool) { Les(d, a, x) },
		Gt: func(d []bool) { Lts(d, x, a) }, Ge: func(d []bool) { Les(d, x, a) },
	} {
		compare(bools, a, is, xs[0])
		general(wanted)
		checkBools()
		for i := range wanted {
			if bools[i] != wanted[i] {
				t.Fatalf("relation %d of %v and %v is %v", is, a[i], xs[0], bools[i])
			}
		}
	}
}

// The other small loops, each against what it says it does.
func TestLoops(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		ints, floats, bools := randomInts(rng, n), randomFloats(rng, n), randomBools(rng, n)
		dstInts, checkInts := guarded[int64](t, n, 77)
		dstFloats, checkFloats := guarded(t, n, 77.0)
		dstBools, checkBools := guarded(t, n, true)
		dstNarrow, checkNarrow := guarded[int32](t, n, 77)
		run := func(what string, k func(), same func(i int) bool) {
			t.Helper()
			k()
			checkInts()
			checkFloats()
			checkBools()
			checkNarrow()
			for i := range n {
				if !same(i) {
					t.Fatalf("%s: %d slots: slot %d", what, n, i)
				}
			}
		}
		set := Sets()[n%len(Sets())]
		run("narrow", func() { set.NarrowInts(dstNarrow, ints) }, func(i int) bool { return dstNarrow[i] == int32(ints[i]) })
		run("widen", func() { set.WidenInts(dstInts, dstNarrow) }, func(i int) bool { return dstInts[i] == int64(int32(ints[i])) })
		run("ints to floats", func() { set.Floats64(dstFloats, ints) }, func(i int) bool { return dstFloats[i] == float64(ints[i]) })
		run("bools to floats", func() { BoolsToFloats(dstFloats, bools) }, func(i int) bool { return dstFloats[i] == 1 == bools[i] })
		run("bools to ints", func() { BoolsToInts(dstInts, bools) }, func(i int) bool { return dstInts[i] == 1 == bools[i] })
		run("not", func() { Nots(dstBools, bools) }, func(i int) bool { return dstBools[i] != bools[i] })
		run("map", func() { MapInts(dstInts, ints, program.SignInt) }, func(i int) bool { return dstInts[i] == program.SignInt(ints[i]) })
		run("ordered", func() { OrderedFloats(dstInts, floats) }, func(i int) bool { return dstInts[i] == int64(program.OrderedBits(floats[i])) })
		run("dot", func() { FillFloats(dstFloats, 3); set.AddScaled(dstFloats, floats, 0.1) }, func(i int) bool {
			want := program.DotFloat(floats[i:i+1], []float64{0.1, 3})
			return math.Float64bits(program.Canon(dstFloats[i])) == math.Float64bits(want)
		})
		run("mix", func() { MixMany(dstInts, [][]int64{ints, ints, ints}, make([]int64, 5), 9) }, func(i int) bool {
			return dstInts[i] == program.MixHashes(9, []int64{ints[i], ints[i], ints[i]})
		})
		valid := randomBits(rng, n)
		var failed []int32
		run("checked", func() { failed = CheckedInts(dstInts, ints, valid, program.DayMicros, nil) }, func(i int) bool {
			want, ok := program.DayMicros(ints[i])
			missed := len(failed) > 0 && failed[0] == int32(i)
			if missed {
				failed = failed[1:]
			}
			return !present(valid, i) && !missed || ok != missed && (missed || dstInts[i] == want)
		})
		run("hash", func() {
			HashCanonical(dstInts, ints, nil, nil, func(s []byte, x int64) []byte { return append(s, byte(x), 1) },
				func(s []byte) int64 { return int64(s[0]) + int64(len(s)) })
		}, func(i int) bool { return dstInts[i] == int64(byte(ints[i]))+2 })
	}
}
