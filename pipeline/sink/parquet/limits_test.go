package parquet

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	reference "github.com/parquet-go/parquet-go"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/internal/simd"
	"quern/pipeline/sink"
)

// texts returns a column of n strings, some null, of up to size bytes.
func texts(r *rand.Rand, n, size int, dict bool) column.Column {
	slots := n
	if dict {
		slots = 5
	}
	v := column.Vector{Type: column.String, Len: slots, Valid: column.NewBitmap(slots)}
	for i := range slots {
		if r.IntN(5) > 0 {
			v.Valid.Set(i)
		}
		v.Text.Append(bytes.Repeat([]byte{byte('a' + r.IntN(26))}, r.IntN(size+1)))
	}
	c := column.Column{Len: n, Values: v}
	if dict {
		c.Index = make([]int32, n)
		for i := range c.Index {
			c.Index[i] = int32(r.IntN(slots))
		}
	}
	return c
}

func textField() []sink.Field {
	return []sink.Field{{Field: column.Field{Name: "a.b", Type: column.String}, Role: program.RoleKeep}}
}

// readTexts returns the strings of all rows; nil: null.
func readTexts(t *testing.T, data []byte) (all [][]byte, groups, pages int) {
	t.Helper()
	f, err := reference.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.RowGroups() {
		chunk := g.ColumnChunks()[0]
		if path := f.Schema().Columns()[0]; len(path) != 1 || path[0] != "a.b" {
			t.Fatalf("the path of a name with a dot is %q", path)
		}
		if index, err := chunk.OffsetIndex(); err == nil {
			pages += index.NumPages()
		}
		rows := chunk.Pages()
		for {
			p, err := rows.ReadPage()
			if err != nil {
				break
			}
			values := make([]reference.Value, p.NumValues())
			if n, err := p.Values().ReadValues(values); n != len(values) {
				t.Fatal(err)
			}
			for _, v := range values {
				if v.IsNull() {
					all = append(all, nil)
				} else {
					all = append(all, append([]byte{}, v.ByteArray()...))
				}
			}
		}
		groups++
	}
	return all, groups, pages
}

// TestLongStringsCutPagesGroupsAndBatches writes with small limits, so that every cut
// is made, and reads back.
func TestLongStringsCutPagesGroupsAndBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, dict := range []bool{false, true} {
		for _, size := range []int{0, 10, 200, 3000} {
			var out bytes.Buffer
			sp, err := Format{}.NewPart(&out, textField())
			if err != nil {
				t.Fatal(err)
			}
			p := sp.(*part)
			p.limits = limits{groups: 1000, groupText: 50_000, batchText: 100_000, text: 5000, lists: 1 << 30, pageText: 4000}
			p.open(0).limits = p.limits
			p.newWriter = func() *columnWriter { panic("one is enough") }
			var want []column.Column
			for _, n := range []int{1, 63, 64, 65, 500, 1000, 0, 130} {
				c := texts(r, n, size, dict)
				want = append(want, c)
				if err := p.Write(column.Batch{Rows: n, Columns: []column.Column{c}}); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			got, groups, pages := readTexts(t, out.Bytes())
			at := 0
			for _, c := range want {
				for i := range c.Len {
					slot := c.Slot(i)
					null := c.Values.Null(slot)
					if null != (got[at] == nil) || !null && !bytes.Equal(got[at], c.Values.Text.At(slot)) {
						t.Fatalf("dict=%v size=%d: row %d", dict, size, at)
					}
					at++
				}
			}
			if at != len(got) || size == 3000 && (groups < 6 || !dict && pages < 200) || size == 0 && groups != 1 {
				t.Errorf("dict=%v size=%d: %d of %d rows in %d groups and %d pages", dict, size, len(got), at, groups, pages)
			}
		}
	}
}

func TestWhatNoFileHoldsIsAnError(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	code := func(l limits, c column.Column, times int) diag.Code {
		sp, _ := Format{}.NewPart(io.Discard, []sink.Field{{Field: column.Field{Name: "x", Type: c.Type()}}})
		p := sp.(*part)
		p.limits = l
		var err error
		for range times {
			err = errors.Join(err, p.Write(column.Batch{Rows: c.Len, Columns: []column.Column{c}}))
		}
		var e *diag.Error
		errors.As(errors.Join(err, p.Close()), &e)
		if e == nil {
			return ""
		}
		return e.Code
	}
	small := limits{groups: 3, groupText: 1, batchText: 1 << 20, text: 50, lists: 100, pageText: 1 << 20}
	c := texts(r, 20, 50, false)
	if got := code(small, c, 3); got != "" {
		t.Errorf("three groups: %s", got)
	}
	if got := code(small, c, 4); got != "Q424" {
		t.Errorf("four groups: %s", got)
	}
	c.Values.Text.Append(bytes.Repeat([]byte("x"), 51))
	c.Values.Valid.Set(20)
	c.Len, c.Values.Len = 21, 21
	if got := code(small, c, 1); got != "Q423" {
		t.Errorf("a long string: %s", got)
	}
	lists := textLists(r, 100, 3, false)
	if got := code(limits{groups: 3, groupText: 1, batchText: 1 << 20, text: 1000, lists: 1100, pageText: 1 << 20}, lists, 1); got != "Q425" {
		t.Errorf("long lists: %s", got)
	}
	if got := code(formatLimits(), c, 4); got != "" {
		t.Errorf("with the format's limits: %s", got)
	}
	if _, err := (Format{Codec: "lzma"}).NewPart(io.Discard, textField()); err == nil {
		t.Error("an unknown codec")
	}
}

// TestDictionariesAreOfDistinctValues looks into the pages: operators that map many
// entries to few values must not make large dictionaries.
func TestDictionariesAreOfDistinctValues(t *testing.T) {
	const n = 70000
	plain := column.Vector{Type: column.Int64, Len: n, Int64s: make([]int64, n)}
	dict := column.Column{Len: n, Values: column.Vector{Type: column.Int64, Len: 30000, Int64s: make([]int64, 30000)}, Index: make([]int32, n)}
	r := rand.New(rand.NewPCG(3, 3))
	for i := range n {
		plain.Int64s[i] = int64(r.IntN(12))
		dict.Index[i] = int32(r.IntN(30000))
	}
	for i := range 30000 {
		dict.Values.Int64s[i] = int64(i % 12)
	}
	wide := column.Vector{Type: column.Int64, Len: n, Int64s: make([]int64, n)}
	late := column.Vector{Type: column.Int64, Len: n, Int64s: make([]int64, n)}
	for i := range n {
		wide.Int64s[i] = int64(i)
		late.Int64s[i] = int64(max(0, i-5000)) // looks good for a while
	}
	for name, c := range map[string]struct {
		column column.Column
		coded  bool
		keys   int
	}{
		"plain with few values": {column.Column{Len: n, Values: plain}, true, 12},
		"many equal entries":    {dict, true, 12},
		"all distinct":          {column.Column{Len: n, Values: wide}, false, 0},
		"distinct later":        {column.Column{Len: n, Values: late}, false, 0},
	} {
		codec, _ := newCodec("zstd")
		w := &columnWriter{codec: codec, kernels: simd.Best(), limits: limits{batchText: 1 << 20, pageText: 1 << 20}}
		w.append(&c.column)
		w.end()
		if w.coded != c.coded || c.coded && len(w.dict.keys) != c.keys {
			t.Errorf("%s: coded %v, %d keys", name, w.coded, len(w.dict.keys))
		}
	}
}

// TestEncodingIsAllocationFree allows what headers take, a few per page, and nothing
// per row.
func TestEncodingIsAllocationFree(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, c := range []column.Column{texts(r, 70000, 5, true), texts(r, 70000, 5, false)} {
		p, err := Format{}.NewPart(io.Discard, textField())
		if err != nil {
			t.Fatal(err)
		}
		batch := column.Batch{Rows: c.Len, Columns: []column.Column{c}}
		write := func() {
			if err := errors.Join(p.Reset(io.Discard), p.Write(batch), p.Close()); err != nil {
				t.Fatal(err)
			}
		}
		write()
		if got := testing.AllocsPerRun(3, write); got > 250 {
			t.Errorf("%v allocations for a file of 70,000 rows", got)
		}
	}
}

func TestSetBits(t *testing.T) {
	got, want := column.NewBitmap(200), column.NewBitmap(200)
	setBits(got, 3, 190)
	for i := 3; i < 193; i++ {
		want.Set(i)
	}
	for i := range 200 {
		if got.Get(i) != want.Get(i) {
			t.Fatalf("bit %d", i)
		}
	}
}

// TestPlainHasNoDictionaries whatever the columns are; without the option these have one.
func TestPlainHasNoDictionaries(t *testing.T) {
	c := texts(rand.New(rand.NewPCG(6, 6)), 5000, 5, true)
	for _, plain := range []bool{true, false} {
		var out bytes.Buffer
		p, err := Format{Plain: plain}.NewPart(&out, textField())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(p.Write(column.Batch{Rows: c.Len, Columns: []column.Column{c}}), p.Close()); err != nil {
			t.Fatal(err)
		}
		f, err := reference.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		m := f.Metadata().RowGroups[0].Columns[0].MetaData
		if got := m.DictionaryPageOffset > 0; got == plain {
			t.Errorf("plain %v: a dictionary %v", plain, got)
		}
		values, _, _ := readTexts(t, out.Bytes())
		if len(values) != c.Len {
			t.Errorf("plain %v: %d rows", plain, len(values))
		}
	}
}
