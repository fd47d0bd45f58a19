package parquet

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	reference "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/rle"

	"quern/features/column"
	"quern/features/diag"
	"quern/internal/simd"
	"quern/pipeline/sink"
)

// TestLevelsReadBack encodes levels in stretches of all kinds and reads them with
// another decoder. It fills the last packed group up with zeros.
func TestLevelsReadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 1000, 5000} {
		for _, stretch := range []int{1, 2, 9, 16, 17, 100, 10000} {
			for width := 1; width <= 2; width++ {
				var levels []byte
				for len(levels) < n {
					level := byte(r.IntN(1 << width))
					for range 1 + r.IntN(stretch) {
						levels = append(levels, level)
					}
				}
				levels = levels[:n]
				text := appendHybrid(nil, levels, width)
				got, err := (&rle.Encoding{BitWidth: width}).DecodeLevels(nil, text)
				if err != nil || len(got) < n || !bytes.Equal(got[:n], levels) || len(got) >= n+8 {
					t.Fatalf("n=%d width %d stretches of %d: %d levels back, %v", n, width, stretch, len(got), err)
				}
				if stretch == 10000 && n >= 64 && len(text) > 10+n/100 {
					t.Errorf("%d levels in few runs take %d bytes", n, len(text))
				}
			}
		}
	}
}

// textLists returns lists of strings of up to size bytes, some lists of 60 elements.
func textLists(r *rand.Rand, n, size int, dict bool) column.Column {
	v := column.Vector{Type: column.ListOf(column.String), Len: n, Offsets: []uint32{0}}
	total := 0
	for range n {
		total += []int{0, 1, 3, 60}[r.IntN(4)]
		v.Offsets = append(v.Offsets, uint32(total))
	}
	elements := texts(r, total, size, dict)
	v.Elements = &elements
	return column.Column{Len: n, Values: v}
}

func listField(t column.Type) []sink.Field {
	return []sink.Field{{Field: column.Field{Name: "x", Type: column.ListOf(t)}}}
}

// TestLongListsCutPagesGroupsAndBatches writes with small limits, so that every cut is
// made, and reads back.
func TestLongListsCutPagesGroupsAndBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, dict := range []bool{false, true} {
		for _, size := range []int{0, 10, 200} {
			var out bytes.Buffer
			sp, err := Format{}.NewPart(&out, listField(column.String))
			if err != nil {
				t.Fatal(err)
			}
			p := sp.(*part)
			p.limits = limits{groups: 1000, groupText: 50_000, batchText: 100_000, text: 60*208 + 1, lists: 1 << 30, pageText: 4000}
			p.open(0).limits = p.limits
			p.newWriter = func() *columnWriter { panic("one is enough") }
			var want []column.Column
			for _, n := range []int{1, 63, 64, 65, 500, 1000, 0, 130} {
				c := textLists(r, n, size, dict)
				want = append(want, c)
				if err := p.Write(column.Batch{Rows: n, Columns: []column.Column{c}}); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			groups, pages := checkTextLists(t, out.Bytes(), want)
			if size == 200 && (groups < 6 || !dict && pages < 200) || groups < 2 {
				t.Errorf("dict=%v size=%d: %d groups and %d pages", dict, size, groups, pages)
			}
		}
	}
}

func checkTextLists(t *testing.T, data []byte, want []column.Column) (groups, pages int) {
	t.Helper()
	f, err := reference.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.RowGroups() {
		groups++
		if x, err := g.ColumnChunks()[0].OffsetIndex(); err == nil {
			pages += x.NumPages()
		}
	}
	rows := reference.NewReader(f)
	one := make([]reference.Row, 1)
	for _, c := range want {
		for i := range c.Len {
			if n, err := rows.ReadRows(one); n != 1 {
				t.Fatal(err)
			}
			lo, hi := c.Values.List(i)
			if len(one[0]) != max(1, hi-lo) {
				t.Fatalf("a list of %d elements has %d", hi-lo, len(one[0]))
			}
			for k := lo; k < hi; k++ {
				v, slot := one[0][k-lo], c.Values.Elements.Slot(k)
				null := c.Values.Elements.Values.Null(slot)
				if null != v.IsNull() || !null && !bytes.Equal(v.ByteArray(), c.Values.Elements.Values.Text.At(slot)) {
					t.Fatalf("row %d element %d is %v", i, k-lo, v)
				}
			}
		}
	}
	return groups, pages
}

func TestAListThatNoPageHoldsIsAnError(t *testing.T) {
	c := textLists(rand.New(rand.NewPCG(8, 8)), 50, 10, true)
	longest, where := 0, int64(0)
	for i := range c.Len {
		if lo, hi := c.Values.List(i); hi-lo > longest {
			longest, where = hi-lo, int64(i)
		}
	}
	sp, _ := Format{}.NewPart(io.Discard, listField(column.String))
	p := sp.(*part)
	p.limits.text = 8 * 59
	var e *diag.Error
	err := p.Write(column.Batch{Rows: c.Len, Columns: []column.Column{c}})
	if !errors.As(err, &e) || e.Code != "Q423" || e.Data.Row != where || e.Data.Column != "x" {
		t.Errorf("%v, want Q423 at row %d", err, where)
	}
}

// distinctLists returns n lists of 16 integers, no two of them equal.
func distinctLists(n int) column.Column {
	v := column.Vector{Type: column.ListOf(column.Int64), Len: n, Offsets: []uint32{0}, Elements: &column.Column{}}
	e := column.Vector{Type: column.Int64, Len: 16 * n}
	for i := range n {
		for k := range 16 {
			e.Int64s = append(e.Int64s, int64(i*16+k))
		}
		v.Offsets = append(v.Offsets, uint32(len(e.Int64s)))
	}
	*v.Elements = column.Column{Len: e.Len, Values: e}
	return column.Column{Len: n, Values: v}
}

// TestListsAreCodedAsTheirElementsAre looks into the pages, and allows no allocation
// per row.
func TestListsAreCodedAsTheirElementsAre(t *testing.T) {
	for _, dict := range []bool{true, false} {
		c := textLists(rand.New(rand.NewPCG(9, 9)), 3000, 12, dict)
		if !dict {
			c = distinctLists(3000)
		}
		codec, _ := newCodec("zstd")
		w := &columnWriter{codec: codec, kernels: simd.Best(), limits: limits{batchText: 1 << 20, pageText: 1 << 20}}
		again := func() {
			w.reset()
			w.append(&c)
			w.end()
		}
		again()
		if w.coded != dict || dict && len(w.dict.keys) > 5 {
			t.Errorf("dict=%v: coded %v, %d keys", dict, w.coded, len(w.dict.keys))
		}
		if got := testing.AllocsPerRun(3, again); got > 60 {
			t.Errorf("%v allocations for 3,000 lists", got)
		}
	}
}

func BenchmarkWriteLists(b *testing.B) {
	c := distinctLists(1 << 14)
	p, _ := Format{Codec: "none"}.NewPart(io.Discard, listField(column.Int64)) // levels and values, not zstd
	for b.Loop() {
		if err := errors.Join(p.Reset(io.Discard), p.Write(column.Batch{Rows: c.Len, Columns: []column.Column{c}}), p.Close()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Values.Elements.Len), "ns/element")
}
