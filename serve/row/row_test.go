package row_test

import (
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/row"
	"quern/serve/row/rowtest"
)

func layout(t testing.TB, s row.Schema) *row.Layout {
	t.Helper()
	l, err := row.NewLayout(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestCellsAreWhatWasEncoded compares every cell, key, time and gathered column of random
// tables with what the columns say.
func TestCellsAreWhatWasEncoded(t *testing.T) {
	var rows row.Rows // reused, so that what is left of the table before would be seen
	var g row.Gatherer
	vectors := map[column.Type]*column.Vector{}
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := rowtest.Schema(rnd)
		l := layout(t, s)
		in := rowtest.Table(rnd, s, []int{0, 1, 2, 63, 64, 65, 130}[rnd.IntN(7)], 50)
		if err := l.Encode(in, &rows); err != nil {
			t.Fatal(err)
		}
		if rows.Len() != in.Rows || rows.NullKeys != 0 || rows.FirstNullKey != -1 {
			t.Fatalf("seed %d: %d rows, %d null keys", seed, rows.Len(), rows.NullKeys)
		}
		var keys row.Keys
		keys.Reset(l)
		all := make([]row.Row, in.Rows+1) // and one that is missing
		for r := range in.Rows {
			all[r] = rows.At(r)
			rowtest.Put(&keys, in, r)
			checkRow(t, seed, l, in, all[r], r)
			if string(keys.Key(r)) != string(l.Key(all[r])) {
				t.Fatalf("seed %d: row %d: key %x, not %x", seed, r, l.Key(all[r]), keys.Key(r))
			}
		}
		g.Start(l, all)
		for f, field := range s.Fields {
			v := vectors[field.Type]
			if v == nil {
				v = &column.Vector{}
				vectors[field.Type] = v
			}
			checkGathered(t, seed, &g, f, v, in)
		}
		for r, event := range g.Events(nil) {
			if want := int64(math.MinInt64); r < in.Rows && event != l.Event(all[r]) || r == in.Rows && event != want {
				t.Fatalf("seed %d: event of row %d is %d", seed, r, event)
			}
		}
	}
}

func checkRow(t *testing.T, seed uint64, l *row.Layout, in row.Input, one row.Row, r int) {
	t.Helper()
	for f, c := range in.Fields {
		got, err := rowtest.Cell(l, one, f)
		if want := rowtest.Value(c, r); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: row %d field %d (%v): %v, %v, not %v", seed, r, f, c.Type(), got, err, want)
		}
	}
	if err := l.Check(one); err != nil {
		t.Fatalf("seed %d: row %d does not pass its check", seed, r)
	}
	want := int64(row.NoTime)
	if v, ok := rowtest.Value(in.Event, r).(int64); ok && l.Schema().Time {
		want = v
		if in.Event.Type() == column.Date {
			want *= 86_400_000_000
		}
	}
	if l.Event(one) != want {
		t.Fatalf("seed %d: row %d: event %d, not %d", seed, r, l.Event(one), want)
	}
	seq := in.Seq
	if in.Numbered {
		seq += uint64(r)
	}
	if l.Seq(one) != seq {
		t.Fatalf("seed %d: row %d: sequence %d, not %d", seed, r, l.Seq(one), seq)
	}
}

// checkGathered gathers field f; the row behind the last one is missing.
func checkGathered(t *testing.T, seed uint64, g *row.Gatherer, f int, v *column.Vector, in row.Input) {
	t.Helper()
	if _, err := g.Field(f, v, nil); err != nil {
		t.Fatal(err)
	}
	c := &column.Column{Len: v.Len, Values: *v}
	if v.Len != in.Rows+1 || !c.Null(in.Rows) {
		t.Fatalf("seed %d: field %d: a missing row is not null", seed, f)
	}
	for r := range in.Rows {
		if got, want := rowtest.Value(c, r), rowtest.Value(in.Fields[f], r); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: field %d row %d (%v): gathered %v, not %v", seed, f, r, v.Type, got, want)
		}
	}
}

// TestValidIsNilWithoutNulls: encoders have a quick way for columns without nulls.
func TestValidIsNilWithoutNulls(t *testing.T) {
	l := layout(t, row.Schema{Keys: fields("k", column.Int64), Fields: fields("a", column.Float32, "b", column.Float32)})
	some := column.NewBitmap(2)
	some.Set(1)
	in := row.Input{Rows: 2, Keys: []*column.Column{ints(1, 2)}, Fields: []*column.Column{floats(nil, 1, 2), floats(some, 1, 2)}}
	var rows row.Rows
	if err := l.Encode(in, &rows); err != nil {
		t.Fatal(err)
	}
	var g row.Gatherer
	g.Start(l, []row.Row{rows.At(0), rows.At(1)})
	var a, b column.Vector
	kept, _ := g.Field(0, &a, nil)
	if a.Valid != nil || kept != nil {
		t.Error("a column without nulls has bits")
	}
	kept, _ = g.Field(1, &b, make(column.Bitmap, 4))
	if b.Valid == nil || !b.Null(0) || b.Null(1) || len(kept) != 1 {
		t.Errorf("valid %v, kept %v", b.Valid, kept)
	}
	if again, _ := g.Field(0, &b, kept); b.Valid != nil || len(again) != 1 {
		t.Errorf("a column without nulls has the bits of the one before, or their memory is lost: %v", again)
	}
}

// TestGatherAllocatesNothing: in the steady state.
func TestGatherAllocatesNothing(t *testing.T) {
	l := layout(t, row.Schema{Keys: fields("k", column.Int64), Fields: fields("a", column.Float32, "s", column.String)})
	in := row.Input{Rows: 2, Keys: []*column.Column{ints(1, 2)}, Fields: []*column.Column{floats(nil, 1, 2), texts("x", "yy")}}
	var rows row.Rows
	if err := l.Encode(in, &rows); err != nil {
		t.Fatal(err)
	}
	all := []row.Row{rows.At(0), rows.At(1), {}}
	var g row.Gatherer
	var v [2]column.Vector
	var valid [2]column.Bitmap
	var events []int64
	if n := testing.AllocsPerRun(100, func() {
		g.Start(l, all)
		events = g.Events(events)
		for f := range v {
			valid[f], _ = g.Field(f, &v[f], valid[f])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func fields(of ...any) []column.Field {
	var all []column.Field
	for i := 0; i < len(of); i += 2 {
		all = append(all, column.Field{Name: of[i].(string), Type: of[i+1].(column.Type)})
	}
	return all
}

func ints(v ...int64) *column.Column {
	return &column.Column{Len: len(v), Values: column.Vector{Type: column.Int64, Len: len(v), Int64s: v}}
}

func floats(valid column.Bitmap, v ...float32) *column.Column {
	return &column.Column{Len: len(v), Values: column.Vector{Type: column.Float32, Len: len(v), Float32s: v, Valid: valid}}
}

func texts(v ...string) *column.Column {
	c := &column.Column{Len: len(v), Values: column.Vector{Type: column.String, Len: len(v)}}
	for _, s := range v {
		c.Values.Text.Append([]byte(s))
	}
	return c
}

// TestBytesOfARow pins layout version 1, byte by byte.
func TestBytesOfARow(t *testing.T) {
	l := layout(t, row.Schema{
		Keys:   fields("k", column.String, "n", column.Int32),
		Fields: fields("a", column.Float32, "b", column.Bool, "s", column.String, "l", column.ListOf(column.Int32), "t", column.ListOf(column.String)),
		Time:   true,
	})
	valid := column.NewBitmap(3)
	valid.Set(0)
	valid.Set(2)
	in := row.Input{
		Rows: 1, Seq: 9, Event: ints(0x0102), Created: ints(5),
		Keys: []*column.Column{texts("ab"), {Len: 1, Values: column.Vector{Type: column.Int32, Len: 1, Int32s: []int32{-2}}}},
		Fields: []*column.Column{
			floats(nil, 1.5),
			{Len: 1, Values: column.Vector{Type: column.Bool, Len: 1, Bools: []bool{true}, Valid: column.NewBitmap(1)}},
			texts("hi"),
			{Len: 1, Values: column.Vector{Type: column.ListOf(column.Int32), Len: 1, Offsets: []uint32{0, 3},
				Elements: &column.Column{Len: 3, Values: column.Vector{Type: column.Int32, Len: 3, Int32s: []int32{7, 8, 9}, Valid: valid}}}},
			{Len: 1, Values: column.Vector{Type: column.ListOf(column.String), Len: 1, Offsets: []uint32{0, 2}, Elements: texts("x", "yz")}},
		},
	}
	in.Event.Values.Type, in.Created.Values.Type = column.Timestamp, column.Timestamp
	var rows row.Rows
	if err := l.Encode(in, &rows); err != nil {
		t.Fatal(err)
	}
	fixed := []string{
		"0201000000000000", "0500000000000000", "0900000000000000", // event, created, sequence
		"0000000000000000", "32000000", "10000000", // base, 50 bytes of heap, of them 16 of key
		"0200000000000000", // nulls: field 1
		"0000c03f", "00",   // a, b
		"1000000002000000", // s: 2 bytes at 16
		"1200000011000000", // l: 17 bytes at 18
		"230000000f000000", // t: 15 bytes at 35
	}
	heap := []string{
		"02", "02000000", "6162", "01", "feffffffffffffff", // key
		"6869",                                       // s
		"07000000", "02", "070000000000000009000000", // l: 3 elements, the second null
		"04000000", "01000000", "03000000", "78797a", // t
	}
	got := rows.At(0)
	if want := strings.Join(fixed, ""); !strings.HasPrefix(hex.EncodeToString(got.Fixed), want) || strings.Trim(hex.EncodeToString(got.Fixed)[len(want):], "0") != "" {
		t.Errorf("fixed\n%x, not\n%s", got.Fixed, want)
	}
	if want := strings.Join(heap, ""); hex.EncodeToString(got.Heap) != want {
		t.Errorf("heap\n%x, not\n%s", got.Heap, want)
	}
}

// TestKeysOfEqualValuesAreEqual: int32 and int64 keys are looked up alike.
func TestKeysOfEqualValuesAreEqual(t *testing.T) {
	for _, v := range []int64{0, 1, -1, math.MaxInt32, math.MinInt32} {
		a := ints(v)
		b := &column.Column{Len: 1, Values: column.Vector{Type: column.Int32, Len: 1, Int32s: []int32{int32(v)}}}
		var ra, rb row.Rows
		la, lb := layout(t, row.Schema{Keys: fields("k", column.Int64)}), layout(t, row.Schema{Keys: fields("k", column.Int32)})
		if err := errors.Join(la.Encode(row.Input{Rows: 1, Keys: []*column.Column{a}}, &ra), lb.Encode(row.Input{Rows: 1, Keys: []*column.Column{b}}, &rb)); err != nil {
			t.Fatal(err)
		}
		if x, y := la.Key(ra.At(0)), lb.Key(rb.At(0)); string(x) != string(y) {
			t.Errorf("%d: %x and %x", v, x, y)
		}
	}
}

// TestRowsWithoutAKeyAreLeftOut, and counted.
func TestRowsWithoutAKeyAreLeftOut(t *testing.T) {
	l := layout(t, row.Schema{Keys: fields("k", column.Int64), Fields: fields("s", column.String)})
	k := ints(1, 2, 3, 4)
	k.Values.Valid = column.Bitmap{0b1001}
	var rows row.Rows
	if err := l.Encode(row.Input{Rows: 4, Keys: []*column.Column{k}, Fields: []*column.Column{texts("a", "b", "c", "d")}}, &rows); err != nil {
		t.Fatal(err)
	}
	got, _ := l.Bytes(rows.At(1), 0)
	if rows.Len() != 2 || rows.NullKeys != 2 || rows.FirstNullKey != 1 || string(got) != "d" {
		t.Errorf("%d rows, %d without a key, the first %d, the second row has %q", rows.Len(), rows.NullKeys, rows.FirstNullKey, got)
	}
}

func TestWrongSchemas(t *testing.T) {
	for name, s := range map[string]row.Schema{
		"no key":        {Fields: fields("a", column.Int64)},
		"float key":     {Keys: fields("a", column.Float64)},
		"list key":      {Keys: fields("a", column.ListOf(column.Int64))},
		"key twice":     {Keys: fields("a", column.Int64, "a", column.Int64)},
		"feature twice": {Keys: fields("a", column.Int64), Fields: fields("b", column.Int64, "b", column.Int64)},
		"no name":       {Keys: fields("", column.Int64)},
		"no type":       {Keys: fields("a", column.Invalid)},
		"many keys":     {Keys: make([]column.Field, row.MaxKeys+1)},
		"many features": {Keys: fields("a", column.Int64), Fields: make([]column.Field, row.MaxFields+1)},
	} {
		_, err := row.NewLayout(s)
		var d *diag.Error
		if !errors.As(err, &d) || d.Code != "Q651" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKeysAndFeaturesAreTwoNamespaces: a feature may have the name of a key; the bytes of
// a schema tell which is which.
func TestKeysAndFeaturesAreTwoNamespaces(t *testing.T) {
	a, b := fields("a", column.Int64, "b", column.Int64), fields("b", column.Int64, "a", column.Int64)
	seen := map[[32]byte]bool{}
	for _, s := range []row.Schema{{Keys: a[:1], Fields: b}, {Keys: a, Fields: a[:1]}, {Keys: a, Fields: b}, {Keys: b, Fields: a}, {Keys: a[:1], Fields: a}} {
		back, err := row.ParseSchema(s.AppendBinary(nil))
		if err != nil || !back.Equal(s) || seen[s.Digest()] {
			t.Errorf("%v came back as %v, %v", s, back, err)
		}
		seen[s.Digest()] = true
	}
}

// TestCompareIsATotalOrder on random rows: antisymmetric, transitive, 0 only for equal bytes.
func TestCompareIsATotalOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	s := row.Schema{Keys: fields("k", column.Int64), Fields: fields("a", column.Bool, "s", column.String), Time: true}
	l := layout(t, s)
	in := rowtest.Table(rnd, s, 40, 2)
	for i := range in.Rows { // few different contents
		in.Fields[0].Values.Bools[in.Fields[0].Slot(i)] = i%2 == 0
	}
	var rows row.Rows
	if err := l.Encode(in, &rows); err != nil {
		t.Fatal(err)
	}
	for i := range rows.Len() {
		for j := range rows.Len() {
			x, y := rows.At(i), rows.At(j)
			c := l.Compare(x, y)
			if c != -l.Compare(y, x) {
				t.Fatalf("rows %d and %d: not antisymmetric", i, j)
			}
			same := l.Event(x) == l.Event(y) && l.Created(x) == l.Created(y) && l.Seq(x) == l.Seq(y) &&
				l.CompareContent(x, y) == 0
			if (c == 0) != same {
				t.Fatalf("rows %d and %d: %d", i, j, c)
			}
			if l.Event(x) < l.Event(y) && c >= 0 {
				t.Fatalf("rows %d and %d: the later event must win", i, j)
			}
			for k := range rows.Len() {
				if z := rows.At(k); c < 0 && l.Compare(y, z) < 0 && l.Compare(x, z) >= 0 {
					t.Fatalf("rows %d, %d and %d: not transitive", i, j, k)
				}
			}
		}
	}
}

// TestTimesOfDays: days are widened to microseconds, and stop at the ends of int64.
func TestTimesOfDays(t *testing.T) {
	l := layout(t, row.Schema{Keys: fields("k", column.Int64), Time: true})
	days := column.Vector{Type: column.Date, Len: 3, Int32s: []int32{-1, math.MaxInt32, math.MinInt32}}
	var rows row.Rows
	if err := l.Encode(row.Input{Rows: 3, Keys: []*column.Column{ints(1, 2, 3)}, Event: &column.Column{Len: 3, Values: days}}, &rows); err != nil {
		t.Fatal(err)
	}
	first, last, least := l.Event(rows.At(0)), l.Event(rows.At(1)), l.Event(rows.At(2))
	if first != -86_400_000_000 || last < math.MaxInt64-86_400_000_000 || least == row.NoTime || least > math.MinInt64+86_400_000_000 {
		t.Errorf("%d, %d, %d", first, last, least)
	}
}
