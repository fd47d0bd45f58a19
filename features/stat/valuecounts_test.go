package stat

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand"
	"os"
	"slices"
	"testing"

	"quern/features/column"
)

// compareCells is the order that keys must have, by value.
func compareCells(t column.Type, a, b value) int {
	if a == nil || b == nil {
		return cmp.Compare(truth(a != nil), truth(b != nil))
	}
	switch t.Kind() {
	case column.Bools:
		return cmp.Compare(truth(a.(bool)), truth(b.(bool)))
	case column.Ints:
		return cmp.Compare(a.(int64), b.(int64))
	case column.Floats:
		x, y := a.(float64), b.(float64)
		if x != x || y != y { // NaN last
			return cmp.Compare(truth(x != x), truth(y != y))
		}
		return cmp.Compare(x+0, y+0)
	}
	return cmp.Compare(a.(string), b.(string))
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Keys order like tuples, are equal for equal tuples only, and decode to them.
func TestKeysOrderLikeTuples(t *testing.T) {
	r := rand.New(rand.NewSource(6))
	for range 3000 {
		types := make([]column.Type, 1+r.Intn(3))
		var a, b []byte
		var want int
		cells := make([]Cell, len(types))
		var rows []value
		for i := range types {
			types[i] = column.Types()[r.Intn(len(column.Types()))]
			x, y := pick(r, types[i]), pick(r, types[i])
			if r.Intn(2) == 0 {
				y = x
			}
			v := vector(types[i], []value{x, y})
			last := i == len(types)-1
			a, b = appendPart(a, &v, 0, last), appendPart(b, &v, 1, last)
			if want == 0 {
				want = compareCells(types[i], x, y)
			}
			rows = append(rows, x)
		}
		if got := bytes.Compare(a, b); got != want {
			t.Fatalf("%v: %x and %x compare %d, want %d", types, a, b, got, want)
		}
		if err := DecodeKey(types, a, cells); err != nil {
			t.Fatal(err)
		}
		for i, c := range cells {
			if back := cellValue(types[i], c); compareCells(types[i], back, rows[i]) != 0 {
				t.Fatalf("%v: %v decodes to %v", types[i], rows[i], back)
			}
		}
	}
}

func cellValue(t column.Type, c Cell) value {
	switch {
	case c.Null:
		return nil
	case t.Kind() == column.Bools:
		return c.Bool
	case t.Kind() == column.Ints:
		return c.Int
	case t.Kind() == column.Floats:
		return c.Float
	}
	return string(c.Str)
}

func TestDecodeKeyRefuses(t *testing.T) {
	s, f, i := column.String, column.Float64, column.Int32
	negativeZero := binary.BigEndian.AppendUint64([]byte{1}, uint64(orderFloat(math.Copysign(0, -1)))^1<<63)
	for name, c := range map[string]struct {
		types []column.Type
		key   []byte
	}{
		"nothing": {[]column.Type{i}, nil}, "a tag": {[]column.Type{s}, []byte{2}}, "too much": {[]column.Type{s}, []byte{0, 0}},
		"too little": {[]column.Type{f}, []byte{1, 2}}, "-0": {[]column.Type{f}, negativeZero},
		"wide": {[]column.Type{i}, appendIntKey(nil, 1<<40)}, "bool": {[]column.Type{column.Bool}, []byte{1, 2}},
		"open string": {[]column.Type{s, s}, []byte{1, 'a', 0}}, "escape": {[]column.Type{s, s}, []byte{1, 0, 7, 0, 0, 0}},
		"a NaN": {[]column.Type{f}, appendIntKey(nil, orderFloat(math.NaN())+1)},
	} {
		if err := DecodeKey(c.types, c.key, make([]Cell, 2)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Counts, totals and ranks against a map, with and without spilling.
func TestValueCountsTruth(t *testing.T) {
	dir := t.TempDir()
	for _, res := range budgets(dir) {
		for _, typ := range column.Types() {
			r := rand.New(rand.NewSource(9))
			v := must(t, Spec{Kind: KindValueCounts, Types: []column.Type{typ}}, res).(*ValueCounts)
			want := make(map[string]uint64)
			total, nulls := uint64(0), uint64(0)
			for range 5 {
				rows := make([]value, 40)
				for i := range rows {
					rows[i] = pick(r, typ)
					want[fmt.Sprint(plainValue(rows[i]))]++
					total++
					if rows[i] == nil {
						nulls++
					}
				}
				v.Observe([]column.Column{dictionary(r, typ, rows[:20])}, nil)
				v.Observe([]column.Column{plain(typ, rows[20:])}, nil)
			}
			if v.Len() != len(want) || v.Total() != total || v.NullCount() != nulls {
				t.Fatalf("%v: %d values %d rows %d nulls, want %d %d %d", typ, v.Len(), v.Total(), v.NullCount(), len(want), total, nulls)
			}
			var last []byte
			cell := make([]Cell, 1)
			err := v.Each(func(key []byte, count uint64) bool {
				if DecodeKey(v.Spec().Types, key, cell) != nil || want[fmt.Sprint(plainValue(cellValue(typ, cell[0])))] != count || last != nil && bytes.Compare(last, key) >= 0 {
					t.Errorf("%v: %x counts %d", typ, key, count)
				}
				last = bytes.Clone(key)
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			checkRanked(t, v)
		}
	}
}

// plainValue makes equal values print alike.
func plainValue(x value) value {
	if f, ok := x.(float64); ok {
		return f + 0
	}
	return x
}

// checkRanked compares Ranked with a sort of everything.
func checkRanked(t *testing.T, v *ValueCounts) {
	t.Helper()
	type entry struct {
		key   string
		count uint64
	}
	var all []entry
	v.Each(func(key []byte, count uint64) bool {
		if !isNull(key) {
			all = append(all, entry{string(key), count})
		}
		return true
	})
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.key, b.key))
	})
	for _, limit := range []int{0, 1, 2, 1000} {
		for _, least := range []uint64{0, 1, 5, 1 << 60} {
			keys, counts, err := v.Ranked(least, limit)
			want := all
			for len(want) > 0 && want[len(want)-1].count < least {
				want = want[:len(want)-1]
			}
			if limit > 0 {
				want = want[:min(limit, len(want))]
			}
			if err != nil || len(counts) != len(want) || keys.Len != len(want) || keys.Valid != nil {
				t.Fatalf("ranked %d %d: %d of %d, %v", least, limit, len(counts), len(want), err)
			}
			for i, w := range want {
				if key := appendPart(nil, &keys, i, true); string(key) != w.key || counts[i] != w.count {
					t.Fatalf("ranked %d %d: entry %d is %x %d, want %x %d", least, limit, i, key, counts[i], w.key, w.count)
				}
			}
		}
	}
}

// Enough values for several levels of runs; the runs leave no file behind.
func TestSpillMany(t *testing.T) {
	dir := t.TempDir()
	spec := Spec{Kind: KindValueCounts, Types: []column.Type{column.Int64}}
	free, tight := must(t, spec, Resources{}), must(t, spec, Resources{Bytes: 6000, Dir: dir}).(*ValueCounts)
	r := rand.New(rand.NewSource(1))
	for range 400 {
		x := make([]int64, 200)
		for i := range x {
			x[i] = int64(r.ExpFloat64() * 5000)
		}
		c := []column.Column{intColumn(column.Int64, x...)}
		free.Observe(c, nil)
		tight.Observe(c, nil)
	}
	levels := map[int]int{}
	for _, r := range tight.runs {
		levels[r.level]++
	}
	if levels[1] == 0 || levels[0] >= maxRuns {
		t.Errorf("runs per level: %v", levels)
	}
	sameBytes(t, "spilled", free, tight)
	checkRanked(t, tight)
	checkRanked(t, free.(*ValueCounts))
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("files left: %v %v", left, err)
	}
}

// A disk that fails or lies is an error of whatever reads next, never a wrong count.
func TestSpillErrors(t *testing.T) {
	spec := Spec{Kind: KindValueCounts, Types: []column.Type{column.Int64}}
	c := []column.Column{intColumn(column.Int64, 1, 2, 3)}
	gone := must(t, spec, Resources{Bytes: 1, Dir: t.TempDir() + "/gone"}).(*ValueCounts)
	gone.Observe(c, nil)
	if _, err := gone.AppendBinary(nil); err == nil {
		t.Error("no folder: bytes without an error")
	}
	other := must(t, spec, Resources{})
	if err := other.Merge(gone); err == nil {
		t.Error("no folder: merged without an error")
	}
	if _, err := other.AppendBinary(nil); err != nil {
		t.Errorf("a failed merge spoilt its target, which it had not changed: %v", err)
	}
	for at := range 40 {
		lies := must(t, spec, Resources{Bytes: 1, Dir: t.TempDir()}).(*ValueCounts)
		lies.Observe(c, nil)
		run := lies.runs[0]
		if int64(at) >= run.size {
			break
		}
		b := make([]byte, 1)
		run.file.ReadAt(b, int64(at))
		run.file.WriteAt([]byte{b[0] ^ 0x10}, int64(at))
		if _, _, err := lies.Ranked(0, 0); err == nil {
			t.Errorf("byte %d flipped: no error", at)
		}
	}
}
