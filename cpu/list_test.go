package cpu

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/features/program/programtest"
	"quern/features/stat"
)

// Programs over lists equal the scalar meaning, in every encoding of the elements and
// with faults; every operation takes part on lists.
func TestListDifferential(t *testing.T) {
	used := map[program.Op]bool{program.Load: true, program.Const: true}
	all := len(program.Ops())
	for seed := uint64(0); seed < 150 || len(used) < all && seed < 5000; seed++ {
		rng := newRand(seed)
		random := programtest.Random
		if seed%3 == 0 {
			random = programtest.RandomFaulty
		}
		p := random(rng, programtest.ListSchema(rng, 5))
		observeOutputs(p)
		for i, in := range p.Code {
			for _, typ := range p.ArgTypes(program.Register(i)) {
				used[in.Op] = used[in.Op] || typ.IsList()
			}
		}
		s := start(t, p, []int{64, 128, 2048}[seed%3])
		in := programtest.RandomBatch(rng, p.Inputs, pickSize(rng, seed))
		inPlain, inCoded := reencode(in)
		for _, batch := range []column.Batch{in, inPlain, inCoded, programtest.RandomBatch(rng, p.Inputs, pickSize(rng, seed))} {
			check(t, seed, s, batch)
		}
	}
	for _, op := range program.Ops() {
		if !used[op] {
			t.Errorf("%s took no part on lists", op)
		}
	}
}

// listColumn returns a column of lists of texts, dictionary-coded if index is given.
func listColumn(offsets []uint32, index []int32, texts ...string) column.Column {
	elements := column.Column{Len: len(texts), Values: column.Vector{Type: column.String}, Index: index}
	for _, s := range texts {
		program.AppendStored(&elements.Values, program.Value{Str: []byte(s)})
	}
	if index != nil {
		elements.Len = len(index)
	}
	n := len(offsets) - 1
	return column.Column{Len: n, Values: column.Vector{Type: column.ListOf(column.String), Len: n, Offsets: offsets, Elements: &elements}}
}

func batchOf(c column.Column) column.Batch {
	return column.Batch{Rows: c.Len, Columns: []column.Column{c}}
}

// What leaves of lists shares the memory that the package promises.
func TestListForms(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.ListOf(column.String)}})
	s := b.Load(0)
	slice := b.Emit(program.ListSlice, program.Imm{Int: 1, Extra: 3}, s)
	pad := b.Emit(program.ListPad, program.Imm{Int: 2}, slice, b.ConstString("-"))
	b.Output("same", s, program.RoleKeep)
	b.Output("mapped", b.Emit(program.Length, program.Imm{}, s), program.RoleFeature)
	b.Output("sliced", slice, program.RoleFeature)
	b.Output("padded", pad, program.RoleFeature)
	b.Output("first", b.Emit(program.ListAt, program.Imm{}, s), program.RoleFeature)
	b.Output("length", b.Emit(program.ListLength, program.Imm{}, s), program.RoleFeature)
	session := start(t, b.Finish(), 64)

	in := batchOf(listColumn([]uint32{0, 3, 3, 5}, []int32{2, 0, 1, 1, 0}, "a", "bc", "def"))
	check(t, 0, session, in)
	out, err := session.Run(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	input := &in.Columns[0].Values
	same, mapped := &out.Columns[0].Values, &out.Columns[1].Values
	if same.Elements != input.Elements || &same.Offsets[0] != &input.Offsets[0] {
		t.Error("kept lists are not the input's memory")
	}
	if &mapped.Offsets[0] != &input.Offsets[0] || &mapped.Elements.Index[0] != &input.Elements.Index[0] || mapped.Elements.Values.Len != 3 {
		t.Errorf("what is computed per slot does not share shape and index: %+v", mapped)
	}
	sliced := &out.Columns[2].Values
	if !reflect.DeepEqual(sliced.Offsets, []uint32{0, 2, 2, 3}) || !reflect.DeepEqual(sliced.Elements.Index, []int32{0, 1, 0}) ||
		&sliced.Elements.Values.Text.Bytes[0] != &input.Elements.Values.Text.Bytes[0] {
		t.Errorf("a slice is not a new index into the same slots: %+v", sliced.Elements)
	}
	padded := &out.Columns[3].Values
	if !reflect.DeepEqual(padded.Elements.Index, []int32{0, 1, 3, 3, 0, 3}) || padded.Elements.Values.Len != 4 || padded.Valid != nil {
		t.Errorf("padding is not a slot more: %+v", padded.Elements)
	}
	first, length := &out.Columns[4], &out.Columns[5]
	if !reflect.DeepEqual(first.Index, []int32{2, 3, 1}) || !first.Null(1) {
		t.Errorf("an element of each list is not a dictionary: %+v", first)
	}
	if length.Dict() || !reflect.DeepEqual(length.Values.Int64s, []int64{3, 0, 2}) {
		t.Errorf("lengths are not plain: %+v", length)
	}

	// Plain elements stay plain, also behind what chooses from them.
	in = batchOf(listColumn([]uint32{0, 1, 3}, nil, "a", "bc", "def"))
	check(t, 0, session, in)
	if out, err = session.Run(in, nil); err != nil {
		t.Fatal(err)
	}
	for i, c := range out.Columns {
		if c.Dict() || c.Type().IsList() && c.Values.Elements.Dict() {
			t.Errorf("output %d of plain elements is a dictionary", i)
		}
	}
}

// Only elements that a row uses fault: not slots that none has, nor those that a slice
// has left out. The error names the first row and the element.
func TestListFaults(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.ListOf(column.String)}})
	slice := b.Emit(program.ListSlice, program.Imm{Int: 0, Extra: 2}, b.Load(0))
	b.Output("n", b.Emit(program.ParseInt, program.Imm{}, slice), program.RoleFeature)
	session := start(t, b.Finish(), 64)
	for _, index := range [][]int32{nil, {0, 1, 2, 0, 1, 3}} {
		texts := []string{"1", "2", "x", "3", "4", "5"}
		if index != nil {
			texts = []string{"1", "2", "x", "3", "y"}
		}
		in := batchOf(listColumn([]uint32{0, 3, 3, 6}, index, texts...))
		check(t, 0, session, in)
		if _, err := session.Run(in, nil); err != nil {
			t.Fatalf("a fault where no row has one: %v", err)
		}
		in.Columns[0].Values.Offsets = []uint32{0, 0, 2, 6}
		check(t, 0, session, in)
		_, err := session.Run(in, nil)
		want := &program.RowError{Register: 2, Row: 2, Reason: `element 0: "x" is not an integer of 64 bits`}
		if !reflect.DeepEqual(err, want) {
			t.Fatalf("error %#v, want %#v", err, want)
		}
	}
}

// A dictionary of elements with far more slots than elements is read through its index,
// as are the elements that are chosen from it.
func TestCrowdedElements(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.ListOf(column.String)}})
	pad := b.Emit(program.ListPad, program.Imm{Int: 2, Extra: 1}, b.Load(0), b.ConstNull(column.String))
	b.Output("upper", b.Emit(program.Upper, program.Imm{}, pad), program.RoleFeature)
	b.Output("last", b.Emit(program.ListAt, program.Imm{Int: -1}, pad), program.RoleFeature)
	p := b.Finish()
	observeOutputs(p)
	session := start(t, p, 64)
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = fmt.Sprint("word ", i)
	}
	in := batchOf(listColumn([]uint32{0, 0, 1, 4}, []int32{99, 3, 3, 50}, texts...))
	check(t, 0, session, in)
	into := []stat.Statistic{&counter{}, &counter{}, &counter{}}
	out, err := session.Run(in, into)
	if err != nil || out.Columns[0].Values.Elements.Dict() || out.Columns[0].Values.Elements.Len != 7 {
		t.Errorf("unused slots were evaluated: %+v, %v", out.Columns[0], err)
	}
	check(t, 0, session, batchOf(listColumn([]uint32{0}, []int32{}, texts...)))
	check(t, 0, session, batchOf(listColumn([]uint32{0, 0, 0}, []int32{}, texts...)))
}

// Lists that one index cannot hold are an error. The limit is lowered for it.
func TestTooManyElements(t *testing.T) {
	for _, op := range []program.Op{program.ListPad, program.ListSlice} {
		b := program.NewBuilder(column.Schema{{Name: "s", Type: column.ListOf(column.String)}})
		r := b.Load(0)
		if op == program.ListPad {
			r = b.Emit(op, program.Imm{Int: 3}, r, b.ConstString(""))
		} else {
			r = b.Emit(op, program.Imm{Extra: 3}, r)
		}
		b.Output("r", r, program.RoleFeature)
		s := start(t, b.Finish(), 64)
		in := batchOf(listColumn([]uint32{0, 3}, nil, "a", "b", "c"))
		if op == program.ListPad {
			in = batchOf(listColumn([]uint32{0, 1}, nil, "a"))
		}
		for _, most := range []int{3, 2} {
			s.most = most
			_, err := s.Run(in, nil)
			var long *diag.Error
			if errors.As(err, &long) != (most == 2) || long != nil && long.Code != "Q482" {
				t.Fatalf("%s: limit %d: error %v", op, most, err)
			}
		}
	}
}

// A padding value that the strings have no room for is an error too.
func TestPadTooLong(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.ListOf(column.String)}})
	pad := b.Emit(program.ListPad, program.Imm{Int: 3}, b.Load(0), b.ConstString("abcd"))
	b.Output("n", b.Emit(program.Length, program.Imm{}, pad), program.RoleFeature)
	s := start(t, b.Finish(), 64)
	in := batchOf(listColumn([]uint32{0, 1}, nil, "a"))
	for _, limit := range []int{5, 4} {
		s.limit = limit
		if _, err := s.Run(in, nil); (err != nil) != (limit == 4) {
			t.Fatalf("limit %d: error %v", limit, err)
		}
	}
}

// Bytes behind the last string, which some reader may leave, are no part of what is
// padded.
func TestPadSpareBytes(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.ListOf(column.String)}})
	pad := b.Emit(program.ListPad, program.Imm{Int: 3}, b.Load(0), b.ConstString("abcd"))
	b.Output("s", pad, program.RoleFeature)
	for _, index := range [][]int32{nil, {0, 0}} {
		in := batchOf(listColumn([]uint32{0, 1, 2}, index, "a", "b"))
		text := &in.Columns[0].Values.Elements.Values.Text
		text.Bytes = append(text.Bytes, "spare"...)
		check(t, 0, start(t, b.Finish(), 64), in)
	}
}

// Lists that are not what columns say they are, are a bug of the caller.
func TestIllFormedLists(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.ListOf(column.String)}})
	b.Output("s", b.Load(0), program.RoleKeep)
	p := b.Finish()
	for name, damage := range map[string]func(c *column.Column){
		"nothing":            func(*column.Column) {},
		"dictionary":         func(c *column.Column) { c.Index = make([]int32, c.Len) },
		"too few offsets":    func(c *column.Column) { c.Values.Offsets = c.Values.Offsets[1:] },
		"first offset":       func(c *column.Column) { c.Values.Offsets = []uint32{1, 2, 3} },
		"last offset":        func(c *column.Column) { c.Values.Offsets = []uint32{0, 1, 2} },
		"decreasing offsets": func(c *column.Column) { c.Values.Offsets = []uint32{0, 4, 3} },
		"null with elements": func(c *column.Column) { c.Values.Valid = column.Bitmap{0b01} },
		"no elements":        func(c *column.Column) { c.Values.Elements = nil },
		"too few slots":      func(c *column.Column) { c.Values.Elements.Len = 4; c.Values.Offsets = []uint32{0, 1, 4} },
		"short index":        func(c *column.Column) { c.Values.Elements.Index = []int32{0} },
		"other elements":     func(c *column.Column) { c.Values.Elements.Values.Type = column.Int64 },
		"lists of lists": func(c *column.Column) {
			inner := *c
			c.Values.Elements = &inner
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text, _ := recover().(string)
				if strings.HasPrefix(text, "quern: bug: cpu: ") == (name == "nothing") {
					t.Errorf("recovered %q", text)
				}
			}()
			in := batchOf(listColumn([]uint32{0, 1, 3}, nil, "a", "b", "c"))
			damage(&in.Columns[0])
			start(t, p, 64).Run(in, nil)
		})
	}
}
