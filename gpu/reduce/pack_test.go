//go:build linux && cuda && cgo

package reduce

import (
	"encoding/binary"
	"math"
	"math/rand"
	"quern/gpu/code"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// appendElement appends a row of a column as an element of a tensor; false: a null that
// has none.
func appendElement(b []byte, t code.Type, c *column.Column, row int) ([]byte, bool) {
	v, slot := &c.Values, c.Slot(row)
	if v.Null(slot) {
		switch t {
		case code.F32:
			return binary.LittleEndian.AppendUint32(b, 0x7fc00000), true
		case code.F64:
			return binary.LittleEndian.AppendUint64(b, 0x7ff8000000000000), true
		case code.Bool:
			return append(b, 0), false
		}
		return binary.LittleEndian.AppendUint64(b, 0), false
	}
	integer := int64(0)
	switch {
	case v.Type == column.Bool && v.Bools[slot]:
		integer = 1
	case v.Type.Kind() == column.Ints:
		integer = v.Int64s[slot]
	}
	switch x := float64(integer); t {
	case code.Bool:
		return append(b, byte(integer)), true
	case code.I64:
		return binary.LittleEndian.AppendUint64(b, uint64(integer)), true
	case code.F32:
		f := float32(integer)
		if v.Type.Real() {
			f = float32(v.Float64s[slot])
		}
		if f != f {
			return binary.LittleEndian.AppendUint32(b, 0x7fc00000), true
		}
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(f)), true
	default:
		if v.Type.Real() {
			x = v.Float64s[slot]
		}
		if x != x {
			return binary.LittleEndian.AppendUint64(b, 0x7ff8000000000000), true
		}
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(x)), true
	}
}

// fits returns a random column type that tensors of type t have.
func fits(r *rand.Rand, t code.Type) column.Type {
	switch t {
	case code.Bool:
		return column.Bool
	case code.I64:
		return []column.Type{column.Bool, column.Int32, column.Int64, column.Timestamp}[r.Intn(4)]
	}
	return []column.Type{column.Bool, column.Int32, column.Int64, column.Float32, column.Float64}[r.Intn(5)]
}

func TestPack(t *testing.T) {
	g := newRig(t)
	for _, typ := range []code.Type{code.Bool, code.I64, code.F32, code.F64} {
		for _, wide := range []int{1, 2, 32, 39, 127, 128, 300} {
			for _, n := range []int{0, 1, 33, 300} {
				var columns []column.Column
				for range wide {
					c := random(g.r, fits(g.r, typ), "any", n, g.r.Intn(4) == 0)
					if (typ == code.Bool || typ == code.I64) && g.r.Intn(200) > 0 {
						c.Values.Valid = nil
					}
					columns = append(columns, c)
				}
				var want []byte
				whole := true
				for row := range n {
					for i := range columns {
						var ok bool
						want, ok = appendElement(want, typ, &columns[i], row)
						whole = whole && ok
					}
				}
				out, fault := g.filled(len(want), 0xdd), g.filled(4, 0)
				g.launch("quern_pack", g.tasks(fault, Task{Rows: uint64(n), State: out, P: [9]uint64{g.columns(columns), uint64(wide), uint64(typ)}})...)
				raised := binary.LittleEndian.Uint32(g.get(fault, 4)) != 0
				if raised == whole || whole && string(g.get(out, len(want))) != string(want) {
					t.Fatalf("type %d, %d columns, %d rows: fault %v, wanted %v, or other elements", typ, wide, n, raised, !whole)
				}
				g.free()
			}
		}
	}
}

// lists returns random offsets.
func lists(r *rand.Rand, n int) (offsets []uint32) {
	offsets = []uint32{0}
	for range n {
		offsets = append(offsets, offsets[len(offsets)-1]+uint32(r.Intn(9)*r.Intn(2)*(1+10*(r.Intn(50)/49))))
	}
	return offsets
}

func words32(v []uint32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

// cutLists is what list_slice and then list_pad make: new offsets and the element of each
// place, or -1.
func cutLists(offsets []uint32, start, end int64, length int, before bool) (cut []uint32, from []int) {
	cut = []uint32{0}
	for i := range offsets[1:] {
		lo, hi := program.SliceBounds(int(offsets[i+1]-offsets[i]), start, end)
		missing := max(0, length-(hi-lo))
		pad := func(yes bool) {
			for range missing {
				if yes {
					from = append(from, -1)
				}
			}
		}
		pad(before)
		for e := lo; e < hi; e++ {
			from = append(from, int(offsets[i])+e)
		}
		pad(!before)
		cut = append(cut, uint32(len(from)))
	}
	return cut, from
}

func TestLists(t *testing.T) {
	g := newRig(t)
	for _, n := range sizes() {
		for range 3 {
			offsets := lists(g.r, n)
			e := random(g.r, column.Int64, "any", int(offsets[n]), g.r.Intn(2) == 0)
			start, end, length := int64(g.r.Intn(12)-6), int64(g.r.Intn(12)-6), g.r.Intn(7)
			if g.r.Intn(3) == 0 {
				start, end = 0, math.MaxInt64
			}
			before := g.r.Intn(2) == 0
			cut, from := cutLists(offsets, start, end, length, before)
			task := Task{X: g.column(&e, false), Rows: uint64(n), State: g.filled(4*(n+1), 0xdd)}
			task.P = [9]uint64{g.put(words32(offsets)), uint64(start), uint64(end), uint64(length), 0, g.filled(8*16, 0xdd), g.filled(8, 0)}
			if before {
				task.P[4] = 1
			}
			grid := 1 + g.r.Intn(16)
			args := g.tasks(0, task)
			g.launchOn("quern_list_count", grid, args...)
			g.launchOn("quern_list_offsets", grid, args...)
			if string(g.get(task.State, 4*(n+1))) != string(words32(cut)) || word(g.get(task.P[6], 8), 0) != uint64(len(from)) {
				t.Fatalf("%d lists: other offsets", n)
			}
			want := make([]uint32, len(from))
			for i, k := range from {
				if want[i] = 4242; k >= 0 {
					want[i] = uint32(e.Slot(k))
				}
			}
			task.P[5], task.P[6], task.State = task.State, 4242, g.filled(4*len(from), 0xdd)
			g.run("quern_list_index", task)
			if string(g.get(task.State, 4*len(from))) != string(words32(want)) {
				t.Fatalf("%d lists: other elements", n)
			}
			g.free()
		}
	}
}

func TestListMatrix(t *testing.T) {
	g := newRig(t)
	for _, typ := range []code.Type{code.Bool, code.I64, code.F32, code.F64} {
		for _, width := range []int{1, 7, 32, 300} {
			for _, n := range []int{0, 1, 33, 300} {
				offsets := lists(g.r, n)
				e := random(g.r, fits(g.r, typ), "any", int(offsets[n]), g.r.Intn(2) == 0)
				if typ == code.Bool || typ == code.I64 {
					e.Values.Valid = nil
				}
				before := uint64(g.r.Intn(2))
				_, from := cutLists(offsets, 0, int64(width), width, before == 1)
				fill := column.Column{Len: 1, Values: Values(e.Type(), []uint64{element(g.r, e.Type(), "normal")})}
				null := uint64(0)
				if (typ == code.F32 || typ == code.F64) && g.r.Intn(2) == 0 {
					null, fill.Values.Valid = 1, column.NewBitmap(1)
				}
				var want []byte
				for _, k := range from {
					if k < 0 {
						want, _ = appendElement(want, typ, &fill, 0)
					} else {
						want, _ = appendElement(want, typ, &e, k)
					}
				}
				out, fault := g.filled(len(want), 0xdd), g.filled(4, 0)
				f := g.column(&fill, false)
				bits := uint64(0)
				for i, b := range g.get(f.Values, 8-7*(map[bool]int{true: 1}[f.Type == code.Bool])) {
					bits |= uint64(b) << (8 * i)
				}
				task := Task{X: g.column(&e, true), Rows: uint64(n), State: out}
				task.P = [9]uint64{g.put(words32(offsets)), 0, uint64(width), uint64(width), before, uint64(width), bits, null, uint64(typ)}
				g.launch("quern_list_matrix", g.tasks(fault, task)...)
				if binary.LittleEndian.Uint32(g.get(fault, 4)) != 0 || string(g.get(out, len(want))) != string(want) {
					t.Fatalf("%v as type %d, width %d, %d lists: fault or other elements: %x %x, fill %x null %d", e.Type(), typ, width, n, g.get(out, len(want)), want, bits, null)
				}
				g.free()
			}
		}
	}
}
