package kernel

import (
	"math"
	"testing"

	"quern/features/program"
)

func checkTail(t *testing.T, bits []uint64, n int) {
	t.Helper()
	if n&63 != 0 && bits[n>>6]>>(n&63) != 0 {
		t.Fatalf("bits past the end of %d slots: %x", n, bits[n>>6])
	}
}

// expect checks a bitmap result: its bits, the words around it, and its tail.
func expect(t *testing.T, what string, bits []uint64, n int, want func(i int) bool) {
	t.Helper()
	for i := range n {
		if present(bits, i) != want(i) {
			t.Fatalf("%s: %d slots: bit %d is %v", what, n, i, present(bits, i))
		}
	}
	checkTail(t, bits, n)
}

func TestBitmaps(t *testing.T) {
	for _, n := range sizes() {
		for seed := range 5 {
			rng := newRand(seed)
			a, b, c := randomBits(rng, n), randomBits(rng, n), randomBits(rng, n)
			values, others := randomBools(rng, n), randomBools(rng, n)
			dst, check := guarded[uint64](t, Words(n), 77)

			FillBits(dst, n)
			expect(t, "fill", dst, n, func(int) bool { return true })
			if !AllBits(dst, n) || n > 0 && AllBits(make([]uint64, Words(n)), n) || !AllBits(nil, n) {
				t.Fatalf("all of %d bits", n)
			}
			CopyBits(dst, a, n)
			expect(t, "copy", dst, n, func(i int) bool { return present(a, i) })
			if b != nil {
				AndBits(dst, b)
				expect(t, "and", dst, n, func(i int) bool { return present(a, i) && present(b, i) })
			}
			PackBools(dst, values)
			expect(t, "pack", dst, n, func(i int) bool { return values[i] })
			if c != nil {
				ChooseBits(dst, c, a, b, n)
				expect(t, "choose", dst, n, func(i int) bool {
					if present(c, i) {
						return present(a, i)
					}
					return present(b, i)
				})
			}
			index := make([]int32, n)
			for i := range index {
				index[i] = int32(rng.IntN(n))
			}
			if a != nil {
				GatherBits(dst, a, index)
				expect(t, "gather", dst, n, func(i int) bool { return present(a, int(index[i])) })
			}
			check()
			checkBools(t, n, a, values, others)
		}
	}
}

func checkBools(t *testing.T, n int, a []uint64, values, others []bool) {
	t.Helper()
	dst, check := guarded(t, n, true)
	run := func(what string, k func(), want func(i int) bool) {
		t.Helper()
		k()
		check()
		for i := range dst {
			if dst[i] != want(i) {
				t.Fatalf("%s: %d slots: slot %d is %v", what, n, i, dst[i])
			}
		}
	}
	run("unpack", func() { UnpackNots(dst, a) }, func(i int) bool { return !present(a, i) })
	run("clear", func() { copy(dst, values); ClearNulls(dst, a) }, func(i int) bool { return values[i] && present(a, i) })
	run("lt", func() { LtBools(dst, values, others) }, func(i int) bool { return !values[i] && others[i] })
	run("le", func() { LeBools(dst, values, others) }, func(i int) bool { return !values[i] || others[i] })
	if a != nil {
		run("choose", func() { ChooseBools(dst, a, values, others) }, func(i int) bool {
			if present(a, i) {
				return values[i]
			}
			return others[i]
		})
	}
}

// Kleene's logic, against its truth table. The result may lie in an argument.
func TestKleene(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		a, b := randomBools(rng, n), randomBools(rng, n)
		pa, pb := make([]uint64, Words(n)), make([]uint64, Words(n))
		PackBools(pa, a)
		PackBools(pb, b)
		ka, kb := make([]uint64, Words(n)), make([]uint64, Words(n))
		CopyBits(ka, randomBits(rng, n), n)
		CopyBits(kb, randomBits(rng, n), n)
		for _, and := range []bool{true, false} {
			known := append([]uint64(nil), ka...)
			values := make([]bool, n)
			if and {
				Ands(values, a, b)
				AndKnown(known, pa, known, pb, kb, n)
			} else {
				Ors(values, a, b)
				OrKnown(known, pa, known, pb, kb, n)
			}
			expect(t, "kleene", known, n, func(i int) bool {
				decides := func(k []uint64, x bool) bool { return present(k, i) && x != and }
				return decides(ka, a[i]) || decides(kb, b[i]) || present(ka, i) && present(kb, i)
			})
			for i := range values {
				want := a[i] && b[i] || !and && (a[i] || b[i])
				if present(known, i) && present(ka, i) && present(kb, i) && values[i] != want {
					t.Fatalf("value of slot %d is %v", i, values[i])
				}
			}
		}
	}
}

// Choices keep the bits of what they choose.
func TestChoose(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		choice := make([]uint64, Words(n))
		CopyBits(choice, randomBits(rng, n), n)
		a, b := randomFloats(rng, n), randomFloats(rng, n)
		x, y := randomInts(rng, n), randomInts(rng, n)
		floats, check := guarded(t, n, 77.0)
		ints, checkInts := guarded[int64](t, n, 77)
		set := Sets()[n%len(Sets())]
		Choose(set, floats, choice, a, b)
		Choose(set, ints, choice, x, y)
		check()
		checkInts()
		for i := range n {
			wantFloat, wantInt := b[i], y[i]
			if present(choice, i) {
				wantFloat, wantInt = a[i], x[i]
			}
			if math.Float64bits(floats[i]) != math.Float64bits(wantFloat) || ints[i] != wantInt {
				t.Fatalf("slot %d is %v and %d", i, floats[i], ints[i])
			}
		}
	}
}

// Conversions are the scalar functions, and leave canonical NaNs.
func TestConversions(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		a := randomFloats(rng, n)
		ints, check := guarded[int64](t, n, 77)
		failed := FloatsToInts(ints, a)
		check()
		list := FloatFaults(nil, a)
		if failed != (len(list) > 0) {
			t.Fatalf("failed %v, slots %v", failed, list)
		}
		for i, x := range a {
			want, ok := program.IntOf(x)
			if ok && ints[i] != want {
				t.Fatalf("%v is %d", x, ints[i])
			}
		}
		floats, checkFloats := guarded(t, n, 77.0)
		set := Sets()[n%len(Sets())]
		set.Canonical(floats, a)
		checkFloats()
		narrow, checkNarrow := guarded[float32](t, n, 77)
		set.NarrowFloats(narrow, a)
		checkNarrow()
		again := make([]float32, n)
		Canonical32(again, narrow)
		for i, x := range a {
			if math.Float64bits(floats[i]) != math.Float64bits(program.Canon(x)) {
				t.Fatalf("%x leaves as %x", math.Float64bits(x), math.Float64bits(floats[i]))
			}
			want := math.Float32bits(float32(x))
			if x != x {
				want = 0x7FC00000
			}
			if math.Float32bits(narrow[i]) != want || math.Float32bits(again[i]) != want {
				t.Fatalf("%v leaves as %x", x, math.Float32bits(narrow[i]))
			}
		}
	}
}

// Walls are the scalar's, over instants that come back to the same spans.
func TestWalls(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "Pacific/Apia", "America/St_Johns"} {
		zone, err := program.LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		rng := newRand(1)
		instants := randomInts(rng, 300)
		for i := range instants[:200] {
			instants[i] = rng.Int64N(4e15) - 2e15 // within some 60 years of 1970
		}
		days, check := guarded[int64](t, 300, 77)
		clocks, checkClocks := guarded[int64](t, 300, 77)
		Walls(days, clocks, instants, zone)
		check()
		checkClocks()
		for i, x := range instants {
			if day, clock := zone.Wall(x); day != days[i] || clock != clocks[i] {
				t.Fatalf("%s: %d is day %d, clock %d; want %d, %d", name, x, days[i], clocks[i], day, clock)
			}
		}
	}
}

// TestOnlyNull clears no, one and two bits of every size and place.
func TestOnlyNull(t *testing.T) {
	for _, n := range sizes() {
		b := make([]uint64, Words(n))
		FillBits(b, n)
		if slot, ok := OnlyNull(b, n); slot != -1 || !ok {
			t.Fatalf("%d slots without a null: %d, %v", n, slot, ok)
		}
		for i := 0; i < n; i += max(1, n/70) {
			b[i>>6] &^= 1 << (i & 63)
			if slot, ok := OnlyNull(b, n); slot != i || !ok {
				t.Fatalf("%d slots, null %d: %d, %v", n, i, slot, ok)
			}
			if other := (i + n/2) % n; other != i {
				b[other>>6] &^= 1 << (other & 63)
				if _, ok := OnlyNull(b, n); ok {
					t.Fatalf("%d slots: nulls %d and %d pass for one", n, i, other)
				}
			}
			FillBits(b, n)
		}
	}
}
