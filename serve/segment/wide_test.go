package segment

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"quern/features/column"
	"quern/serve/row"
)

// benchRows is how many entities benchmarks have.
const benchRows = 1_000_000

// wideLayout returns a layout of an int64 key and 50 float32 fields.
func wideLayout(tb testing.TB) *row.Layout {
	s := row.Schema{Keys: []column.Field{{Name: "id", Type: column.Int64}}, Time: true}
	for f := range 50 {
		s.Fields = append(s.Fields, column.Field{Name: fmt.Sprintf("f%02d", f), Type: column.Float32})
	}
	l, err := row.NewLayout(s)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// wideKey is the key of entity i: spread over all of int64.
func wideKey(i int) int64 { return int64(uint64(i) * 0x9e3779b97f4a7c15) }

// addWide adds entities from..to in batches.
func addWide(tb testing.TB, b *Builder, l *row.Layout, from, to int, nulls bool) {
	const step = 4096
	var rows row.Rows
	rnd := rand.New(rand.NewPCG(uint64(from), 1))
	for ; from < to; from += step {
		n := min(step, to-from)
		key := &column.Column{Len: n, Values: column.Vector{Type: column.Int64, Len: n, Int64s: make([]int64, n)}}
		time := &column.Column{Len: n, Values: column.Vector{Type: column.Timestamp, Len: n, Int64s: make([]int64, n)}}
		for i := range n {
			key.Values.Int64s[i] = wideKey(from + i)
			time.Values.Int64s[i] = 1_750_000_000_000_000 + int64(i)
		}
		in := row.Input{Rows: n, Keys: []*column.Column{key}, Event: time}
		for range 50 {
			c := &column.Column{Len: n, Values: column.Vector{Type: column.Float32, Len: n, Float32s: make([]float32, n)}}
			for i := range n {
				c.Values.Float32s[i] = rnd.Float32()
			}
			if nulls {
				c.Values.Valid = column.NewBitmap(n)
				c.Values.Valid.Fill(n)
				c.Values.Valid.Clear(rnd.IntN(n))
			}
			in.Fields = append(in.Fields, c)
		}
		if err := l.Encode(in, &rows); err != nil {
			tb.Fatal(err)
		}
		if err := b.Add(&rows); err != nil {
			tb.Fatal(err)
		}
	}
}

// writeFile writes a segment to a file of a new folder.
func writeFile(tb testing.TB, b *Builder) string {
	path := filepath.Join(tb.TempDir(), "segment")
	file, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	if _, _, err := b.Write(file); err != nil {
		tb.Fatal(err)
	}
	if err := file.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// request is what a handler keeps for requests of 100 keys x 50 fields.
type request struct {
	keys    row.Keys
	rows    []row.Row
	gather  row.Gatherer
	columns [50]column.Vector
	valid   [50]column.Bitmap
	events  []int64
}

func (r *request) run(s *Segment, seed uint64, gather bool) error {
	r.keys.Reset(s.Layout())
	for i := range 100 {
		r.keys.PutInt(wideKey(int((seed*0x9e3779b97f4a7c15 + uint64(i)*0xd6e8feb86659fd93) >> 32 % benchRows)))
	}
	r.rows = r.rows[:100]
	clear(r.rows)
	if err := s.Lookup(&r.keys, r.rows); err != nil || !gather {
		return err
	}
	r.gather.Start(s.Layout(), r.rows)
	r.events = r.gather.Events(r.events)
	var err error
	for f := range r.columns {
		if r.valid[f], err = r.gather.Field(f, &r.columns[f], r.valid[f]); err != nil {
			return err
		}
	}
	return nil
}

// wideSegment returns a segment of that many entities, open until the end of the test, and
// its file.
func wideSegment(tb testing.TB, entities int, nulls bool) (*Segment, string) {
	tb.Helper()
	l := wideLayout(tb)
	b, err := NewBuilder(l, BuildOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	defer b.Close()
	addWide(tb, b, l, 0, entities, nulls)
	path := writeFile(tb, b)
	s, err := Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s, path
}
