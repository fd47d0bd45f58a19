package kernel

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// randomTexts returns n strings that lie anywhere in one memory; those that valid
// clears have bounds that reach outside of it.
func randomTexts(rng *rand.Rand, n int, valid []uint64) *Views {
	v := &Views{Start: make([]uint32, n), End: make([]uint32, n)}
	for range 400 {
		v.Bytes = append(v.Bytes, " aB,é\xffz,0"[rng.IntN(10)])
	}
	for i := range n {
		a, b := uint32(rng.IntN(400)), uint32(rng.IntN(20))
		v.Start[i], v.End[i] = a, min(a+b, 400)
		if !present(valid, i) {
			v.Start[i], v.End[i] = 1<<31, 7
		}
	}
	return v
}

// result returns guarded views of n slots with a few bytes already in their memory.
func result(t *testing.T, n int) (*Views, func()) {
	start, checkStart := guarded[uint32](t, n, 77)
	end, checkEnd := guarded[uint32](t, n, 77)
	return &Views{Bytes: []byte("before"), Start: start, End: end}, func() {
		t.Helper()
		checkStart()
		checkEnd()
	}
}

// Kernels that make strings make those of the scalar functions, and leave null
// slots alone.
func TestTexts(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		valid := randomBits(rng, n)
		a, b, c := randomTexts(rng, n, valid), randomTexts(rng, n, valid), randomTexts(rng, n, valid)
		starts, lengths := randomInts(rng, n), randomInts(rng, n)
		choice := make([]uint64, Words(n))
		PackBools(choice, randomBools(rng, n))
		var missing []int32
		kernels := map[string]struct {
			run  func(dst *Views)
			want func(i int) []byte
		}{
			"lower": {func(d *Views) { AppendTexts(d, a, valid, program.AppendLower) },
				func(i int) []byte { return program.AppendLower(nil, a.At(i)) }},
			"format": {func(d *Views) {
				FormatTexts(d, starts, valid, func(s []byte, x int64) []byte { return program.AppendTime(s, column.Datetime, x) })
			}, func(i int) []byte { return program.AppendTime(nil, column.Datetime, starts[i]) }},
			"copy": {func(d *Views) { CopyTexts(d, a) }, a.At},
			"choose": {func(d *Views) { ChooseTexts(d, choice, a, b, valid) }, func(i int) []byte {
				if present(choice, i) {
					return a.At(i)
				}
				return b.At(i)
			}},
			"trim": {func(d *Views) { TrimTexts(d, a, valid) }, func(i int) []byte { return program.TrimText(a.At(i)) }},
			"substr": {func(d *Views) { SubstrTexts(d, a, starts, lengths, valid) },
				func(i int) []byte { return program.SubstrText(a.At(i), starts[i], lengths[i]) }},
			"split": {func(d *Views) { missing = SplitTexts(d, a, b, 1, valid, missing[:0]) }, func(i int) []byte {
				field, ok := program.SplitField(a.At(i), b.At(i), 1)
				if !ok {
					return nil
				}
				return field
			}},
			"concat": {func(d *Views) { ConcatTexts(d, []*Views{a, b, c}, valid, nil) },
				func(i int) []byte { return slices.Concat(a.At(i), b.At(i), c.At(i)) }},
			"replace": {func(d *Views) { ReplaceTexts(d, a, b, c, valid, nil) },
				func(i int) []byte { return bytes.ReplaceAll(a.At(i), orNever(b.At(i)), c.At(i)) }},
		}
		for name, k := range kernels {
			dst, check := result(t, n)
			k.run(dst)
			check()
			for i := range n {
				if !present(valid, i) || name == "split" && slices.Contains(missing, int32(i)) {
					continue
				}
				if got, want := dst.At(i), k.want(i); string(got) != string(want) {
					t.Fatalf("%s: %d slots: slot %d is %q, want %q", name, n, i, got, want)
				}
			}
		}
		for _, slot := range missing {
			if _, ok := program.SplitField(a.At(int(slot)), b.At(int(slot)), 1); ok {
				t.Fatalf("slot %d is not missing", slot)
			}
		}
		checkReads(t, n, a, b, valid)
	}
}

// orNever returns a string that is nowhere instead of an empty one, which
// bytes.ReplaceAll would find everywhere.
func orNever(s []byte) []byte {
	if len(s) == 0 {
		return []byte("never")
	}
	return s
}

// checkReads checks the kernels that read strings.
func checkReads(t *testing.T, n int, a, b *Views, valid []uint64) {
	t.Helper()
	bools, checkBools := guarded(t, n, true)
	CompareTexts(bools, a, b, valid, bytes.HasPrefix)
	checkBools()
	lengths, checkLengths := guarded[int64](t, n, 77)
	ReadTexts(lengths, a, valid, program.LengthText)
	checkLengths()
	numbers, checkNumbers := guarded[int64](t, n, 77)
	failed := ParseTexts(numbers, a, valid, program.ParseIntText, nil)
	checkNumbers()
	packed, ends := PackTexts(nil, nil, a, valid)
	if len(ends) != n {
		t.Fatalf("%d ends of %d strings", len(ends), n)
	}
	from := uint32(0)
	for i := range n {
		text := packed[from:ends[i]]
		from = ends[i]
		if !present(valid, i) {
			if bools[i] || len(text) > 0 || slices.Contains(failed, int32(i)) {
				t.Fatalf("null slot %d was read", i)
			}
			continue
		}
		number, ok := program.ParseIntText(a.At(i))
		if bools[i] != bytes.HasPrefix(a.At(i), b.At(i)) || lengths[i] != program.LengthText(a.At(i)) ||
			string(text) != string(a.At(i)) || ok == slices.Contains(failed, int32(i)) || ok && number != numbers[i] {
			t.Fatalf("slot %d, %q: %v, %d, %q, %d", i, a.At(i), bools[i], lengths[i], text, numbers[i])
		}
	}
}

// A string that grows beyond the limit is listed, but for a single part.
func TestLongTexts(t *testing.T) {
	half := &Views{Bytes: make([]byte, program.MaxText/2+1), Start: []uint32{0, 0}, End: []uint32{program.MaxText/2 + 1, 3}}
	dst, _ := result(t, 2)
	if failed := ConcatTexts(dst, []*Views{half, half}, nil, nil); !slices.Equal(failed, []int32{0}) || len(dst.At(1)) != 6 {
		t.Errorf("concat failed in %v", failed)
	}
	zero := &Views{Bytes: []byte{0, 'a', 'b', 'c'}, Start: []uint32{0, 0}, End: []uint32{1, 1}}
	long := &Views{Bytes: zero.Bytes, Start: []uint32{1, 1}, End: []uint32{4, 4}}
	if failed := ReplaceTexts(dst, half, zero, long, nil, nil); !slices.Equal(failed, []int32{0}) || string(dst.At(1)) != "abcabcabc" {
		t.Errorf("replace failed in %v", failed)
	}
}

// Gathers bring each row its slot.
func TestGathers(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		index := make([]int32, n)
		for i := range index {
			index[i] = int32(rng.IntN(50))
		}
		small, offsets := make([]int32, 50), make([]uint32, 51)
		for i := range small {
			small[i], offsets[i+1] = int32(rng.Uint32()), uint32(3*i+1)
		}
		same, check := guarded[int32](t, n, 77)
		Gather(same, small, index)
		check()
		wide, checkWide := guarded[int64](t, n, 77)
		GatherWide(wide, small, index)
		checkWide()
		views, checkViews := result(t, n)
		GatherOffsets(views.Start, views.End, offsets, index)
		checkViews()
		counts, checkCounts := guarded[uint64](t, 50, 77)
		clear(counts)
		Count(counts, index)
		checkCounts()
		for i, slot := range index {
			if same[i] != small[slot] || wide[i] != int64(small[slot]) || views.Start[i] != offsets[slot] || views.End[i] != offsets[slot+1] {
				t.Fatalf("row %d", i)
			}
			counts[slot]--
		}
		if slices.Max(counts) != 0 {
			t.Fatalf("counts are off by %v", counts)
		}
	}
}
