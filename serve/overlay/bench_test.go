package overlay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"quern/features/column"
	"quern/serve/row"
)

// wide returns a layout of 50 float32, and a function that encodes rows of it.
func wide(b *testing.B) (*row.Layout, func(from, n int) *row.Rows) {
	s := row.Schema{Keys: []column.Field{{Name: "key", Type: column.Int64}}, Time: true}
	for f := range 50 {
		s.Fields = append(s.Fields, column.Field{Name: fmt.Sprint("f", f), Type: column.Float32})
	}
	l, err := row.NewLayout(s)
	if err != nil {
		b.Fatal(err)
	}
	return l, func(from, n int) *row.Rows {
		keys := column.Vector{Type: column.Int64, Len: n}
		values := column.Vector{Type: column.Float32, Len: n, Float32s: make([]float32, n)}
		for i := range n {
			keys.Int64s = append(keys.Int64s, int64(from+i))
		}
		in := row.Input{Rows: n, Keys: []*column.Column{{Len: n, Values: keys}}}
		for range s.Fields {
			in.Fields = append(in.Fields, &column.Column{Len: n, Values: values})
		}
		rows := &row.Rows{}
		if err := l.Encode(in, rows); err != nil {
			b.Error(err)
		}
		return rows
	}
}

func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			l, rows := wide(b)
			v := mustOpen(b, b.TempDir(), l, Options{})
			b.ResetTimer()
			var group sync.WaitGroup
			for w := range writers {
				group.Go(func() {
					one := rows(w, 1)
					for range b.N/writers + 1 {
						if _, err := v.Put(context.Background(), one); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkLookup100(b *testing.B) {
	for _, full := range []int{0, 1_000_000} {
		b.Run(fmt.Sprintf("rows=%d", full), func(b *testing.B) {
			l, rows := wide(b)
			v := mustOpen(b, b.TempDir(), l, Options{})
			for from := 0; from < full; from += 10_000 {
				if _, err := v.Put(context.Background(), rows(from, 10_000)); err != nil {
					b.Fatal(err)
				}
			}
			var keys row.Keys
			found := make([]row.Row, 100)
			rnd := rand.New(rand.NewPCG(1, 1))
			b.ReportAllocs()
			for b.Loop() {
				keys.Reset(l)
				for range found {
					keys.PutInt(rnd.Int64N(1_000_000))
				}
				clear(found)
				v.Lookup(&keys, found)
			}
		})
	}
}

func BenchmarkRecover(b *testing.B) {
	l, rows := wide(b)
	path := b.TempDir()
	v := mustOpen(b, path, l, Options{})
	for from := 0; from < 1_000_000; from += 10_000 {
		if _, err := v.Put(context.Background(), rows(from, 10_000)); err != nil {
			b.Fatal(err)
		}
	}
	v.Close()
	for b.Loop() {
		v, err := Open(path, l, Options{})
		if err != nil {
			b.Fatal(err)
		}
		v.Close()
	}
}
