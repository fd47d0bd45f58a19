package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// randomOffsets returns the offsets of n lists, many of them empty.
func randomOffsets(rng *rand.Rand, n int) []uint32 {
	offsets := make([]uint32, 1, n+1)
	for i := range n {
		offsets = append(offsets, offsets[i]+uint32(rng.IntN(4)*rng.IntN(3)))
	}
	return offsets
}

// randomSlots returns slots for so many elements, out of so many, or nil.
func randomSlots(rng *rand.Rand, elements, slots int) []int32 {
	if rng.IntN(2) == 0 {
		return nil
	}
	index := make([]int32, elements)
	for i := range index {
		index[i] = int32(rng.IntN(slots))
	}
	return index
}

// slotValues returns the slots of list i as values, for the scalar meaning.
func slotValues(offsets []uint32, slots []int32, i int) []program.Value {
	var list []program.Value
	for e := offsets[i]; e < offsets[i+1]; e++ {
		slot := int64(e)
		if slots != nil {
			slot = int64(slots[e])
		}
		list = append(list, program.Value{Int: slot})
	}
	return list
}

// meaning evaluates an operation on a list of integers.
func meaning(op program.Op, imm program.Imm, list []program.Value, more ...program.Value) program.Value {
	types := []column.Type{column.ListOf(column.Int64), column.Int64}[:1+len(more)]
	t, err := program.Infer(op, imm, types, column.Invalid)
	if err != nil {
		panic(err)
	}
	v, err := program.Eval(op, t, imm, types, append([]program.Value{{List: list}}, more...), nil)
	if err != nil {
		panic(err)
	}
	return v
}

// What chooses elements makes the slots that the scalar meaning has, when a value is
// the number of its slot.
func TestChosenSlots(t *testing.T) {
	const fill = 1 << 20
	for _, n := range sizes() {
		rng := newRand(n)
		from := randomOffsets(rng, n)
		elements := int(from[n])
		slots := randomSlots(rng, elements, 50)
		position := func() int64 {
			return [...]int64{0, 1, 2, 3, -1, -2, -3, math.MinInt64, math.MaxInt64}[rng.IntN(9)]
		}
		slice := program.Imm{Int: position(), Extra: position()}
		pad := program.Imm{Int: int64(rng.IntN(6)), Extra: int64(rng.IntN(2))}
		at := program.Imm{Int: position()}

		sliced, checkSliced := guarded[uint32](t, n+1, 77)
		padded, checkPadded := guarded[uint32](t, n+1, 77)
		taken, checkTaken := guarded[int32](t, n, 77)
		short := SliceLists(sliced, nil, from, slots, slice.Int, slice.Extra)
		long, checkLong := guarded[int32](t, PadOffsets(padded, from, int(pad.Int), math.MaxInt32), 77)
		PadLists(long, padded, from, slots, fill, pad.Extra == 1)
		lacking := ListsAt(taken, from, slots, at.Int, fill)
		checkSliced()
		checkPadded()
		checkTaken()
		checkLong()
		for i := range n {
			list := slotValues(from, slots, i)
			sameSlots(t, slice, short[sliced[i]:sliced[i+1]], meaning(program.ListSlice, slice, list))
			sameSlots(t, pad, long[padded[i]:padded[i+1]], meaning(program.ListPad, pad, list, program.Value{Int: fill}))
			want := meaning(program.ListAt, at, list)
			if want.Null {
				want = program.Value{Int: fill}
			}
			sameSlots(t, at, taken[i:i+1], program.Value{List: []program.Value{want}})
		}
		if lacking != slices.Contains(taken, fill) {
			t.Errorf("%d lists: lacking %v", n, lacking)
		}
	}
}

func sameSlots(t *testing.T, imm program.Imm, got []int32, want program.Value) {
	t.Helper()
	if len(got) != len(want.List) {
		t.Fatalf("%d to %d: %v, want %v", imm.Int, imm.Extra, got, want.List)
	}
	for k, slot := range got {
		if int64(slot) != want.List[k].Int {
			t.Fatalf("%d to %d: %v, want %v", imm.Int, imm.Extra, got, want.List)
		}
	}
}

// Padding beyond the limit is noticed without counting past it.
func TestPadLimit(t *testing.T) {
	from := []uint32{0, 1, 1, 4}
	offsets := make([]uint32, 4)
	if n := PadOffsets(offsets, from, 2, 7); n != 7 || !slices.Equal(offsets, []uint32{0, 2, 4, 7}) {
		t.Errorf("%d elements, offsets %v", n, offsets)
	}
	if n := PadOffsets(offsets, from, math.MaxInt32, 3); n != math.MaxInt32 {
		t.Errorf("%d elements", n)
	}
}

// Sums, means, least and greatest elements are the scalar meaning's, in order, without
// nulls.
func TestPools(t *testing.T) {
	for _, n := range sizes() {
		for seed := range 4 {
			rng := newRand(100*n + seed)
			offsets := randomOffsets(rng, n)
			slots := 1 + int(offsets[n])
			index, valid := randomSlots(rng, slots, slots), randomBits(rng, slots)
			floats := Lists[float64]{Offsets: offsets, Index: index, Values: randomFloats(rng, slots), Valid: valid}
			checkPool(t, n, floats, column.Float64, program.ListMin, MinLists[float64], nil)
			checkPool(t, n, floats, column.Float64, program.ListMax, MaxLists[float64], nil)
			for mean, op := range map[bool]program.Op{false: program.ListSum, true: program.ListMean} {
				checkPool(t, n, floats, column.Float64, op, func(dst []float64, valid []uint64, l Lists[float64]) {
					SumFloatLists(dst, valid, l, mean)
				}, nil)
			}
			ints := Lists[int64]{Offsets: offsets, Index: index, Values: randomInts(rng, slots), Valid: valid}
			checkPool(t, n, ints, column.Int64, program.ListMin, MinLists[int64], nil)
			checkPool(t, n, ints, column.Int64, program.ListMax, MaxLists[int64], nil)
			ok := true
			sum := func(dst []int64, valid []uint64, l Lists[int64]) { ok = SumIntLists(dst, valid, l) }
			checkPool(t, n, ints, column.Int64, program.ListSum, sum, &ok)
		}
	}
}

// checkPool compares a kernel with the scalar meaning. ok: what the kernel says of
// overflow; the sums are then compared where there is none in any list.
func checkPool[T Number](t *testing.T, n int, l Lists[T], elem column.Type, op program.Op, kernel func([]T, []uint64, Lists[T]), ok *bool) {
	t.Helper()
	dst, check := guarded[T](t, n, 77)
	valid, checkBits := guarded[uint64](t, Words(n), 77)
	kernel(dst, valid, l)
	check()
	checkBits()
	failed := false
	for i := range dst {
		var list []program.Value
		for e := l.Offsets[i]; e < l.Offsets[i+1]; e++ {
			slot := l.slot(e)
			v := program.Value{Null: !present(l.Valid, slot), Int: int64(l.Values[slot]), Float: float64(l.Values[slot])}
			list = append(list, v)
		}
		want, err := program.Eval(op, elem, program.Imm{}, []column.Type{column.ListOf(elem)}, []program.Value{{List: list}}, nil)
		failed = failed || err != nil
		got := program.Value{Null: !present(valid, i), Int: int64(dst[i]), Float: float64(dst[i])}
		if err == nil && !program.EqualValues(elem, got, want) {
			t.Fatalf("%s%v is %+v, want %+v", op, list, got, want)
		}
	}
	if ok != nil && *ok == failed {
		t.Fatalf("%s: %d lists: ok %v, but the scalar meaning fails: %v", op, n, *ok, failed)
	}
	if rest := n & 63; rest != 0 && valid[n>>6]>>rest != 0 {
		t.Fatalf("%s: bits past the end of %d lists", op, n)
	}
}

func TestListLengths(t *testing.T) {
	dst, check := guarded[int64](t, 3, 77)
	ListLengths(dst, []uint32{0, 2, 2, 7})
	check()
	if !slices.Equal(dst, []int64{2, 0, 5}) {
		t.Errorf("lengths %v", dst)
	}
}
